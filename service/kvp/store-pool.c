/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-pool.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/kvp/store-io.h"
#include "service/kvp/store-pending.h"

#define READ_RECORDS 64

void store_pool_init(StorePool *pool, KvpPool id, const char *directory) {
        *pool = (StorePool){ .id = id, .generation = 1 };
        store_file_init(&pool->file, g_build_filename(directory, kvp_pool_file_name(id), NULL));
        (void)store_pool_complain(pool, -ENOENT);
}

void store_pool_done(StorePool *pool) {
        store_file_done(&pool->file);
        store_table_done(&pool->table);
        store_delta_done(&pool->delta);
        g_clear_pointer(&pool->problem, g_free);
}

static char *problem_sentence(int error) {
        switch (-error) {
        case ENOENT:
        case ENOTDIR:
        case ESTALE:
                return g_strdup("The pool file is missing; its last known values are served from memory.");
        case EINVAL:
                return g_strdup("There is something else than a regular file in the pool file's place.");
        case EROFS:
                return g_strdup("The pool file is on a read-only file system.");
        case ENOSPC:
        case EDQUOT:
                return g_strdup("There is no space left to write the pool file.");
        case EFBIG:
                return g_strdup_printf(
                        "The pool file has more than %u records; the rest is ignored and nothing is written.",
                        STORE_POOL_RECORDS_MAX);
        default:
                return g_strdup_printf("The pool file cannot be used: %s.", g_strerror(-error));
        }
}

static void pool_describe_problem(StorePool *pool) {
        int error = pool->error != 0 ? pool->error : pool->write_error;

        g_free(pool->problem);
        pool->problem = error == 0 ? NULL : problem_sentence(error);
}

int store_pool_complain(StorePool *pool, int error) {
        if (error != pool->error) {
                pool->error = error;
                pool_describe_problem(pool);
        }
        return error;
}

int store_pool_complain_write(StorePool *pool, int error) {
        if (error != pool->write_error) {
                pool->write_error = error;
                pool_describe_problem(pool);
        }
        return error;
}

uint32_t store_pool_file_records(const StorePool *pool) {
        return (uint32_t)MIN(pool->file.seen.st_size / RECORD_SIZE, (off_t)STORE_POOL_RECORDS_MAX);
}

void store_pool_changed(StorePool *pool) {
        pool->generation++;
        store_delta_touch(&pool->delta);
}

static void table_add_records(StoreTable *table, const uint8_t *bytes, size_t n) {
        for (const uint8_t *record = bytes; record < bytes + n * RECORD_SIZE; record += RECORD_SIZE) {
                const char *key = (const char *)record, *value = key + RECORD_KEY_SIZE;
                store_table_append(table, key, record_field_length(key, RECORD_KEY_SIZE), value,
                                   record_field_length(value, RECORD_VALUE_SIZE));
                table->records[table->n - 1]->padded = record_is_padded(record);
        }
}

/* Reads all whole records; a file that shrinks meanwhile just ends earlier, and its new size is seen the next
 * time. */
static int table_read(const StorePool *pool, const struct stat *st, StoreTable *ret) {
        g_auto(StoreTable) table = { 0 };
        size_t records = (size_t)MIN(st->st_size / RECORD_SIZE, (off_t)STORE_POOL_RECORDS_MAX);
        g_autofree uint8_t *buffer = (uint8_t *)g_malloc(MIN(MAX(records, 1), READ_RECORDS) * RECORD_SIZE);

        for (size_t done = 0; done < records;) {
                size_t wanted = MIN(records - done, READ_RECORDS);
                ssize_t n = store_io_read(pool->file.fd, buffer, wanted * RECORD_SIZE,
                                          (off_t)(done * RECORD_SIZE));
                if (n < 0)
                        return (int)n;
                const RedoPlace place = { pool->id, st->st_dev, st->st_ino, (off_t)(done * RECORD_SIZE) };
                redo_patch(pool->redo, &place, buffer, (size_t)n / RECORD_SIZE);
                table_add_records(&table, buffer, (size_t)n / RECORD_SIZE);
                if ((size_t)n < wanted * RECORD_SIZE)
                        break;
                done += wanted;
        }

        *ret = table;
        table = (StoreTable){ 0 };
        return 0;
}

static void note_difference(const char *key, size_t key_size, bool removed, void *userdata) {
        store_delta_note((StoreDeltaLog *)userdata, key, key_size, removed);
}

int store_pool_replace_table(StorePool *pool, StoreTable *table) {
        bool changed = !store_table_equal(&pool->table, table);

        if (changed) {
                store_table_compare(&pool->table, table, note_difference, &pool->delta);
                store_pool_changed(pool);
        }
        store_table_done(&pool->table);
        pool->table = *table;
        *table = (StoreTable){ 0 };
        return changed;
}

static int pool_load(StorePool *pool, const struct stat *st) {
        g_auto(StoreTable) table = { 0 };

        int r = table_read(pool, st, &table);
        if (r < 0)
                return store_pool_complain(pool, r);

        store_file_remember(&pool->file, st);
        if (!pool->bare)
                store_pending_overlay(pool->redo, pool->id, &table);
        r = store_pool_replace_table(pool, &table);
        (void)store_pool_complain(pool,
                                  st->st_size / RECORD_SIZE > (off_t)STORE_POOL_RECORDS_MAX ? -EFBIG : 0);
        return r;
}

static int pool_load_if_changed(StorePool *pool, const struct stat *st) {
        if (store_file_is_unchanged(&pool->file, st))
                return 0;
        return pool_load(pool, st);
}

int store_pool_open(StorePool *pool, bool read_only, bool create) {
        struct stat st;
        int r = -ESTALE;

        if (pool->file.fd >= 0 && (pool->file.writable || read_only))
                r = store_file_stat_path(&pool->file, &st);
        if (r == 0)
                return 0;

        r = store_file_open(&pool->file, read_only);
        if (r == -ENOENT && create && !read_only)
                r = store_file_create(&pool->file);
        if (r < 0) {
                store_file_close(&pool->file);
                return store_pool_complain(pool, r);
        }

        (void)store_pool_complain_write(pool, pool->file.write_error);
        return 0;
}

int store_pool_revalidate(StorePool *pool, bool read_only) {
        struct stat st;

        if (pool->file.fd < 0)
                return pool->error;

        int r = store_file_stat(&pool->file, &st);
        if (r == -ESTALE) {
                r = store_pool_open(pool, read_only, false);
                if (r < 0)
                        return r;
                r = store_file_stat(&pool->file, &st);
        }
        if (r < 0)
                return store_pool_complain(pool, r);

        return pool_load_if_changed(pool, &st);
}

int store_pool_revalidate_locked(StorePool *pool) {
        struct stat st;

        int r = store_file_stat_path(&pool->file, &st);
        if (r < 0)
                return r;

        r = pool_load_if_changed(pool, &st);
        return MIN(r, 0);
}
