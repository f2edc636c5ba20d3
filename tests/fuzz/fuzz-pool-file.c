/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A pool file as any program may have left it, and the store's changes on it: a set, a removal of the first
 * key, a clear. Input: the file's bytes, but for the first, which says how far the first record is repeated.
 * Whatever stood there, what the store reads after each change from the file is what it had in memory.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/kvp/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[] = "/tmp/hvutils-fuzz.XXXXXX";

static void directory_remove(void) {
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                g_autofree char *path = g_build_filename(directory, kvp_pool_file_name((KvpPool) i), NULL);
                (void) unlink(path);
        }
        (void) rmdir(directory);
}

static Store *store_open(void) {
        Store *store;

        g_assert(store_new(directory, NULL, &store) == 0);
        g_assert(store_open_pools(store, true));
        return store;
}

static void file_fill(const uint8_t *data, size_t size) {
        g_autofree char *path = g_build_filename(directory, kvp_pool_file_name(KVP_POOL_ID_GUEST), NULL);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

        g_assert(fd >= 0);
        for (int i = 0; i < data[0] % 8; i++)
                g_assert(write(fd, data + 1, MIN(size - 1, RECORD_SIZE)) >= 0);
        g_assert(write(fd, data + 1, size - 1) >= 0);
        g_assert(close(fd) == 0);
}

static void check_same(Store *a) {
        Store *b = store_open();
        const char *key[2], *value[2];
        size_t key_size[2], value_size[2];
        uint32_t i = 0;

        while (store_get_record(a, KVP_POOL_ID_GUEST, i, &key[0], &key_size[0], &value[0], &value_size[0]) ==
               0) {
                g_assert(store_get_record(b, KVP_POOL_ID_GUEST, i++, &key[1], &key_size[1], &value[1],
                                          &value_size[1]) == 0);
                g_assert(key_size[0] == key_size[1] && memcmp(key[0], key[1], key_size[0] + 1) == 0);
                g_assert(value_size[0] == value_size[1] &&
                         memcmp(value[0], value[1], value_size[0] + 1) == 0);
        }
        g_assert(store_get_record(b, KVP_POOL_ID_GUEST, i, &key[1], &key_size[1], &value[1],
                                  &value_size[1]) == -ENOENT);
        store_free(b);
}

static void change(Store *store, const StoreEdit *edit) {
        g_assert(store_lock(store, KVP_POOL_ID_GUEST) == 0);
        g_assert((edit ? store_apply(store, KVP_POOL_ID_GUEST, edit, 1)
                       : store_clear(store, KVP_POOL_ID_GUEST)) >= 0);
        store_unlock(store, KVP_POOL_ID_GUEST);
        check_same(store);
}

static void remove_first(Store *store) {
        const char *key, *value;
        size_t key_size, value_size;

        if (store_get_record(store, KVP_POOL_ID_GUEST, 0, &key, &key_size, &value, &value_size) < 0)
                return;
        g_autofree char *copy = g_strndup(key, key_size);
        change(store, &(StoreEdit){ .key = copy, .key_size = key_size });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static bool ready;

        if (size == 0)
                return 0;
        if (!ready) {
                g_assert(mkdtemp(directory));
                ready = atexit(directory_remove) == 0;
        }

        file_fill(data, size);
        Store *store = store_open();
        remove_first(store);
        change(store, &(StoreEdit){ .key = "fuzz", .key_size = 4, .value = "value", .value_size = 5 });
        remove_first(store);
        change(store, NULL);
        store_free(store);
        return 0;
}
