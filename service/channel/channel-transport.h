/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The system calls under a channel as a table, so that tests can hand in a driver that returns what a socket never would
 * (EBUSY, EINVAL, EBADF). All results are as the system calls', with -errno in place of -1. None blocks: `read` is only
 * called when the descriptor was found readable, and at most once for that.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "service/channel/channel.h"

G_BEGIN_DECLS

typedef struct ChannelTransport {
        const char *name;                                         /* "device", "socket" */
        int (*open)(const char *path);                            /* a descriptor */
        ssize_t (*read)(int fd, void *buffer, size_t n);
        ssize_t (*write)(int fd, const void *buffer, size_t n);
        int (*poll)(int fd);                                      /* revents, without waiting; 0 = nothing to read */
        void (*close)(int fd);
} ChannelTransport;

extern const ChannelTransport channel_transport_device;
extern const ChannelTransport channel_transport_socket;

/* By what stands at the path: a socket, or anything else (that may also be nothing yet). */
const ChannelTransport *channel_transport_find(const char *path);

/* For tests: this transport instead of the one found. Before channel_start(). */
void channel_set_transport(Channel *channel, const ChannelTransport *transport);

G_END_DECLS
