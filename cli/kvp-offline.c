/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/offline.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "common/units.h"
#include "common/utf16.h"
#include "service/kvp/store.h"

/* As long as hvutilsd waits for another program's lock (LockTimeout=). */
#define LOCK_TIMEOUT_USEC (2 * USEC_PER_SEC)
#define LOCK_RETRY_USEC   (5 * USEC_PER_MSEC)

typedef struct OfflineBackend {
        KvpBackend backend;
        char *directory;
        Store *store;
} OfflineBackend;

static OfflineBackend *offline_of(KvpBackend *backend) {
        return (OfflineBackend *) backend;
}

/* A missing file has another meaning here than a missing key. */
static ExitStatus fail_with_file(Store *store, KvpPool pool, int r, Failure *failure) {
        StorePoolInfo info;
        store_get_pool_info(store, pool, &info);
        ExitStatus status = failure_set_errno(failure, r);
        if (status == EXIT_STATUS_NOT_FOUND)
                status = EXIT_STATUS_ERROR;
        return failure_set(failure, status, "%s: %s", info.file, g_strerror(-r));
}

/* A pool without a file is an empty pool. */
static ExitStatus revalidate(Store *store, KvpPool pool, Failure *failure) {
        StorePoolInfo info;
        (void) store_open_pools(store, false);
        int r = store_revalidate(store, pool);
        if (r >= 0)
                return EXIT_STATUS_OK;
        store_get_pool_info(store, pool, &info);
        if (!info.exists || r == -ENOENT)
                return EXIT_STATUS_OK;
        return fail_with_file(store, pool, r, failure);
}

/* Texts as people may see them: what is not UTF-8 is mended, as everywhere on the way out. */
static char *mended(const char *bytes, size_t n) {
        g_autofree char *buffer = NULL;
        const char *text = utf8_mend(bytes, n, &buffer);
        return text == buffer ? g_steal_pointer(&buffer) : g_strndup(text, n);
}

static void collect_records(Store *store, KvpPool pool, KvpEntries *entries) {
        StorePoolInfo info;
        const char *key, *value;
        size_t key_size, value_size;

        store_get_pool_info(store, pool, &info);
        for (uint32_t i = 0; store_get_record(store, pool, i, &key, &key_size, &value, &value_size) >= 0;
             i++) {
                g_autofree char *key_text = mended(key, key_size), *value_text = mended(value, value_size);
                kvp_entries_add(entries, pool, info.generation, key_text, value_text);
        }
}

/* The last record of a key is the one that readers see; order stays that of the file. */
static void append_last_of_each(KvpEntries *entries, const KvpEntries *records) {
        g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);
        for (size_t i = 0; i < kvp_entries_count(records); i++)
                g_hash_table_replace(last, kvp_entries_get(records, i)->key, GSIZE_TO_POINTER(i));
        for (size_t i = 0; i < kvp_entries_count(records); i++) {
                const KvpEntry *record = kvp_entries_get(records, i);
                if (GPOINTER_TO_SIZE(g_hash_table_lookup(last, record->key)) == i)
                        kvp_entries_add(entries, record->pool, record->generation, record->key,
                                        record->value);
        }
}

static ExitStatus offline_list(KvpBackend *backend, KvpPool pool, unsigned flags, KvpEntries *entries,
                               Failure *failure) {
        Store *store = offline_of(backend)->store;
        ExitStatus status = revalidate(store, pool, failure);
        if (status)
                return status;
        if (flags & KVP_LIST_RAW) {
                collect_records(store, pool, entries);
                return EXIT_STATUS_OK;
        }
        g_autoptr(KvpEntries) records = kvp_entries_new();
        collect_records(store, pool, records);
        append_last_of_each(entries, records);
        return EXIT_STATUS_OK;
}

static ExitStatus find_in_pool(Store *store, KvpPool pool, const char *key, KvpEntry *ret, Failure *failure) {
        StorePoolInfo info;
        const char *value;
        size_t size;

        ExitStatus status = revalidate(store, pool, failure);
        if (status)
                return status;
        if (store_get(store, pool, key, strlen(key), &value, &size) < 0)
                return EXIT_STATUS_NOT_FOUND;
        store_get_pool_info(store, pool, &info);
        *ret = (KvpEntry){
                .pool = pool,
                .generation = info.generation,
                .key = g_strdup(key),
                .value = mended(value, size),
        };
        return EXIT_STATUS_OK;
}

