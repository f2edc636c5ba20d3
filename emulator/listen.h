/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sockets in DIR: SOCK_SEQPACKET, close-on-exec, non-blocking. */

#include <glib.h>

G_BEGIN_DECLS

/* Binds (an old socket file is replaced) and listens; the descriptor or a negative errno. */
int listen_at(const char *path);
int connect_at(const char *path);

G_END_DECLS
