/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "cli/complain.h"

G_BEGIN_DECLS

/* Reads a file, or stdin for NULL and "-", at most max bytes (else EXIT_STATUS_INVALID). The text is
 * NUL-terminated, and may hold NUL inside: *ret_size tells. */
ExitStatus input_read(const char *path, size_t max, char **ret, size_t *ret_size, Failure *failure);

G_END_DECLS
