/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-pending.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/kvp/store-change.h"

static bool key_equal(const StoreEdit *edit, const char *key, size_t key_size) {
        return edit->key_size == key_size && memcmp(edit->key, key, key_size) == 0;
}

static uint32_t table_remove_key(StoreTable *table, const StoreEdit *edit) {
        g_autofree bool *drop = NULL;
        uint32_t n = 0;

        if (store_table_find(table, edit->key, edit->key_size) == STORE_TABLE_NONE)
                return 0;

        drop = g_new0(bool, table->n);
        for (uint32_t i = 0; i < table->n; i++) {
                drop[i] = key_equal(edit, store_record_key(table->records[i]), table->records[i]->key_size);
                n += drop[i];
        }
        store_table_remove(table, drop);
        return n;
}

/* Returns the number of records touched. */
static uint32_t table_edit(StoreTable *table, const StoreEdit *edit) {
        if (!edit->value)
                return table_remove_key(table, edit);

        uint32_t index = store_table_find(table, edit->key, edit->key_size);
        if (index == STORE_TABLE_NONE)
                store_table_append(table, edit->key, edit->key_size, edit->value, edit->value_size);
        else if (!store_table_holds(table, index, edit->value, edit->value_size))
                store_table_set(table, index, edit->value, edit->value_size);
        else
                return 0;
        return 1;
}

void store_pending_overlay(const Redo *redo, KvpPool pool, StoreTable *table) {
        RedoPending pending;

        for (uint32_t cursor = 0; redo_pending_next(redo, &cursor, &pending);) {
                if (pending.pool != pool)
                        continue;
                if (pending.kind == REDO_CLEAR)
                        store_table_done(table);
                else
                        (void)table_edit(table, &pending.edit);
        }
}

static uint32_t count_new(const StoreTable *table, const StoreEdit *edits, size_t n) {
        uint32_t k = 0;

        for (size_t i = 0; i < n; i++)
                k += edits[i].value &&
                     store_table_find(table, edits[i].key, edits[i].key_size) == STORE_TABLE_NONE;
        return k;
}

int store_pending_add(StorePool *pool, const StoreEdit *edits, size_t n, uint32_t maximum_records) {
        uint32_t touched = 0, added = count_new(&pool->table, edits, n);

        if (n == 1) {
                uint32_t index = store_table_find(&pool->table, edits->key, edits->key_size);
                if (!edits->value && index == STORE_TABLE_NONE)
                        return -ENOENT;
                if (edits->value && index != STORE_TABLE_NONE &&
                    store_table_holds(&pool->table, index, edits->value, edits->value_size))
                        return 0;
        }
        if (added > 0 && (uint64_t)pool->table.n + added > maximum_records)
                return -EDQUOT;
        if (!pool->redo)
                return -EROFS;

        int r = redo_pending_add(pool->redo, pool->id, edits, n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                uint32_t k = table_edit(&pool->table, &edits[i]);
                if (k > 0)
                        store_delta_note(&pool->delta, edits[i].key, edits[i].key_size, !edits[i].value);
                touched += k;
        }
        if (touched > 0)
                store_pool_changed(pool);
        return (int)touched;
}

int store_pending_add_clear(StorePool *pool) {
        StoreTable empty = { 0 };
        uint32_t n = pool->table.n;

        if (n == 0)
                return 0;
        if (!pool->redo)
                return -EROFS;

        int r = redo_pending_add_clear(pool->redo, pool->id);
        if (r < 0)
                return r;

        (void)store_pool_replace_table(pool, &empty);
        return (int)n;
}

/* The pool as its file says, without what waits, and what readers saw meanwhile kept aside. */
typedef struct Bare {
        StoreTable visible;
        StoreDeltaLog delta;
        uint64_t generation;
} Bare;

static int bare_end(StorePool *pool, Bare *bare, int result) {
        StoreTable table = pool->table;

        pool->bare = false;
        store_pending_overlay(pool->redo, pool->id, &table);
        store_delta_done(&pool->delta);
        pool->delta = bare->delta;
        pool->generation = bare->generation;
        pool->table = bare->visible;
        (void)store_pool_replace_table(pool, &table);
        return result;
}

static int bare_begin(StorePool *pool, Bare *ret) {
        *ret = (Bare){ pool->table, pool->delta, pool->generation };
        pool->table = (StoreTable){ 0 };
        pool->delta = (StoreDeltaLog){ 0 };
        pool->bare = true;
        pool->file.known = false;

        int r = store_pool_revalidate_locked(pool);
        if (r == 0)
                return 0;

        store_table_done(&pool->table);
        pool->table = ret->visible;
        store_delta_done(&pool->delta);
        pool->delta = ret->delta;
        pool->generation = ret->generation;
        pool->bare = false;
        pool->file.known = false;
        return r;
}

static int pending_make_one(StorePool *pool, const RedoPending *pending) {
        if (pending->kind == REDO_CLEAR)
                return store_change_clear(pool);

        int r = store_change_apply(pool, &pending->edit, 1, UINT32_MAX);
        return r == -ENOENT ? 0 : r;
}

int store_pending_make(StorePool *pool) {
        RedoPending pending;
        Bare bare;
        int r = 0;

        if (!redo_pending_exists(pool->redo, pool->id))
                return 0;
        r = bare_begin(pool, &bare);
        if (r < 0)
                return r;

        for (uint32_t cursor = 0; r >= 0 && redo_pending_next(pool->redo, &cursor, &pending);) {
                if (pending.pool != pool->id)
                        continue;
                r = pending_make_one(pool, &pending);
                if (r >= 0)
                        redo_pending_forget(pool->redo, &pending);
        }

        return bare_end(pool, &bare, MIN(r, 0));
}

static bool pending_is_replaced(const RedoPending *pending, const StoreEdit *edits, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (pending->kind != REDO_CLEAR &&
                    key_equal(&edits[i], pending->edit.key, pending->edit.key_size))
                        return true;
        return false;
}

/* Forgets what waits for these keys; edits NULL: for any. Returns their number. */
static uint32_t pending_replace(StorePool *pool, const StoreEdit *edits, size_t n) {
        RedoPending pending;
        uint32_t k = 0;

        for (uint32_t cursor = 0; redo_pending_next(pool->redo, &cursor, &pending);)
                if (pending.pool == pool->id && (!edits || pending_is_replaced(&pending, edits, n))) {
                        redo_pending_forget(pool->redo, &pending);
                        k++;
                }
        return k;
}

int store_pending_change(StorePool *pool, const StoreEdit *edits, size_t n, uint32_t maximum_records) {
        Bare bare;

        int r = bare_begin(pool, &bare);
        if (r < 0)
                return r;

        r = store_change_apply(pool, edits, n, maximum_records);
        if (r >= 0 || r == -ENOENT) {
                uint32_t k = pending_replace(pool, edits, n);
                if (r == -ENOENT && k > 0)
                        r = (int)k;
        }
        return bare_end(pool, &bare, r);
}

int store_pending_clear(StorePool *pool) {
        uint32_t n = pool->table.n;
        Bare bare;

        int r = bare_begin(pool, &bare);
        if (r < 0)
                return r;

        r = store_change_clear(pool);
        if (r >= 0)
                (void)pending_replace(pool, NULL, 0);
        return bare_end(pool, &bare, r < 0 ? r : (int)n);
}

uint32_t store_pending_count(const Redo *redo) {
        RedoPending pending;
        uint32_t n = 0;

        for (uint32_t cursor = 0; redo_pending_next(redo, &cursor, &pending);)
                n++;
        return n;
}
