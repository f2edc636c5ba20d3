/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * KVP messages of every kind through the parser, and what it lets pass through the reply. A message is 7,432
 * bytes, mostly zero, so the input is a recipe: u8 operation, u8 pool, then patches of u16 offset, u8 times,
 * u8 length, bytes, each laid at its offset as often as said. An input that begins with 0xFF is the rest of
 * itself, at its own length.
 */

#include <stdlib.h>
#include <string.h>

#include "common/utf16.h"
#include "wire/kvp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lay(uint8_t *message, size_t offset, unsigned times, const uint8_t *bytes, size_t n) {
        for (unsigned i = 0; i < times && offset + n <= KVP_MESSAGE_SIZE; i++, offset += n)
                memcpy(message + offset, bytes, n);
}

static void cook(uint8_t *message, const uint8_t *data, size_t size) {
        memset(message, 0, KVP_MESSAGE_SIZE);
        for (size_t i = 0; i < 2 && i < size; i++)
                message[i] = data[i];
        for (size_t i = 2; i + 4 <= size;) {
                size_t offset = (size_t) data[i] | (size_t) data[i + 1] << 8;
                size_t n = MIN((size_t) data[i + 3], size - i - 4);

                lay(message, offset, data[i + 2], data + i + 4, n);
                i += 4 + n;
        }
}

static void check_request(const KvpRequest *request) {
        g_assert(request->operation >= 0 && request->operation < _KVP_OPERATION_MAX);
        g_assert(request->pool >= 0 && request->pool < _KVP_POOL_ID_MAX);
        g_assert(request->key_size == strnlen(request->key, RECORD_KEY_SIZE));
        g_assert(request->value_size == strnlen(request->value, RECORD_VALUE_SIZE));
        g_assert(request->key_size <= RECORD_KEY_MAX && request->value_size <= RECORD_VALUE_MAX);
        g_assert(utf8_is_clean(request->key, request->key_size));
        g_assert(utf8_is_clean(request->value, request->value_size));
}

static void check_reply(const char *key, size_t key_size, const char *value, size_t value_size) {
        static uint8_t reply[KVP_MESSAGE_SIZE];
        const char *k, *v;
        WireStatus status;

        memset(reply, 0xAA, sizeof(reply));
        kvp_wire_reply_pair(reply, key, key_size, value, value_size);

        g_assert(kvp_wire_parse_reply(reply, sizeof(reply), &status, &k, &v) == 0);
        g_assert(status == WIRE_STATUS_OK);
        g_assert(utf8_is_clean(k, strlen(k)) && utf16_units(k, strlen(k)) <= RECORD_KEY_UNITS_MAX);
        g_assert(utf8_is_clean(v, strlen(v)) && utf16_units(v, strlen(v)) <= RECORD_VALUE_UNITS_MAX);
        for (const uint8_t *p = (const uint8_t *) v + strlen(v); p < reply + sizeof(reply); p++)
                g_assert(*p == 0);
}

static void try_message(const uint8_t *bytes, size_t n) {
        /* Exactly n bytes, so that a read beyond them is seen. */
        g_autofree uint8_t *message = g_memdup2(bytes, n);
        char version[64];
        KvpRequest request;
        WireStatus status;
        int r;

        (void) kvp_wire_parse_registered(message, n, version);
        (void) kvp_wire_is_registration(message, n);
        r = kvp_wire_parse(message, n, &request, &status);
        g_assert(r >= 0 && r < _KVP_REFUSAL_MAX);
        g_assert((r == KVP_REFUSAL_NONE) == (status == WIRE_STATUS_OK));
        if (r != KVP_REFUSAL_NONE)
                return;

        check_request(&request);
        check_reply(request.key, request.key_size, request.value, request.value_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static uint8_t message[KVP_MESSAGE_SIZE];

        if (size > 0 && data[0] == 0xFF) {
                try_message(data + 1, size - 1);
                return 0;
        }

        cook(message, data, size);
        try_message(message, sizeof(message));
        return 0;
}
