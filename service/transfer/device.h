/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files over /dev/vmbus/hv_fcopy, kernels before 6.10: the channel's messages for the engine, and its answers. */

#include <glib.h>
#include <systemd/sd-event.h>

#include "service/channel/channel.h"
#include "service/transfer/engine.h"

G_BEGIN_DECLS

typedef struct TransferDevice TransferDevice;

/* path NULL = /dev/vmbus/hv_fcopy. changed: the channel's state did; may be NULL. */
int transfer_device_new(sd_event *event, const char *path, double time_scale, TransferEngine *engine,
                        void (*changed)(void *userdata), void *userdata, TransferDevice **ret);
TransferDevice *transfer_device_free(TransferDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferDevice, transfer_device_free)
int transfer_device_start(TransferDevice *device);
const Channel *transfer_device_get_channel(const TransferDevice *device);

G_END_DECLS
