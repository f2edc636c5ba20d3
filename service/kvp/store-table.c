/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-table.h"

#include <string.h>

/* FNV-1a from a random start, so that nobody can choose keys that all fall into one slot. */
static uint32_t key_hash(const char *key, size_t key_size) {
        static uint64_t seed;
        if (seed == 0)
                seed = ((uint64_t)g_random_int() << 32) | g_random_int() | 1;

        uint64_t hash = seed;
        for (size_t i = 0; i < key_size; i++)
                hash = (hash ^ (uint8_t)key[i]) * UINT64_C(0x100000001b3);

        return (uint32_t)(hash ^ (hash >> 32));
}

static StoreRecord *record_new(uint32_t hash, const char *key, size_t key_size, const char *value,
                               size_t value_size) {
        StoreRecord *record = (StoreRecord *)g_malloc(sizeof(StoreRecord) + key_size + value_size + 2);

        record->hash = hash;
        record->key_size = (uint16_t)key_size;
        record->value_size = (uint16_t)value_size;
        record->padded = true;
        memcpy(record->data, key, key_size);
        record->data[key_size] = '\0';
        if (value_size > 0)
                memcpy(record->data + key_size + 1, value, value_size);
        record->data[key_size + 1 + value_size] = '\0';
        return record;
}

static bool record_has_key(const StoreRecord *record, uint32_t hash, const char *key, size_t key_size) {
        return record->hash == hash && record->key_size == key_size &&
               memcmp(record->data, key, key_size) == 0;
}

void store_table_done(StoreTable *table) {
        for (uint32_t i = 0; i < table->n; i++)
                g_free(table->records[i]);
        g_free(table->records);
        g_free(table->slots);
        *table = (StoreTable){ 0 };
}

/* The slot of that key, or the free one where it belongs. */
static uint32_t *slot_find(const StoreTable *table, uint32_t hash, const char *key, size_t key_size) {
        uint32_t mask = table->n_slots - 1;

        for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
                uint32_t *slot = &table->slots[i];
                if (*slot == 0 || record_has_key(table->records[*slot - 1], hash, key, key_size))
                        return slot;
        }
}

static void index_record(StoreTable *table, uint32_t index) {
        const StoreRecord *record = table->records[index];
        *slot_find(table, record->hash, record->data, record->key_size) = index + 1;
}

static void index_rebuild(StoreTable *table, uint32_t n_slots) {
        g_free(table->slots);
        table->slots = g_new0(uint32_t, n_slots);
        table->n_slots = n_slots;
        for (uint32_t i = 0; i < table->n; i++)
                index_record(table, i);
}

uint32_t store_table_find(const StoreTable *table, const char *key, size_t key_size) {
        if (table->n == 0)
                return STORE_TABLE_NONE;

        uint32_t slot = *slot_find(table, key_hash(key, key_size), key, key_size);
        return slot == 0 ? STORE_TABLE_NONE : slot - 1;
}

bool store_table_holds(const StoreTable *table, uint32_t index, const char *value, size_t value_size) {
        const StoreRecord *record = table->records[index];
        return record->value_size == value_size && memcmp(store_record_value(record), value, value_size) == 0;
}

void store_table_append(StoreTable *table, const char *key, size_t key_size, const char *value,
                        size_t value_size) {
        if (table->n == table->allocated) {
                table->allocated = MAX(16, table->allocated * 2);
                table->records = g_renew(StoreRecord *, table->records, table->allocated);
        }
        table->records[table->n++] = record_new(key_hash(key, key_size), key, key_size, value, value_size);

        if (table->n * 2 > table->n_slots)
                index_rebuild(table, MAX(32, table->n_slots * 2));
        else
                index_record(table, table->n - 1);
}

void store_table_set(StoreTable *table, uint32_t index, const char *value, size_t value_size) {
        StoreRecord *before = table->records[index];
        table->records[index] = record_new(before->hash, before->data, before->key_size, value, value_size);
        g_free(before);
}

void store_table_remove(StoreTable *table, const bool *drop) {
        uint32_t kept = 0;

        for (uint32_t i = 0; i < table->n; i++) {
                if (drop[i])
                        g_free(table->records[i]);
                else
                        table->records[kept++] = table->records[i];
        }

        table->n = kept;
        if (table->n_slots > 0)
                index_rebuild(table, table->n_slots);
}

static bool record_equal(const StoreRecord *a, const StoreRecord *b) {
        return a->hash == b->hash && a->key_size == b->key_size && a->value_size == b->value_size &&
               memcmp(a->data, b->data, (size_t)a->key_size + a->value_size + 2) == 0;
}

bool store_table_equal(const StoreTable *a, const StoreTable *b) {
        if (a->n != b->n)
                return false;

        for (uint32_t i = 0; i < a->n; i++)
                if (!record_equal(a->records[i], b->records[i]))
                        return false;

        return true;
}

/* The last record of its key, looked at by its number. */
static bool record_is_last(const StoreTable *table, uint32_t index) {
        const StoreRecord *record = table->records[index];
        return *slot_find(table, record->hash, record->data, record->key_size) == index + 1;
}

void store_table_compare(const StoreTable *before, const StoreTable *after, StoreTableVisit visit,
                         void *userdata) {
        for (uint32_t i = 0; i < after->n; i++) {
                const StoreRecord *record = after->records[i];
                if (!record_is_last(after, i))
                        continue;
                uint32_t old = store_table_find(before, record->data, record->key_size);
                if (old == STORE_TABLE_NONE || !record_equal(before->records[old], record))
                        visit(record->data, record->key_size, false, userdata);
        }

        for (uint32_t i = 0; i < before->n; i++) {
                const StoreRecord *record = before->records[i];
                if (record_is_last(before, i) &&
                    store_table_find(after, record->data, record->key_size) == STORE_TABLE_NONE)
                        visit(record->data, record->key_size, true, userdata);
        }
}
