/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text for terminals and text from people: escaping, patterns, words that were nearly right. */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* Valid UTF-8 for one line of a terminal: `\n`, `\t`, `\r`, `\\`, and \xNN or \u{N} for other characters that
 * control it or change the direction of what follows. Returns newly allocated text (g_free). */
char *text_escape(const char *utf8);

/* Shell pattern (fnmatch: * ? [a-z]) against the whole text; NULL matches everything. */
bool text_matches(const char *pattern, const char *text);
/* Whether a pattern can match only one text: it has none of * ? [ \ */
bool text_is_literal(const char *pattern);

/* The word of the NULL-terminated list that was probably meant, or NULL: at most two letters wrong, doubled,
 * left out or swapped, and fewer than half of the word. */
const char *text_suggest(const char *word, const char *const *candidates);

G_END_DECLS
