/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text as the host counts it. Inside the guest text is UTF-8; on VMBus it is UTF-16LE, and every limit of the host is a
 * number of UTF-16 units. Nothing here allocates behind the caller's back but the functions that say so.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Number of UTF-16 units that the n bytes of valid UTF-8 need, without a terminator. */
size_t utf16_units(const char *utf8, size_t n);

/* The longest prefix of the n bytes of valid UTF-8, in bytes, that needs no more than units UTF-16 units and no more than
 * bytes bytes, and that ends between two characters. */
size_t utf8_prefix(const char *utf8, size_t n, size_t units, size_t bytes);

/* True if the n bytes are valid UTF-8 without NUL. */
bool utf8_is_clean(const char *bytes, size_t n);

/* The n bytes as valid UTF-8, each maximal ill-formed part (the practice of Unicode chapter 3) and each NUL replaced by one
 * U+FFFD. Returns bytes itself when nothing has to be mended (a C string if bytes[n] is NUL), else *ret_buffer, a C string
 * that the caller frees with g_free(). */
const char *utf8_mend(const char *bytes, size_t n, char **ret_buffer);

/* Decodes at most units UTF-16LE units (unaligned), stopping at a NUL unit, into newly allocated UTF-8 (g_free).
 * -EILSEQ for a lone surrogate: such a name has no UTF-8 form and must be refused, not guessed. */
int utf16le_to_utf8(const void *utf16le, size_t units, char **ret);

/* Encodes valid UTF-8 as UTF-16LE into at most units units at out (unaligned), followed by zeroes up to units.
 * Returns the number of units without the terminator, or -ENOSPC if the text and its NUL unit do not fit. */
ssize_t utf8_to_utf16le(const char *utf8, void *out, size_t units);

G_END_DECLS
