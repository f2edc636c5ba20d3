/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One connected socket with its duties: hello first and in time, one packet a time, a queue that does not
 * grow for ever. Both ends are made of it. It ends once, with `over`, and always from the event loop: no call
 * of its owner ends it while the owner is still in the middle of something.
 */

#include "service/link/link.h"

G_BEGIN_DECLS

typedef struct LinkConnection LinkConnection;

/* Each may free the connection. */
typedef struct LinkConnectionOwner {
        void (*greeted)(LinkConnection *connection, const LinkMessage *hello, void *userdata);
        void (*message)(LinkConnection *connection, const LinkMessage *message, void *userdata);
        void (*over)(LinkConnection *connection, int error, void *userdata);
} LinkConnectionOwner;

/* fd is taken over, on success only. Says hello at once. */
int link_connection_new(sd_event *event, int fd, const char *role, double time_scale,
                        const LinkConnectionOwner *owner, void *userdata, LinkConnection **ret);
LinkConnection *link_connection_free(LinkConnection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinkConnection, link_connection_free)

/* True from the other end's hello until the end. */
bool link_connection_is_greeted(const LinkConnection *connection);
/* -ENOTCONN before the hello and after the end, or 0: sent or queued. */
int link_connection_send(LinkConnection *connection, const LinkMessage *message);

G_END_DECLS
