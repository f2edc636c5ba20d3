/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A redo file of any content, found by the store beside two pool files. Input: 'r' and the whole file; or 'p' and
 * patches over a file that is ours, its slots naming the guest's pool file as it is: a byte for the place, a byte
 * (times 16) for the distance from there, a byte for the length, the bytes. A patch of the place 'e' appends a pending
 * entry instead: kind, pool, size of the key; the rest is key and value.
 *
 * Whatever stands there: the pool that no entry names keeps every byte; an entry of a write that was cut changes
 * nothing but the records it names; and what the store has in memory afterwards is what it reads from the file.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "service/kvp/redo-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS 6
static char directory[] = "/tmp/hvutils-fuzz-redo.XXXXXX";
static char *redo_path, *paths[_KVP_POOL_ID_MAX];

static void directory_remove(void) {
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                (void) unlink(paths[i]);
                g_free(paths[i]);
        }
        (void) unlink(redo_path);
        g_free(redo_path);
        (void) rmdir(directory);
}

static void directory_make(void) {
        g_assert(mkdtemp(directory));
        redo_path = g_build_filename(directory, "redo", NULL);
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                paths[i] = g_build_filename(directory, kvp_pool_file_name((KvpPool) i), NULL);
        g_assert(atexit(directory_remove) == 0);
}

static void write_file(const char *path, const void *bytes, size_t n) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        g_assert(fd >= 0 && pwrite_full(fd, bytes, n, 0) == 0);
        g_assert(close(fd) == 0);
}

/* Records a, b, c, …, their values full of the same letter. */
static void pools_fill(uint8_t records[RECORDS * RECORD_SIZE]) {
        for (int i = 0; i < RECORDS; i++) {
                char key = (char) ('a' + i), value[RECORD_VALUE_MAX];
                memset(value, key, sizeof value);
                record_encode(records + (size_t) i * RECORD_SIZE, &key, 1, value, sizeof value);
        }
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                write_file(paths[i], records, (size_t) RECORDS * RECORD_SIZE);
}

/* --- the redo file --- */

static void redo_file_begin(RedoFile *file) {
        g_autofree char *boot_id = NULL;
        struct stat st;
        size_t n;

        memcpy(file->magic, REDO_MAGIC, sizeof file->magic);
        g_assert(read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &boot_id, &n) >= 0);
        memcpy(file->boot_id, boot_id, MIN(n, REDO_BOOT_ID_SIZE - 1));
        g_strlcpy(file->directory, directory, sizeof file->directory);

        g_assert(stat(paths[KVP_POOL_ID_GUEST], &st) == 0);
        for (int i = 0; i < 2; i++) {
                file->slots[i].pool = KVP_POOL_ID_GUEST;
                file->slots[i].dev = st.st_dev;
                file->slots[i].ino = st.st_ino;
        }
}

static uint8_t *place_of(RedoFile *file, uint8_t letter) {
        switch (letter) {
        case 'm':
                return (uint8_t *) file->magic;
        case 'a':
                return (uint8_t *) &file->active;
        case 'p':
                return (uint8_t *) &file->pending_size;
        case 'd':
                return (uint8_t *) file->directory;
        case 'k':
                return (uint8_t *) file->keys;
        case '0':
        case '1':
                return (uint8_t *) &file->slots[letter - '0'];
        case 's':
                return (uint8_t *) &file->slots[0].is_shift;
        case 'S':
                return (uint8_t *) &file->slots[1].is_shift;
        case 'o':
                return (uint8_t *) &file->slots[0].offset;
        case 'O':
                return (uint8_t *) &file->slots[1].offset;
        case 'b':
                return file->slots[0].before;
        case 'n':
                return file->slots[0].after;
        case 'B':
                return file->slots[1].before;
        case 'N':
                return file->slots[1].after;
        default:
                return file->pending;
        }
}

