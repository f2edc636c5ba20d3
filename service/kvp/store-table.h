/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The records of one pool in memory: an array in file order, and a hash index from each key to its last
 * record. A record takes the room of its real key and value, not the 2,560 bytes of the file. Looking up,
 * setting and stepping cost the same in a table of 10 and of 10,000; removing is linear, as it is in the
 * file.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct StoreRecord {
        uint32_t hash;
        uint16_t key_size, value_size;
        bool padded; /* in the file there are zeros behind key and value; true for all that we make */
        char data[]; /* key, NUL, value, NUL */
} StoreRecord;

static inline const char *store_record_key(const StoreRecord *record) {
        return record->data;
}

static inline const char *store_record_value(const StoreRecord *record) {
        return record->data + record->key_size + 1;
}

typedef struct StoreTable {
        StoreRecord **records;
        uint32_t n, allocated;
        uint32_t *slots;  /* open addressing: number of a key's last record plus 1; 0 is free */
        uint32_t n_slots; /* a power of two, or 0 */
} StoreTable;

#define STORE_TABLE_NONE UINT32_MAX

void store_table_done(StoreTable *table);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreTable, store_table_done)

/* The number of the last record with that key, or STORE_TABLE_NONE. */
uint32_t store_table_find(const StoreTable *table, const char *key, size_t key_size);
bool store_table_holds(const StoreTable *table, uint32_t index, const char *value, size_t value_size);

void store_table_append(StoreTable *table, const char *key, size_t key_size, const char *value,
                        size_t value_size);
void store_table_set(StoreTable *table, uint32_t index, const char *value, size_t value_size);
/* Removes every record for which drop[index] is true. */
void store_table_remove(StoreTable *table, const bool *drop);

bool store_table_equal(const StoreTable *a, const StoreTable *b);

/* Calls visit for each key whose last value differs between the two tables: removed = it is in `before` only.
 */
typedef void (*StoreTableVisit)(const char *key, size_t key_size, bool removed, void *userdata);
void store_table_compare(const StoreTable *before, const StoreTable *after, StoreTableVisit visit,
                         void *userdata);

G_END_DECLS
