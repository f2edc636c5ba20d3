/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/record.h"

#include <string.h>

static const char *const kvp_pool_table[_KVP_POOL_ID_MAX] = {
        [KVP_POOL_ID_EXTERNAL] = "external",
        [KVP_POOL_ID_GUEST] = "guest",
        [KVP_POOL_ID_AUTO] = "auto",
        [KVP_POOL_ID_AUTO_EXTERNAL] = "auto_external",
        [KVP_POOL_ID_AUTO_INTERNAL] = "auto_internal",
};
DEFINE_STRING_TABLE_LOOKUP(kvp_pool, KvpPool);

KvpPool kvp_pool_from_argument(const char *word) {
        if (!word)
                return _KVP_POOL_ID_INVALID;
        if (strcmp(word, "host") == 0)
                return KVP_POOL_ID_AUTO_EXTERNAL;
        if (word[0] >= '0' && word[0] < '0' + _KVP_POOL_ID_MAX && word[1] == '\0')
                return (KvpPool)(word[0] - '0');

        return kvp_pool_from_string(word);
}

const char *kvp_pool_file_name(KvpPool pool) {
        static const char *const names[_KVP_POOL_ID_MAX] = {
                [KVP_POOL_ID_EXTERNAL] = ".kvp_pool_0",      [KVP_POOL_ID_GUEST] = ".kvp_pool_1",
                [KVP_POOL_ID_AUTO] = ".kvp_pool_2",          [KVP_POOL_ID_AUTO_EXTERNAL] = ".kvp_pool_3",
                [KVP_POOL_ID_AUTO_INTERNAL] = ".kvp_pool_4",
        };

        g_assert(pool >= 0 && pool < _KVP_POOL_ID_MAX);

        return names[pool];
}

size_t record_field_length(const void *field, size_t size) {
        return strnlen((const char *)field, size);
}

static bool field_is_padded(const uint8_t *field, size_t size) {
        size_t n = record_field_length(field, size);

        return n == size || memcmp(field + n, field + n + 1, size - n - 1) == 0;
}

bool record_is_padded(const uint8_t record[RECORD_SIZE]) {
        return field_is_padded(record, RECORD_KEY_SIZE) &&
               field_is_padded(record + RECORD_KEY_SIZE, RECORD_VALUE_SIZE);
}

static void field_encode(uint8_t *field, size_t size, const char *text, size_t n) {
        g_assert(n <= size);

        if (n > 0)
                memcpy(field, text, n);
        memset(field + n, 0, size - n);
}

void record_encode(uint8_t record[RECORD_SIZE], const char *key, size_t key_size, const char *value,
                   size_t value_size) {
        field_encode(record, RECORD_KEY_SIZE, key, key_size);
        field_encode(record + RECORD_KEY_SIZE, RECORD_VALUE_SIZE, value, value_size);
}