static void entry_add(RedoFile *file, const uint8_t *bytes, size_t n) {
        size_t directory_size = strlen(directory);
        RedoEntry *entry = (RedoEntry *) (file->pending + file->pending_size);
        char *text = (char *) (entry + 1);

        if (n < 3 || file->pending_size > REDO_PENDING_SIZE / 2)
                return;
        entry->kind = bytes[0];
        entry->pool = bytes[1];
        entry->directory_size = (uint16_t) directory_size;
        entry->key_size = bytes[2];
        entry->value_size = n - 3 > bytes[2] ? (uint16_t) (n - 3 - bytes[2]) : 0;
        entry->size = (uint32_t) ((sizeof *entry + directory_size + n - 3 + 3) & ~(size_t) 3);
        memcpy(text, directory, directory_size);
        memcpy(text + directory_size, bytes + 3, n - 3);
        file->pending_size += entry->size;
}

static void patches_apply(RedoFile *file, const uint8_t *data, size_t size) {
        while (size > 3) {
                size_t n = MIN((size_t) data[2], size - 3);
                if (data[0] == 'e')
                        entry_add(file, data + 3, n);
                else
                        memcpy(place_of(file, data[0]) + (size_t) data[1] * 16, data + 3, n);
                data += 3 + n;
                size -= 3 + n;
        }
}

/* --- what must hold --- */

/* An entry may make this pool another: it is named by a slot that counts, or by a pending entry. */
static bool may_change(const RedoFile *file, KvpPool pool) {
        if (file->active == 1 || file->active == 2)
                if (file->slots[file->active - 1].pool == (uint32_t) pool)
                        return true;
        return file->pending_size > 0;
}

/* The records of an entry that is no removal. */
static bool is_named(const RedoSlot *slot, size_t at) {
        return at >= slot->offset && at - slot->offset < slot->size;
}

static void check_bytes(const RedoFile *file, KvpPool pool, const uint8_t *before, size_t n) {
        g_autofree char *now = NULL;
        size_t now_size;

        g_assert(read_file_at(AT_FDCWD, paths[pool], 1024 * 1024, &now, &now_size) >= 0);
        if (!may_change(file, pool)) {
                g_assert(now_size == n && memcmp(now, before, n) == 0);
                return;
        }
        if (file->pending_size > 0 || file->slots[file->active - 1].is_shift)
                return;
        for (size_t i = 0; i < MIN(n, now_size); i++)
                g_assert((uint8_t) now[i] == before[i] || is_named(&file->slots[file->active - 1], i));
}

static void check_same(Store *a, Store *b, KvpPool pool) {
        const char *key[2], *value[2];
        size_t key_size[2], value_size[2];
        uint32_t i = 0;

        g_assert(store_revalidate(a, pool) >= 0);
        while (store_get_record(a, pool, i, &key[0], &key_size[0], &value[0], &value_size[0]) == 0) {
                g_assert(store_get_record(b, pool, i++, &key[1], &key_size[1], &value[1], &value_size[1]) ==
                         0);
                g_assert(key_size[0] == key_size[1] && memcmp(key[0], key[1], key_size[0]) == 0);
                g_assert(value_size[0] == value_size[1] && memcmp(value[0], value[1], value_size[0]) == 0);
        }
        g_assert(store_get_record(b, pool, i, &key[1], &key_size[1], &value[1], &value_size[1]) == -ENOENT);
}

static void open_and_check(const RedoFile *file, const uint8_t *records) {
        g_autoptr(Store) store = NULL, plain = NULL;

        g_assert(store_new(directory, redo_path, &store) == 0 && store_has_redo(store, NULL));
        g_assert(store_open_pools(store, true));
        g_assert(store_apply_pending(store) == 0);

        g_assert(store_new(directory, NULL, &plain) == 0 && store_open_pools(plain, false));
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                check_bytes(file, (KvpPool) i, records, (size_t) RECORDS * RECORD_SIZE);
                check_same(store, plain, (KvpPool) i);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static uint8_t records[RECORDS * RECORD_SIZE];
        static const RedoFile nothing;
        g_autofree RedoFile *file = NULL;

        if (size == 0)
                return 0;
        if (!redo_path)
                directory_make();
        pools_fill(records);

        if (data[0] == 'r') {
                write_file(redo_path, data + 1, size - 1);
                open_and_check(&nothing, records); /* too short to be a redo file, whatever it says */
                return 0;
        }

        file = (RedoFile *) g_malloc0(REDO_SIZE);
        redo_file_begin(file);
        patches_apply(file, data + 1, size - 1);
        write_file(redo_path, file, REDO_SIZE);
        open_and_check(file, records);
        return 0;
}
