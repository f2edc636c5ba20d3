/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-change.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/kvp/redo.h"
#include "service/kvp/store-io.h"
#include "service/kvp/store-shift.h"

/* What there is to do, sorted by how it is done. An edit that a later one of the same key overrides is in no
 * list. */
typedef struct Plan {
        GPtrArray *appends, *overwrites; /* const StoreEdit* */
        GPtrArray *removals;
        uint32_t removed; /* records that go */
} Plan;

static void plan_done(Plan *plan) {
        g_clear_pointer(&plan->appends, g_ptr_array_unref);
        g_clear_pointer(&plan->overwrites, g_ptr_array_unref);
        g_clear_pointer(&plan->removals, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_done)

static bool edit_is_overridden(const StoreEdit *edits, size_t n, size_t i) {
        for (size_t k = i + 1; k < n; k++)
                if (edits[k].key_size == edits[i].key_size &&
                    memcmp(edits[k].key, edits[i].key, edits[i].key_size) == 0)
                        return true;
        return false;
}

static void plan_add(Plan *plan, const StoreTable *table, const StoreEdit *edit) {
        uint32_t index = store_table_find(table, edit->key, edit->key_size);

        if (!edit->value && index != STORE_TABLE_NONE)
                g_ptr_array_add(plan->removals, (gpointer) edit);
        else if (edit->value && index == STORE_TABLE_NONE)
                g_ptr_array_add(plan->appends, (gpointer) edit);
        else if (edit->value && !store_table_holds(table, index, edit->value, edit->value_size))
                g_ptr_array_add(plan->overwrites, (gpointer) edit);
}

static void plan_init(Plan *plan, const StoreTable *table, const StoreEdit *edits, size_t n) {
        *plan = (Plan){ g_ptr_array_new(), g_ptr_array_new(), g_ptr_array_new(), 0 };

        for (size_t i = 0; i < n; i++)
                if (!edit_is_overridden(edits, n, i))
                        plan_add(plan, table, &edits[i]);
}

static off_t record_offset(uint32_t index) {
        return (off_t) index * RECORD_SIZE;
}

static RedoPlace record_place(const StorePool *pool, uint32_t index) {
        return (RedoPlace){ pool->id, pool->file.seen.st_dev, pool->file.seen.st_ino, record_offset(index) };
}

/* Writes n records from that number on, where the file has ended so far, as pieces that the redo file can
 * hold. */
static int file_append_records(StorePool *pool, const uint8_t *records, uint32_t first, uint32_t n) {
        while (n > 0) {
                uint32_t piece = MIN(n, (uint32_t) REDO_RECORDS);
                const RedoPlace place = record_place(pool, first);

                redo_begin(pool->redo, &place, NULL, 0, records, (size_t) piece * RECORD_SIZE);
                int r = store_io_write(pool->file.fd, records, (size_t) piece * RECORD_SIZE, place.offset);
                if (r < 0)
                        return r;
                redo_end(pool->redo);

                records += (size_t) piece * RECORD_SIZE;
                first += piece;
                n -= piece;
        }

        return 0;
}

static int file_append(StorePool *pool, const GPtrArray *edits) {
        g_autofree uint8_t *bytes = NULL;

        if (edits->len == 0)
                return 0;

        bytes = (uint8_t *) g_malloc((size_t) edits->len * RECORD_SIZE);
        for (guint i = 0; i < edits->len; i++) {
                const StoreEdit *edit = (const StoreEdit *) edits->pdata[i];
                record_encode(bytes + (size_t) i * RECORD_SIZE, edit->key, edit->key_size, edit->value,
                              edit->value_size);
        }

        return file_append_records(pool, bytes, pool->table.n, edits->len);
}

/* What stands in the file. Under the lock memory is what the file says, but for what others leave behind a
 * NUL. */
static int file_get_record(const StorePool *pool, uint32_t index, uint8_t ret[RECORD_SIZE]) {
        const StoreRecord *record = pool->table.records[index];

        if (record->padded) {
                record_encode(ret, store_record_key(record), record->key_size, store_record_value(record),
                              record->value_size);
                return 0;
        }

        ssize_t n = store_io_read(pool->file.fd, ret, RECORD_SIZE, record_offset(index));
        if (n < 0)
                return (int) n;
        return n == RECORD_SIZE ? 0 : -ESTALE;
}

static int file_overwrite(StorePool *pool, const StoreEdit *edit) {
        uint8_t before[RECORD_SIZE], after[RECORD_SIZE];
        uint32_t index = store_table_find(&pool->table, edit->key, edit->key_size);
        const RedoPlace place = record_place(pool, index);

        int r = file_get_record(pool, index, before);
        if (r < 0)
                return r;
        record_encode(after, edit->key, edit->key_size, edit->value, edit->value_size);

        redo_begin(pool->redo, &place, before, sizeof(before), after, sizeof(after));
        r = store_io_write(pool->file.fd, after, sizeof(after), place.offset);
        if (r == 0)
                redo_end(pool->redo);
        return r;
}

/* Writes the records of memory over those of the file: what stood there before, zero-padded. */
static void file_restore(StorePool *pool, uint32_t first, uint32_t end) {
        uint8_t record[RECORD_SIZE];

        for (uint32_t i = first; i < end; i++) {
                const StoreRecord *r = pool->table.records[i];
                record_encode(record, store_record_key(r), r->key_size, store_record_value(r), r->value_size);
                (void) store_io_write(pool->file.fd, record, sizeof(record), record_offset(i));
        }
}

static void file_restore_edits(StorePool *pool, const GPtrArray *edits, guint n) {
        for (guint i = 0; i < n; i++) {
                const StoreEdit *edit = (const StoreEdit *) edits->pdata[i];
                uint32_t index = store_table_find(&pool->table, edit->key, edit->key_size);
                file_restore(pool, index, index + 1);
        }
}

static void keys_from_edits(StoreTable *keys, const GPtrArray *edits) {
        for (guint i = 0; i < edits->len; i++) {
                const StoreEdit *edit = (const StoreEdit *) edits->pdata[i];
                store_table_append(keys, edit->key, edit->key_size, NULL, 0);
        }
}

static uint32_t first_dropped(const StoreShift *shift, const StoreTable *table) {
        uint32_t i = 0;

        while (i < table->n &&
               !store_shift_drops(shift, store_record_key(table->records[i]), table->records[i]->key_size))
                i++;
        return i;
}

/* total: records that the file has by now. */
static int file_remove(StorePool *pool, const GPtrArray *edits, uint32_t total) {
        g_auto(StoreShift) shift = { .fd = pool->file.fd,
                                     .redo = pool->redo,
                                     .pool = pool->id,
                                     .dev = pool->file.seen.st_dev,
                                     .ino = pool->file.seen.st_ino,
                                     .end = pool->table.n,
                                     .total = total };

        if (edits->len == 0)
                return 0;

        keys_from_edits(&shift.keys, edits);
        uint32_t first = first_dropped(&shift, &pool->table);
        shift.read = shift.write = first;
        int r = store_shift_run(&shift);
        if (r == 0)
                redo_end(pool->redo);
        else
                file_restore(pool, first, MIN(shift.read, pool->table.n));
        return r;
}

/* The file's part, step by step; a failed step takes the earlier ones back. */
static int file_apply(StorePool *pool, const Plan *plan) {
        guint done = 0;

        int r = file_append(pool, plan->appends);
        for (; r == 0 && done < plan->overwrites->len; done++)
                r = file_overwrite(pool, (const StoreEdit *) plan->overwrites->pdata[done]);
        if (r == 0)
                r = file_remove(pool, plan->removals, pool->table.n + plan->appends->len);
        if (r == 0)
                return 0;

        file_restore_edits(pool, plan->overwrites, done);
        (void) store_io_truncate(pool->file.fd, record_offset(pool->table.n));
        redo_end(pool->redo);
        pool->file.known = false;
        return r;
}

static void memory_remove(StorePool *pool, Plan *plan) {
        g_auto(StoreShift) shift = { .fd = -1 };
        g_autofree bool *drop = g_new0(bool, pool->table.n);

        keys_from_edits(&shift.keys, plan->removals);
        for (uint32_t i = 0; i < shift.keys.n; i++)
                store_delta_note(&pool->delta, store_record_key(shift.keys.records[i]),
                                 shift.keys.records[i]->key_size, true);
        for (uint32_t i = 0; i < pool->table.n; i++) {
                drop[i] = store_shift_drops(&shift, pool->table.records[i]->data,
                                            pool->table.records[i]->key_size);
                plan->removed += drop[i];
        }
        store_table_remove(&pool->table, drop);
}

static void memory_apply(StorePool *pool, Plan *plan) {
        for (guint i = 0; i < plan->overwrites->len; i++) {
                const StoreEdit *edit = (const StoreEdit *) plan->overwrites->pdata[i];
                store_table_set(&pool->table, store_table_find(&pool->table, edit->key, edit->key_size),
                                edit->value, edit->value_size);
                store_delta_note(&pool->delta, edit->key, edit->key_size, false);
        }
        for (guint i = 0; i < plan->appends->len; i++) {
                const StoreEdit *edit = (const StoreEdit *) plan->appends->pdata[i];
                store_table_append(&pool->table, edit->key, edit->key_size, edit->value, edit->value_size);
                store_delta_note(&pool->delta, edit->key, edit->key_size, false);
        }
        if (plan->removals->len > 0)
                memory_remove(pool, plan);
        store_pool_changed(pool);
}

static bool plan_is_empty(const Plan *plan) {
        return plan->appends->len == 0 && plan->overwrites->len == 0 && plan->removals->len == 0;
}

/* A tail that is no whole record goes with the first write after it appeared: whoever appends next must not
 * stand askew. */
static int file_drop_torn_tail(StorePool *pool) {
        if (pool->file.seen.st_size == record_offset(pool->table.n))
                return 0;
        return store_io_truncate(pool->file.fd, record_offset(pool->table.n));
}

int store_change_apply(StorePool *pool, const StoreEdit *edits, size_t n, uint32_t maximum_records) {
        g_auto(Plan) plan = { 0 };

        plan_init(&plan, &pool->table, edits, n);
        if (n == 1 && !edits[0].value && plan.removals->len == 0)
                return -ENOENT;
        if (plan_is_empty(&plan))
                return 0;
        if (plan.appends->len > 0 && (uint64_t) pool->table.n + plan.appends->len > maximum_records)
                return -EDQUOT;

        int r = file_drop_torn_tail(pool);
        if (r == 0)
                r = file_apply(pool, &plan);
        if (r < 0)
                return r;

        memory_apply(pool, &plan);
        store_file_stamp(&pool->file, record_offset(pool->table.n));
        pool->dirty = true;
        return (int) (plan.appends->len + plan.overwrites->len + plan.removed);
}

static void note_removed(const char *key, size_t key_size, bool removed, void *userdata) {
        store_delta_note((StoreDeltaLog *) userdata, key, key_size, removed);
}

int store_change_clear(StorePool *pool) {
        const StoreTable empty = { 0 };
        uint32_t n = pool->table.n;

        if (pool->file.seen.st_size == 0)
                return 0;
        int r = store_io_truncate(pool->file.fd, 0);
        if (r < 0)
                return r;

        store_table_compare(&pool->table, &empty, note_removed, &pool->delta);
        store_table_done(&pool->table);
        store_pool_changed(pool);
        store_file_stamp(&pool->file, 0);
        pool->dirty = true;
        return (int) n;
}
