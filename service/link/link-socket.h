/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What both ends do with the bare socket: its address, who is at the other end, and the first message. */

#include "service/link/link.h"

G_BEGIN_DECLS

typedef struct LinkUser {
        uid_t uid; /* of user hvutils; 0 where there is no such user */
        gid_t gid; /* of group hvutils; 0 where there is no such group */
} LinkUser;

/* Asks the user database: once, when an end is born, because name services may be slow. */
void link_user_init(LinkUser *user);

/* A non-blocking socket connected to path. wait_usec: how long to wait when the queue of the server is full
 * (0: not). */
int link_socket_connect(const char *path, uint64_t wait_usec);
/* A listening socket, seen at path only once it can be connected to; what stood there is replaced. */
int link_socket_listen(const char *path, const LinkUser *user);

/* -EPERM unless the other end runs as root, as hvutils, or as ourselves. */
int link_socket_check_peer(int fd, const LinkUser *user, uid_t *ret_uid);

/* One packet, never blocking: -EAGAIN if it does not fit now or there is none. */
int link_socket_send(int fd, const void *bytes, size_t n);
/* -ECONNRESET at the end, otherwise as link_message_parse(). */
int link_socket_receive(int fd, LinkMessage *ret);

void link_hello_init(LinkMessage *hello, const char *role);
/* -EBADMSG unless this is a hello that names a role. */
int link_hello_check(const LinkMessage *message);

/* Why a peer is none, as the end of a sentence. */
const char *link_error_to_string(int error);

G_END_DECLS
