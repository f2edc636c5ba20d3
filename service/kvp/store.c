/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "service/kvp/redo.h"
#include "service/kvp/store-change.h"
#include "service/kvp/store-pending.h"
#include "service/kvp/store-pool.h"

#define MAXIMUM_RECORDS_DEFAULT 16384

struct Store {
        char *directory;
        char *redo_path; /* NULL: none is wanted */
        Redo *redo;
        char *redo_problem; /* a sentence, while there is none */
        StorePool pools[_KVP_POOL_ID_MAX];
        uint32_t maximum_records;
        bool closed;
};

int store_new(const char *state_directory, const char *redo_path, Store **ret) {
        g_autoptr(Store) store = g_new0(Store, 1);

        store->directory = g_canonicalize_filename(state_directory, NULL);
        store->maximum_records = MAXIMUM_RECORDS_DEFAULT;
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                store_pool_init(&store->pools[i], (KvpPool)i, store->directory);
        store->redo_path = g_strdup(redo_path);
        store->redo_problem = g_strdup("The pools are used without a redo file.");
        (void)store_try_redo(store);

        *ret = g_steal_pointer(&store);
        return 0;
}

Store *store_free(Store *store) {
        if (!store)
                return NULL;

        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                store_pool_done(&store->pools[i]);
        redo_free(store->redo);
        g_free(store->redo_problem);
        g_free(store->redo_path);
        g_free(store->directory);
        g_free(store);
        return NULL;
}

static StorePool *store_pool(Store *store, KvpPool pool) {
        g_assert(pool >= 0 && pool < _KVP_POOL_ID_MAX);
        return &store->pools[pool];
}

void store_set_limits(Store *store, uint32_t maximum_records) {
        store->maximum_records = maximum_records;
}

bool store_has_redo(const Store *store, const char **ret_why) {
        if (!store->redo && ret_why)
                *ret_why = store->redo_problem;
        return store->redo != NULL;
}

static void store_adopt_redo(Store *store, Redo *redo) {
        store->redo = redo;
        g_clear_pointer(&store->redo_problem, g_free);
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                store->pools[i].redo = redo;
                store->pools[i].file.known = false; /* what is pending in there lies over what was read */
        }
}

int store_try_redo(Store *store) {
        Redo *redo;

        if (store->redo || !store->redo_path)
                return 0;

        int r = redo_open(store->redo_path, store->directory, &redo);
        if (r == 0) {
                store_adopt_redo(store, redo);
                return 0;
        }

        g_free(store->redo_problem);
        store->redo_problem = r == -EBUSY
                                      ? g_strdup("Another daemon holds the redo file.")
                                      : g_strdup_printf("The redo file cannot be used: %s.", g_strerror(-r));
        return r;
}

bool store_open_pools(Store *store, bool create) {
        bool all = true;

        if (create && !store->closed)
                (void)mkdir(store->directory, 0755);
        if (!store->closed)
                (void)redo_replay(store->redo); /* store_lock() insists */

        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                StorePool *pool = &store->pools[i];
                if (store_pool_open(pool, store->closed, create) < 0 ||
                    store_pool_revalidate(pool, store->closed) < 0)
                        all = false;
                else if (!store->closed && !pool->file.writable)
                        all = false;
        }

        return all;
}

void store_get_pool_info(Store *store, KvpPool id, StorePoolInfo *ret) {
        StorePool *pool = store_pool(store, id);

        *ret = (StorePoolInfo){
                .file = pool->file.path,
                .problem = pool->problem ? pool->problem : "",
                .count = pool->table.n,
                .generation = pool->generation,
                .exists = pool->file.fd >= 0,
                .writable = pool->file.writable,
                .world_readable = pool->file.known && (pool->file.seen.st_mode & S_IROTH),
        };
}

int store_revalidate(Store *store, KvpPool pool) {
        return store_pool_revalidate(store_pool(store, pool), store->closed);
}

bool store_take_delta(Store *store, KvpPool id, StoreDelta *ret) {
        StoreDeltaLog *log = &store_pool(store, id)->delta;
        bool all;

        if (!store_delta_take(log, &all))
                return false;

        *ret = (StoreDelta){
                .keys = (const char *const *)log->keys->pdata,
                .removed = (const char *const *)log->removed->pdata,
                .all = all,
        };
        return true;
}

