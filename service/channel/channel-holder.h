/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

/* Which other process has the file at path open, as "hv_kvp_daemon (PID 123)", into buffer. Only root may know that of
 * others, so anybody else does not look. False if nobody was found. */
bool channel_holder_find(const char *path, char *buffer, size_t n);

G_END_DECLS
