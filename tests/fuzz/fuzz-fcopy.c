/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A message of file copy in both encodings: names are clean text, data lies within what came. */

#include <string.h>

#include "common/utf16.h"
#include "wire/fcopy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name) {
        size_t n = strnlen(name, FCOPY_NAME_MAX);

        g_assert_cmpuint(n, <, FCOPY_NAME_MAX);
        g_assert_true(utf8_is_clean(name, n));
}

static void check(const uint8_t *data, size_t size, FcopyEncoding encoding) {
        FcopyRequest request = {};
        WireStatus status = WIRE_STATUS_OK;

        if (fcopy_wire_parse(data, size, encoding, &request, &status) != 0) {
                g_assert_cmphex(status, !=, WIRE_STATUS_OK);
                return;
        }

        g_assert_cmphex(status, ==, WIRE_STATUS_OK);
        if (request.operation == FCOPY_OPERATION_START) {
                check_name(request.file_name);
                check_name(request.path_name);
                g_assert_true(request.file_name[0] != '\0');
        }
        if (request.operation == FCOPY_OPERATION_WRITE) {
                g_assert_true(request.data >= data && request.data + request.size <= data + size);
                g_assert_cmpuint(request.size, <=, FCOPY_FRAGMENT_MAX);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        check(data, size, FCOPY_UTF8);
        check(data, size, FCOPY_UTF16);
        return 0;
}
