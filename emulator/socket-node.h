/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The driver behind a SOCK_SEQPACKET socket: one packet = one message. A daemon connects instead of opening.
 *
 * What a socket cannot play (hvhost(1) lists it for the user; emulator/device-node.h can):
 *
 *  - EBUSY: a second connection is accepted and closed at once.
 *  - The slot: a message counts as read when it was sent, so nothing unread stays behind after a time-out.
 *  - EINVAL for a late or second answer, a wrong length, a short read buffer: the answer is dropped and
 * counted, the daemon does not learn it. (A late answer that meets the next request is delivered to it, as in
 * the driver.)
 *  - EBADF; withdrawal that waits for the daemon's close: the connection is shut down and the node vanishes
 * at once.
 *  - A blocking read under O_NONBLOCK, and POLLOUT: a socket is writable.
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "emulator/node.h"
#include "emulator/service.h"

G_BEGIN_DECLS

typedef struct SocketNode SocketNode;

/* Listens at path and becomes the service's node. */
int socket_node_new(sd_event *event, Service *service, const char *path, const NodeAccess *access,
                    SocketNode **ret);
SocketNode *socket_node_free(SocketNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SocketNode, socket_node_free)

G_END_DECLS
