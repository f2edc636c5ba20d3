/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A record as any program may have left it, up to what the host is told of it, and back into a record of
 * ours. Input: u8 length of a pattern, the pattern that fills the key, and the rest fills the value; both
 * fields are full, without a NUL, unless the pattern has one.
 */

#include <stdlib.h>
#include <string.h>

#include "common/utf16.h"
#include "wire/kvp.h"
#include "wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(uint8_t *field, size_t size, const uint8_t *pattern, size_t n) {
        memset(field, 0, size);
        for (size_t i = 0; n > 0 && i < size; i++)
                field[i] = pattern[i % n];
}

static void check_reply(const char *key, size_t key_size, const char *value, size_t value_size) {
        static uint8_t reply[KVP_MESSAGE_SIZE];
        const char *k, *v;
        WireStatus status;

        kvp_wire_reply_pair(reply, key, key_size, value, value_size);
        g_assert(kvp_wire_parse_reply(reply, sizeof(reply), &status, &k, &v) == 0);
        g_assert(utf8_is_clean(k, strlen(k)) && utf16_units(k, strlen(k)) <= RECORD_KEY_UNITS_MAX);
        g_assert(utf8_is_clean(v, strlen(v)) && utf16_units(v, strlen(v)) <= RECORD_VALUE_UNITS_MAX);
}

static void check_encoding(const char *key, size_t key_size, const char *value, size_t value_size) {
        uint8_t record[RECORD_SIZE];

        memset(record, 0xAA, sizeof(record));
        record_encode(record, key, key_size, value, value_size);
        g_assert(record_field_length(record, RECORD_KEY_SIZE) == key_size);
        g_assert(record_field_length(record + RECORD_KEY_SIZE, RECORD_VALUE_SIZE) == value_size);
        g_assert(memcmp(record, key, key_size) == 0);
        g_assert(memcmp(record + RECORD_KEY_SIZE, value, value_size) == 0);
        for (size_t i = key_size; i < RECORD_KEY_SIZE; i++)
                g_assert(record[i] == 0);
        for (size_t i = RECORD_KEY_SIZE + value_size; i < RECORD_SIZE; i++)
                g_assert(record[i] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        /* On the heap and without a byte between them and the end, so that a read beyond is seen. */
        g_autofree uint8_t *key = g_malloc(RECORD_KEY_SIZE), *value = g_malloc(RECORD_VALUE_SIZE);
        size_t split, key_size, value_size;

        if (size == 0)
                return 0;
        split = MIN((size_t) data[0], size - 1);
        fill(key, RECORD_KEY_SIZE, data + 1, split);
        fill(value, RECORD_VALUE_SIZE, data + 1 + split, size - 1 - split);

        key_size = record_field_length(key, RECORD_KEY_SIZE);
        value_size = record_field_length(value, RECORD_VALUE_SIZE);
        check_reply((const char *) key, key_size, (const char *) value, value_size);
        check_encoding((const char *) key, key_size, (const char *) value, value_size);
        return 0;
}