int store_get(Store *store, KvpPool id, const char *key, size_t key_size, const char **ret_value,
              size_t *ret_size) {
        const StoreTable *table = &store_pool(store, id)->table;

        uint32_t index = store_table_find(table, key, key_size);
        if (index == STORE_TABLE_NONE)
                return -ENOENT;

        *ret_value = store_record_value(table->records[index]);
        *ret_size = table->records[index]->value_size;
        return 0;
}

int store_get_record(Store *store, KvpPool id, uint32_t index, const char **ret_key, size_t *ret_key_size,
                     const char **ret_value, size_t *ret_value_size) {
        const StoreTable *table = &store_pool(store, id)->table;

        if (index >= table->n)
                return -ENOENT;

        const StoreRecord *record = table->records[index];
        *ret_key = store_record_key(record);
        *ret_key_size = record->key_size;
        *ret_value = store_record_value(record);
        *ret_value_size = record->value_size;
        return 0;
}

static int pool_lock_once(StorePool *pool) {
        if (pool->file.fd < 0)
                return pool->error;
        if (!pool->file.writable)
                return pool->file.write_error != 0 ? pool->file.write_error : -EROFS;

        int r = store_file_lock(&pool->file);
        if (r < 0)
                return r;

        r = store_pool_revalidate_locked(pool);
        if (r == 0 && pool->error == -EFBIG)
                r = -EFBIG;
        if (r < 0)
                store_file_unlock(&pool->file);
        return r;
}

static int pool_lock(StorePool *pool) {
        int r = pool_lock_once(pool);
        if (r != -ESTALE)
                return r;

        r = store_pool_open(pool, false, false);
        return r < 0 ? r : pool_lock_once(pool);
}

/* The place of a new change must be free. Where the old one's file is gone for good, so is what it would
 * mend. */
static int store_finish_change(Store *store) {
        int r = redo_replay(store->redo);

        if (r == -ENOENT) {
                redo_end(store->redo);
                return 0;
        }
        return r;
}

int store_lock(Store *store, KvpPool id) {
        StorePool *pool = store_pool(store, id);

        if (store->closed)
                return 0;

        int r = store_try_redo(store);
        if (r == -EBUSY) /* its owner may be in the middle of a change that its redo file would mend */
                return r;

        r = store_finish_change(store);
        if (r < 0)
                return r;
        r = pool_lock(pool);
        if (r < 0)
                return r;

        if (redo_pending_exists(store->redo, id))
                (void)store_pool_complain_write(pool, store_pending_make(pool));
        return 0;
}

void store_unlock(Store *store, KvpPool id) {
        store_file_unlock(&store_pool(store, id)->file);
}

int store_apply(Store *store, KvpPool id, const StoreEdit *edits, size_t n) {
        StorePool *pool = store_pool(store, id);
        int r;

        if (store->closed)
                return store_pending_add(pool, edits, n, store->maximum_records);

        g_assert(pool->file.locked);
        if (redo_pending_exists(store->redo, id))
                r = store_pending_change(pool, edits, n, store->maximum_records);
        else
                r = store_change_apply(pool, edits, n, store->maximum_records);
        if (r != -ENOENT && r != -EDQUOT)
                (void)store_pool_complain_write(pool, MIN(r, 0));
        return r;
}

int store_clear(Store *store, KvpPool id) {
        StorePool *pool = store_pool(store, id);
        int r;

        if (store->closed)
                return store_pending_add_clear(pool);

        g_assert(pool->file.locked);
        r = redo_pending_exists(store->redo, id) ? store_pending_clear(pool) : store_change_clear(pool);
        (void)store_pool_complain_write(pool, MIN(r, 0));
        return r;
}

void store_set_closed(Store *store, bool closed) {
        if (store->closed == closed)
                return;

        store->closed = closed;
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                g_assert(!store->pools[i].file.locked);
                store_file_close(&store->pools[i].file);
        }
        (void)store_open_pools(store, false);
        if (!closed)
                (void)store_apply_pending(store);
}

bool store_is_closed(const Store *store) {
        return store->closed;
}

int store_apply_pending(Store *store) {
        for (int i = 0; !store->closed && i < _KVP_POOL_ID_MAX; i++)
                if (redo_pending_exists(store->redo, (KvpPool)i) && store_lock(store, (KvpPool)i) == 0)
                        store_unlock(store, (KvpPool)i);

        return (int)store_pending_count(store->redo);
}

int store_take_dirty_fd(Store *store, KvpPool id) {
        StorePool *pool = store_pool(store, id);

        if (!pool->dirty || pool->file.fd < 0)
                return -ENOENT;

        int fd = fcntl(pool->file.fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;

        pool->dirty = false;
        return fd;
}