static ExitStatus offline_find(KvpBackend *backend, const KvpPool *pools, size_t n, const char *key,
                               bool generation, KvpEntry *ret, Failure *failure) {
        g_auto(Failure) denied = { 0 };
        bool is_denied = false;

        for (size_t i = 0; i < n; i++) {
                ExitStatus status = find_in_pool(offline_of(backend)->store, pools[i], key, ret, failure);
                if (status == EXIT_STATUS_DENIED) {
                        is_denied = true;
                        failure_set(&denied, status, "%s", failure->cause);
                } else if (status != EXIT_STATUS_NOT_FOUND)
                        return status;
        }
        if (is_denied)
                return failure_set(failure, EXIT_STATUS_DENIED, "%s", denied.cause);
        return failure_set(failure, EXIT_STATUS_NOT_FOUND, "no such key");
}

/* --- changes: lock, decide, act, unlock --- */

static ExitStatus lock_pool(Store *store, KvpPool pool, Failure *failure) {
        uint64_t deadline = now_usec(CLOCK_MONOTONIC) + LOCK_TIMEOUT_USEC;
        for (;;) {
                int r = store_lock(store, pool);
                if (r >= 0)
                        return EXIT_STATUS_OK;
                if (r != -EAGAIN)
                        return fail_with_file(store, pool, r, failure);
                if (now_usec(CLOCK_MONOTONIC) >= deadline)
                        return failure_set(failure, EXIT_STATUS_TIMEOUT,
                                           "another program holds the pool's lock");
                g_usleep(LOCK_RETRY_USEC);
        }
}

static ExitStatus check_writable(KvpPool pool, Failure *failure) {
        if (pool == KVP_POOL_ID_AUTO || pool == KVP_POOL_ID_AUTO_INTERNAL)
                return failure_set(failure, EXIT_STATUS_DENIED, "pool '%s' is read-only",
                                   kvp_pool_to_string(pool));
        return EXIT_STATUS_OK;
}

/* An image may not have the directory yet. */
static ExitStatus make_pools(OfflineBackend *offline, Failure *failure) {
        if (g_mkdir_with_parents(offline->directory, 0755) < 0)
                return failure_set(failure,
                                   errno == EACCES || errno == EROFS ? EXIT_STATUS_DENIED : EXIT_STATUS_ERROR,
                                   "%s: %s", offline->directory, g_strerror(errno));
        (void) store_open_pools(offline->store, true);
        return EXIT_STATUS_OK;
}

static ExitStatus begin_change(OfflineBackend *offline, KvpPool pool, bool create, Failure *failure) {
        ExitStatus status = check_writable(pool, failure);
        if (status)
                return status;
        if (create)
                status = make_pools(offline, failure);
        else
                (void) store_open_pools(offline->store, false);
        return status ?: lock_pool(offline->store, pool, failure);
}

/* --create-only and --expect, under the lock. */
static ExitStatus check_condition(Store *store, KvpPool pool, const char *key, const char *expected,
                                  unsigned flags, Failure *failure) {
        const char *value;
        size_t size;
        bool exists = store_get(store, pool, key, strlen(key), &value, &size) >= 0;

        if ((flags & KVP_SET_CREATE_ONLY) && exists)
                return failure_set(failure, EXIT_STATUS_REFUSED, "the key exists already");
        if (!(flags & KVP_SET_EXPECT))
                return EXIT_STATUS_OK;
        if (!exists)
                return failure_set(failure, EXIT_STATUS_NOT_FOUND, "no such key");
        if (size != strlen(expected) || memcmp(value, expected, size) != 0)
                return failure_set(failure, EXIT_STATUS_REFUSED, "the value is another than expected");
        return EXIT_STATUS_OK;
}

static ExitStatus apply_and_unlock(Store *store, KvpPool pool, const StoreEdit *edits, size_t n,
                                   Failure *failure) {
        int r = store_apply(store, pool, edits, n);
        store_unlock(store, pool);
        if (r == -ENOENT)
                return failure_set(failure, EXIT_STATUS_NOT_FOUND, "no such key");
        return r < 0 ? fail_with_file(store, pool, r, failure) : EXIT_STATUS_OK;
}

static StoreEdit edit_of(const char *key, const char *value) {
        return (StoreEdit){
                .key = key,
                .key_size = strlen(key),
                .value = value,
                .value_size = value ? strlen(value) : 0,
        };
}

