/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The errors that a channel device may fail with, by name. */

#include <glib.h>

G_BEGIN_DECLS

/* "EINVAL" or "22" -> 22; -EINVAL. */
int errno_from_name(const char *name);

G_END_DECLS
