/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/utf16.h"

#include <errno.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static size_t units_of_lead(unsigned char lead) {
        return lead >= 0xF0 ? 2 : 1;
}

static size_t bytes_of_lead(unsigned char lead) {
        return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t utf16_units(const char *utf8, size_t n) {
        size_t units = 0;

        for (size_t i = 0; i < n; i += bytes_of_lead((unsigned char) utf8[i]))
                units += units_of_lead((unsigned char) utf8[i]);

        return units;
}

size_t utf8_prefix(const char *utf8, size_t n, size_t units, size_t bytes) {
        size_t end = 0;

        while (end < n) {
                size_t character_units = units_of_lead((unsigned char) utf8[end]);
                size_t next = end + bytes_of_lead((unsigned char) utf8[end]);

                if (next > n || next > bytes || character_units > units)
                        break;

                units -= character_units;
                end = next;
        }

        return end;
}

bool utf8_is_clean(const char *bytes, size_t n) {
        return g_utf8_validate_len(bytes, n, NULL);
}

/* What may follow a lead byte: how many bytes, and the range of the first of them (Unicode, table 3-7). The
 * others are 80 … BF. A count of zero means that this byte starts nothing. */
typedef struct Follow {
        size_t count;
        unsigned char low, high;
} Follow;

static Follow follow_of_lead(unsigned char lead) {
        if (lead >= 0xC2 && lead <= 0xDF)
                return (Follow){ 1, 0x80, 0xBF };
        if (lead >= 0xE0 && lead <= 0xEF)
                return (Follow){ 2, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF };
        if (lead >= 0xF0 && lead <= 0xF4)
                return (Follow){ 3, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF };
        return (Follow){ 0, 0, 0 };
}

/* Length of the maximal part at the start of the ill-formed bytes that one replacement stands for. */
static size_t ill_formed_part(const unsigned char *bytes, size_t n) {
        Follow follow = follow_of_lead(bytes[0]);
        size_t length = 1;

        while (length < n && length <= follow.count) {
                if (bytes[length] < follow.low || bytes[length] > follow.high)
                        break;
                follow.low = 0x80;
                follow.high = 0xBF;
                length++;
        }

        return length;
}

const char *utf8_mend(const char *bytes, size_t n, char **ret_buffer) {
        const char *bad;
        GString *mended;

        if (g_utf8_validate_len(bytes, n, &bad))
                return bytes;

        mended = g_string_sized_new(n + strlen(REPLACEMENT));
        for (const char *end = bytes + n; bytes < end;) {
                bool valid = g_utf8_validate_len(bytes, (gsize) (end - bytes), &bad);

                g_string_append_len(mended, bytes, bad - bytes);
                if (valid)
                        break;
                g_string_append(mended, REPLACEMENT);
                bytes = bad + ill_formed_part((const unsigned char *) bad, (size_t) (end - bad));
        }

        *ret_buffer = g_string_free(mended, FALSE);
        return *ret_buffer;
}

static uint16_t unit_at(const void *utf16le, size_t index) {
        const unsigned char *bytes = (const unsigned char *) utf16le + 2 * index;

        return (uint16_t) (bytes[0] | bytes[1] << 8);
}

static void put_unit(void *out, size_t index, uint32_t unit) {
        unsigned char *bytes = (unsigned char *) out + 2 * index;

        bytes[0] = (unsigned char) unit;
        bytes[1] = (unsigned char) (unit >> 8);
}

static bool is_high_surrogate(uint16_t unit) {
        return (unit & 0xFC00) == 0xD800;
}

static bool is_low_surrogate(uint16_t unit) {
        return (unit & 0xFC00) == 0xDC00;
}

int utf16le_to_utf8(const void *utf16le, size_t units, char **ret) {
        g_autoptr(GString) text = g_string_sized_new(units);

        for (size_t i = 0; i < units; i++) {
                uint16_t unit = unit_at(utf16le, i);
                gunichar character = unit;

                if (unit == 0)
                        break;
                if (is_low_surrogate(unit))
                        return -EILSEQ;
                if (is_high_surrogate(unit)) {
                        uint16_t low = ++i < units ? unit_at(utf16le, i) : 0;

                        if (!is_low_surrogate(low))
                                return -EILSEQ;
                        character = 0x10000 + (((gunichar) unit & 0x3FF) << 10) + (low & 0x3FF);
                }
                g_string_append_unichar(text, character);
        }

        *ret = g_string_free(g_steal_pointer(&text), FALSE);
        return 0;
}

ssize_t utf8_to_utf16le(const char *utf8, void *out, size_t units) {
        size_t n = strlen(utf8), needed = utf16_units(utf8, n), at = 0;

        if (needed + 1 > units)
                return -ENOSPC;

        memset(out, 0, 2 * units);
        for (const char *p = utf8; *p; p = g_utf8_next_char(p)) {
                gunichar character = g_utf8_get_char(p);

                if (character < 0x10000) {
                        put_unit(out, at++, character);
                } else {
                        put_unit(out, at++, 0xD800 + ((character - 0x10000) >> 10));
                        put_unit(out, at++, 0xDC00 + ((character - 0x10000) & 0x3FF));
                }
        }

        return (ssize_t) at;
}
