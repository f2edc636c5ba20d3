/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *text = g_strndup((const char *) data, size);
        char buffer[64];
        uint64_t number, again;

        if (parse_time(text, &number) >= 0) {
                g_assert_cmpint(parse_time(format_time(number, buffer, sizeof(buffer)), &again), ==, 0);
                g_assert_cmpuint(again, <=, number);
        }
        if (parse_size(text, &number) >= 0)
                g_assert_nonnull(format_size(number, buffer, sizeof(buffer)));
        (void) parse_boolean(text);
        return 0;
}
