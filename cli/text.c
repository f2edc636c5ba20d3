/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/text.h"

#include <fnmatch.h>
#include <string.h>

/* Characters that do not print but steer: besides controls, those that turn the direction of writing around
 * and could make a line show something else than it holds, and the separators that start a line. */
static bool steers_terminal(gunichar c) {
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void append_escaped(GString *out, gunichar c) {
        switch (c) {
        case '\n':
                g_string_append(out, "\\n");
                return;
        case '\r':
                g_string_append(out, "\\r");
                return;
        case '\t':
                g_string_append(out, "\\t");
                return;
        case '\\':
                g_string_append(out, "\\\\");
                return;
        default:
                if (!steers_terminal(c))
                        g_string_append_unichar(out, c);
                else if (c < 0x80)
                        g_string_append_printf(out, "\\x%02x", (unsigned) c);
                else
                        g_string_append_printf(out, "\\u{%x}", (unsigned) c);
        }
}

char *text_escape(const char *utf8) {
        GString *out = g_string_sized_new(strlen(utf8));
        for (const char *p = utf8; *p; p = g_utf8_next_char(p))
                append_escaped(out, g_utf8_get_char(p));
        return g_string_free(out, false);
}

bool text_matches(const char *pattern, const char *text) {
        return !pattern || fnmatch(pattern, text, 0) == 0;
}

bool text_is_literal(const char *pattern) {
        return strpbrk(pattern, "*?[\\") == NULL;
}

/* Edits between two words: a letter wrong, missing, added, or two neighbours swapped (optimal string
 * alignment). */
static size_t edit_distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b), width = m + 1;
        g_autofree size_t *d = g_new(size_t, (n + 1) * width);
        for (size_t i = 0; i <= n; i++)
                d[i * width] = i;
        for (size_t j = 0; j <= m; j++)
                d[j] = j;

        for (size_t i = 1; i <= n; i++)
                for (size_t j = 1; j <= m; j++) {
                        size_t best = d[(i - 1) * width + j - 1] + (a[i - 1] != b[j - 1]);
                        best = MIN(best, MIN(d[(i - 1) * width + j], d[i * width + j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                best = MIN(best, d[(i - 2) * width + j - 2] + 1);
                        d[i * width + j] = best;
                }
        return d[n * width + m];
}

const char *text_suggest(const char *word, const char *const *candidates) {
        size_t length = strlen(word), best = MIN((size_t) 3, (length + 1) / 2);
        const char *found = NULL;
        if (length > 64)
                return NULL;
        for (; *candidates; candidates++) {
                size_t distance = edit_distance(word, *candidates);
                if (distance < best) {
                        best = distance;
                        found = *candidates;
                }
        }
        return found;
}
