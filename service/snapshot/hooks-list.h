/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which hooks there are, by the rules of hooks.h. */

#include <glib.h>

G_BEGIN_DECLS

/* Paths (char *), sorted by file name. root: prefix of both directories. Nothing there is an empty list. */
GPtrArray *hooks_list(const char *root);
/* The prefix that holds when the caller has none. */
const char *hooks_root(const char *root);

G_END_DECLS
