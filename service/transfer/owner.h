/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Owner= of hvutils.conf(5): "user" (with that user's group), "user:group", names or numbers; NULL is root. -ENOENT if
 * there is none of that name. Asks the name service: at a start and a reload only. */
int transfer_owner_parse(const char *owner, uid_t *ret_uid, gid_t *ret_gid);

G_END_DECLS
