/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * By which road the host's files come: the driver's device or the ring. A kernel has one of them, but which one shows only
 * when the host offers it; so without a path both are awaited, and the one that appears is served. A path names one.
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "service/channel/channel.h"
#include "service/transfer/engine.h"

G_BEGIN_DECLS

typedef struct TransferTransport TransferTransport;

int transfer_transport_new(sd_event *event, const char *path, const char *runtime_directory,
                           double time_scale, TransferEngine *engine, void (*changed)(void *userdata),
                           void *userdata, TransferTransport **ret);
TransferTransport *transfer_transport_free(TransferTransport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferTransport, transfer_transport_free)
int transfer_transport_start(TransferTransport *transport);
/* How long the ring may hold a message while file systems are frozen (the device's limit is the driver's). */
void transfer_transport_set_hold(TransferTransport *transport, uint64_t usec);

/* Of the one that is there, or nearer to it. */
ChannelState transfer_transport_get_state(const TransferTransport *transport);
const char *
transfer_transport_get_name(const TransferTransport *transport); /* "device", "socket", "ring", …, "none" */
const char *transfer_transport_get_version(const TransferTransport *transport);

G_END_DECLS