static ExitStatus offline_set(KvpBackend *backend, KvpPool pool, const char *key, const char *value,
                              const char *expected, unsigned flags, Failure *failure) {
        Store *store = offline_of(backend)->store;
        StoreEdit edit = edit_of(key, value);
        ExitStatus status = begin_change(offline_of(backend), pool, true, failure);
        if (status)
                return status;
        status = check_condition(store, pool, key, expected, flags, failure);
        if (status) {
                store_unlock(store, pool);
                return status;
        }
        return apply_and_unlock(store, pool, &edit, 1, failure);
}

static ExitStatus offline_set_many(KvpBackend *backend, KvpPool pool, const KvpEntries *entries,
                                   Failure *failure) {
        Store *store = offline_of(backend)->store;
        size_t n = kvp_entries_count(entries);
        g_autofree StoreEdit *edits = g_new(StoreEdit, n);
        for (size_t i = 0; i < n; i++) {
                const KvpEntry *entry = kvp_entries_get(entries, i);
                edits[i] = edit_of(entry->key, entry->value);
        }
        ExitStatus status = begin_change(offline_of(backend), pool, true, failure);
        return status ?: apply_and_unlock(store, pool, edits, n, failure);
}

/* Taking away from a file that is not there: nothing to lock, nothing to do. */
static bool has_file(Store *store, KvpPool pool) {
        StorePoolInfo info;
        (void) store_open_pools(store, false);
        store_get_pool_info(store, pool, &info);
        return info.exists;
}

static ExitStatus offline_remove(KvpBackend *backend, KvpPool pool, const char *key, Failure *failure) {
        Store *store = offline_of(backend)->store;
        StoreEdit edit = edit_of(key, NULL);
        if (!has_file(store, pool))
                return failure_set(failure, EXIT_STATUS_NOT_FOUND, "no such key");
        ExitStatus status = begin_change(offline_of(backend), pool, false, failure);
        return status ?: apply_and_unlock(store, pool, &edit, 1, failure);
}

static ExitStatus offline_clear(KvpBackend *backend, KvpPool pool, uint32_t *ret_count, Failure *failure) {
        Store *store = offline_of(backend)->store;
        *ret_count = 0;
        if (!has_file(store, pool))
                return EXIT_STATUS_OK;
        ExitStatus status = begin_change(offline_of(backend), pool, false, failure);
        if (status)
                return status;
        int r = store_clear(store, pool);
        store_unlock(store, pool);
        if (r < 0)
                return fail_with_file(store, pool, r, failure);
        *ret_count = (uint32_t) r;
        return EXIT_STATUS_OK;
}

static KvpBackend *offline_free(KvpBackend *backend) {
        OfflineBackend *offline = offline_of(backend);
        store_free(offline->store);
        g_free(offline->directory);
        g_free(offline);
        return NULL;
}

static const KvpOperations offline_operations = {
        .free = offline_free,
        .list = offline_list,
        .find = offline_find,
        .set = offline_set,
        .set_many = offline_set_many,
        .remove = offline_remove,
        .clear = offline_clear,
};

ExitStatus kvp_offline_new(const char *root, KvpBackend **ret, Failure *failure) {
        g_autofree char *directory = g_build_filename(root, HVUTILS_STATE_DIRECTORY, NULL);
        Store *store;

        if (!g_file_test(root, G_FILE_TEST_IS_DIR))
                return failure_set(failure, EXIT_STATUS_ERROR, "'%s' is not a directory", root);
        int r = store_new(directory, NULL, &store);
        if (r < 0) {
                failure_set_errno(failure, r);
                return EXIT_STATUS_ERROR;
        }
        OfflineBackend *offline = g_new0(OfflineBackend, 1);
        offline->backend.operations = &offline_operations;
        offline->directory = g_steal_pointer(&directory);
        offline->store = store;
        *ret = &offline->backend;
        return EXIT_STATUS_OK;
}

ExitStatus kvp_offline_list_file(const char *file, KvpPool pool, KvpEntries *entries, Failure *failure) {
        g_autofree char *directory = g_path_get_dirname(file);
        g_autoptr(Store) store = NULL;

        if (access(file, R_OK) < 0 && errno == EACCES) {
                failure_set(failure, EXIT_STATUS_DENIED, "the records of %s are not readable by you", file);
                failure_set_hint(failure, "without --raw the service can be asked; or become root");
                return EXIT_STATUS_DENIED;
        }
        int r = store_new(directory, NULL, &store);
        if (r < 0)
                return failure_set_errno(failure, r);
        ExitStatus status = revalidate(store, pool, failure);
        if (status)
                return status;
        collect_records(store, pool, entries);
        return EXIT_STATUS_OK;
}
