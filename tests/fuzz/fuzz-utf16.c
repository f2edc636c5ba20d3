/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend_and_cut(const uint8_t *data, size_t size) {
        g_autofree char *text = g_strndup((const char *) data, size), *buffer = NULL;
        const char *mended = utf8_mend(text, strlen(text), &buffer);
        size_t n = strlen(mended), half = utf8_prefix(mended, n, n / 2, n);

        g_assert_true(utf8_is_clean(mended, n));
        g_assert_true(utf8_is_clean(mended, half));
        g_assert_cmpuint(utf16_units(mended, half), <=, n / 2);
}

static void go_there_and_back(const uint8_t *data, size_t size) {
        g_autofree char *text = NULL, *again = NULL;
        g_autofree uint8_t *wire = g_malloc(size + 2);
        ssize_t units;

        if (utf16le_to_utf8(data, size / 2, &text) < 0)
                return;

        units = utf8_to_utf16le(text, wire, size / 2 + 1);
        g_assert_cmpint(units, >=, 0);
        g_assert_cmpint(utf16le_to_utf8(wire, (size_t) units, &again), ==, 0);
        g_assert_cmpstr(text, ==, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        mend_and_cut(data, size);
        go_there_and_back(data, size);
        return 0;
}
