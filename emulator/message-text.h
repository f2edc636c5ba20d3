/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A message written down field by field, for hosts that do not keep to the rules. Words, applied in order to
 * a message of zeroes:
 *
 *      size=N               its length (else the given default)
 *      u8@OFFSET=N  u16@OFFSET=N  u32@OFFSET=N  u64@OFFSET=N      little-endian
 *      text@OFFSET=STRING   without a NUL
 *      fill@OFFSET+N=BYTE
 *      hex@OFFSET=DIGITS
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* -EINVAL for a word that is none of these, -ERANGE for one that does not fit into size bytes. *ret_bad is
 * the word. */
int message_from_words(char *const *words, size_t default_size, uint8_t *message, size_t size, size_t *ret_n,
                       const char **ret_bad);

G_END_DECLS
