/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packets of the control socket: words, each ended by a NUL. Also bytes as hexadecimal digits. */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

void words_append(GByteArray *packet, const char *word);
/* -EBADMSG if the last word has no end, if there is none, or if there are more than max. */
int words_split(const char *packet, size_t n, unsigned max, char ***ret);

char *hex_from_bytes(const void *bytes, size_t n);
/* -EINVAL for anything but pairs of digits; -E2BIG. Blanks between pairs are skipped. */
int hex_to_bytes(const char *hex, void *buffer, size_t size, size_t *ret_n);

G_END_DECLS
