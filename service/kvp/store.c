/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "service/kvp/store-change.h"
#include "service/kvp/store-pool.h"

#define MAXIMUM_RECORDS_DEFAULT 16384

struct Store {
        char *directory;
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

        *ret = g_steal_pointer(&store);
        return 0;
}

Store *store_free(Store *store) {
        if (!store)
                return NULL;

        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                store_pool_done(&store->pools[i]);
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
        if (ret_why)
                *ret_why = "There is no redo file.";
        return false;
}

int store_try_redo(Store *store) {
        return 0;
}

bool store_open_pools(Store *store, bool create) {
        bool all = true;

        if (create && !store->closed)
                (void)mkdir(store->directory, 0755);

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

int store_lock(Store *store, KvpPool id) {
        StorePool *pool = store_pool(store, id);

        if (store->closed)
                return 0;

        int r = pool_lock_once(pool);
        if (r != -ESTALE)
                return r;

        r = store_pool_open(pool, false, false);
        return r < 0 ? r : pool_lock_once(pool);
}

void store_unlock(Store *store, KvpPool id) {
        store_file_unlock(&store_pool(store, id)->file);
}

int store_apply(Store *store, KvpPool id, const StoreEdit *edits, size_t n) {
        StorePool *pool = store_pool(store, id);

        if (store->closed)
                return -EROFS;

        int r = store_change_apply(pool, edits, n, store->maximum_records);
        if (r != -ENOENT && r != -EDQUOT)
                (void)store_pool_complain_write(pool, MIN(r, 0));
        return r;
}

int store_clear(Store *store, KvpPool id) {
        StorePool *pool = store_pool(store, id);

        if (store->closed)
                return -EROFS;

        int r = store_change_clear(pool);
        (void)store_pool_complain_write(pool, MIN(r, 0));
        return r;
}

void store_set_closed(Store *store, bool closed) {
        if (store->closed == closed)
                return;

        store->closed = closed;
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                store_file_close(&store->pools[i].file);
        (void)store_open_pools(store, false);
}

bool store_is_closed(const Store *store) {
        return store->closed;
}

int store_apply_pending(Store *store) {
        return 0;
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
