/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/words.h"

#include <errno.h>
#include <string.h>

void words_append(GByteArray *packet, const char *word) {
        g_byte_array_append(packet, (const uint8_t *) word, (guint) strlen(word) + 1);
}

int words_split(const char *packet, size_t n, unsigned max, char ***ret) {
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

        if (n == 0 || packet[n - 1] != '\0')
                return -EBADMSG;

        for (const char *word = packet; word < packet + n; word += strlen(word) + 1) {
                if (words->len == max)
                        return -EBADMSG;
                g_ptr_array_add(words, g_strdup(word));
        }

        g_ptr_array_add(words, NULL);
        *ret = (char **) g_ptr_array_free(g_steal_pointer(&words), FALSE);
        return 0;
}

char *hex_from_bytes(const void *bytes, size_t n) {
        static const char digits[] = "0123456789abcdef";
        char *hex = g_malloc(2 * n + 1);

        for (size_t i = 0; i < n; i++) {
                uint8_t byte = ((const uint8_t *) bytes)[i];

                hex[2 * i] = digits[byte >> 4];
                hex[2 * i + 1] = digits[byte & 15];
        }

        hex[2 * n] = '\0';
        return hex;
}

int hex_to_bytes(const char *hex, void *buffer, size_t size, size_t *ret_n) {
        size_t n = 0;

        while (*hex) {
                if (g_ascii_isspace(*hex)) {
                        hex++;
                        continue;
                }
                if (!g_ascii_isxdigit(hex[0]) || !g_ascii_isxdigit(hex[1]))
                        return -EINVAL;
                if (n == size)
                        return -E2BIG;

                ((uint8_t *) buffer)[n++] =
                        (uint8_t) (g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
                hex += 2;
        }

        *ret_n = n;
        return 0;
}
