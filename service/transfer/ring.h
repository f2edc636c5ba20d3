/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files over the VMBus ring, kernels from 6.10 on: the channel's messages for the engine, and its answers. */

#include <glib.h>
#include <systemd/sd-event.h>

#include "service/transfer/engine.h"
#include "service/transfer/uio.h"

G_BEGIN_DECLS

typedef struct TransferRing TransferRing;

/* path: see uio_new(). -EINVAL if it names no ring. changed: the channel's state did; may be NULL. */
int transfer_ring_new(sd_event *event, const char *path, const char *runtime_directory, double time_scale,
                      TransferEngine *engine, void (*changed)(void *userdata), void *userdata,
                      TransferRing **ret);
TransferRing *transfer_ring_free(TransferRing *ring);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferRing, transfer_ring_free)
int transfer_ring_start(TransferRing *ring);
/* How long a message may be held while file systems are frozen: Watchdog=. */
void transfer_ring_set_hold(TransferRing *ring, uint64_t usec);
const Uio *transfer_ring_get_channel(const TransferRing *ring);

G_END_DECLS
