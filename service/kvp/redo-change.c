/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/kvp/redo-file.h"
#include "service/kvp/store-file.h"
#include "service/kvp/store-io.h"

static void slot_fill(RedoSlot *slot, const RedoPlace *place, const uint8_t *before, size_t before_size,
                      const uint8_t *after, size_t n) {
        g_assert(n <= sizeof(slot->after) && before_size <= n);

        slot->pool = (uint32_t)place->pool;
        slot->dev = place->dev;
        slot->ino = place->ino;
        slot->offset = (uint64_t)place->offset;
        slot->before_size = (uint32_t)before_size;
        slot->size = (uint32_t)n;
        if (before_size > 0)
                memcpy(slot->before, before, before_size);
        memcpy(slot->after, after, n);
}

static void slot_publish(Redo *redo, uint32_t number) {
        /* Ours for good while we hold the file, unless a change of another directory was found here and still
         * waits. */
        if (redo->file->active == 0)
                g_strlcpy(redo->file->directory, redo->directory, sizeof(redo->file->directory));
        redo_publish(&redo->file->active, number + 1);
}

void redo_begin(Redo *redo, const RedoPlace *place, const uint8_t *before, size_t before_size,
                const uint8_t *after, size_t n) {
        if (!redo)
                return;

        g_assert(redo->file->active == 0);
        redo->file->slots[0].is_shift = false;
        slot_fill(&redo->file->slots[0], place, before, before_size, after, n);
        slot_publish(redo, 0);
}

static uint32_t keys_fill(RedoKey *keys, const StoreTable *from) {
        g_assert(from->n <= REDO_KEYS_MAX);

        for (uint32_t i = 0; i < from->n; i++) {
                keys[i].size = from->records[i]->key_size;
                memcpy(keys[i].key, store_record_key(from->records[i]), keys[i].size);
        }
        return from->n;
}

void redo_begin_shift(Redo *redo, const RedoPlace *place, const StoreShift *shift, const uint8_t *before,
                      const uint8_t *after, size_t n) {
        if (!redo)
                return;

        if (redo->file->active == 0)
                (void)keys_fill(redo->file->keys, &shift->keys);

        uint32_t number = redo->file->active == 1 ? 1 : 0;
        RedoSlot *slot = &redo->file->slots[number];
        slot->is_shift = true;
        slot->write = shift->write;
        slot->read = shift->read;
        slot->end = shift->end;
        slot->n_keys = shift->keys.n;
        slot_fill(slot, place, before, n, after, n);
        slot_publish(redo, number);
}

void redo_end(Redo *redo) {
        if (redo)
                redo_publish(&redo->file->active, 0);
}

bool redo_has_change(const Redo *redo) {
        return redo && redo->file->active != 0;
}

/* The file was written by an earlier run of ours; believed only as far as it makes sense. */
static const RedoSlot *valid_slot(const Redo *redo) {
        if (!redo || redo->file->active == 0 || redo->file->active > 2)
                return NULL;

        const RedoSlot *slot = &redo->file->slots[redo->file->active - 1];
        if (slot->pool >= _KVP_POOL_ID_MAX || slot->size > sizeof(slot->after) ||
            slot->size % RECORD_SIZE != 0 || slot->offset % RECORD_SIZE != 0 ||
            (slot->before_size != 0 && slot->before_size != slot->size) || slot->n_keys > REDO_KEYS_MAX ||
            slot->write > slot->read)
                return NULL;
        return slot;
}

typedef enum WriteState { WRITE_NOT_BEGUN, WRITE_CUT, WRITE_DONE, WRITE_FOREIGN } WriteState;

/* n bytes of the file, of which a write would have made `after` from `before`, the first byte first. */
static WriteState write_state(const uint8_t *now, const uint8_t *before, const uint8_t *after, size_t n) {
        size_t k = 0;

        while (k < n && now[k] == after[k])
                k++;
        if (k == n)
                return WRITE_DONE;
        if (memcmp(now + k, before + k, n - k) != 0)
                return WRITE_FOREIGN;
        return memcmp(now, before, k) == 0 ? WRITE_NOT_BEGUN : WRITE_CUT;
}

static WriteState overwrite_state(const RedoSlot *slot, int fd) {
        g_autofree uint8_t *now = (uint8_t *)g_malloc(MAX(slot->size, 1));

        if (store_io_read(fd, now, slot->size, (off_t)slot->offset) != (ssize_t)slot->size)
                return WRITE_FOREIGN;
        return write_state(now, slot->before, slot->after, slot->size);
}

/* An append that was cut within a record leaves a tail behind which nobody can append. Whole records are new
 * ones. */
static WriteState append_state(const RedoSlot *slot, int fd) {
        g_autofree uint8_t *now = (uint8_t *)g_malloc(slot->size + 1);

        ssize_t n = store_io_read(fd, now, (size_t)slot->size + 1, (off_t)slot->offset);
        if (n < 0 || n > (ssize_t)slot->size || memcmp(now, slot->after, (size_t)n) != 0)
                return WRITE_FOREIGN;
        return n % RECORD_SIZE == 0 ? WRITE_DONE : WRITE_CUT;
}

static int finish_append(const RedoSlot *slot, int fd, off_t size) {
        int r = store_io_write(fd, slot->after, slot->size, (off_t)slot->offset);
        if (r < 0)
                (void)store_io_truncate(fd, size - size % RECORD_SIZE);
        return 0;
}

static int finish_shift(const Redo *redo, const RedoSlot *slot, int fd, off_t size, WriteState state) {
        g_auto(StoreShift) shift = { .fd = fd,
                                     .redo = (Redo *)redo,
                                     .pool = (int)slot->pool,
                                     .dev = slot->dev,
                                     .ino = slot->ino,
                                     .write = slot->write,
                                     .read = slot->read,
                                     .end = slot->end,
                                     .total = (uint32_t)MIN(size / RECORD_SIZE, (off_t)UINT32_MAX) };

        if (shift.total < shift.read)
                return 0;
        for (uint32_t i = 0; i < slot->n_keys; i++)
                store_table_append(&shift.keys, redo->file->keys[i].key,
                                   MIN(redo->file->keys[i].size, RECORD_KEY_SIZE), NULL, 0);

        int r = 0;
        if (state != WRITE_DONE)
                r = store_io_write(fd, slot->after, slot->size, (off_t)slot->offset);
        return r < 0 ? r : store_shift_run(&shift);
}

static int slot_finish(const Redo *redo, const RedoSlot *slot, int fd, off_t size) {
        bool append = slot->before_size == 0 && slot->size > 0;
        WriteState state = append ? append_state(slot, fd) : overwrite_state(slot, fd);

        if (state == WRITE_FOREIGN)
                return 0;
        if (slot->is_shift)
                return finish_shift(redo, slot, fd, size, state);
        if (state != WRITE_CUT)
                return 0;
        return append ? finish_append(slot, fd, size)
                      : store_io_write(fd, slot->after, slot->size, (off_t)slot->offset);
}

static int slot_replay(const Redo *redo, const RedoSlot *slot, StoreFile *file) {
        struct stat st;

        int r = store_file_open(file, false);
        if (r < 0)
                return r;
        if (!file->writable)
                return file->write_error;

        r = store_file_lock(file);
        if (r < 0)
                return r;
        r = store_file_stat(file, &st);
        if (r < 0 || st.st_dev != slot->dev || st.st_ino != slot->ino)
                return 0;

        return slot_finish(redo, slot, file->fd, st.st_size);
}

int redo_replay(Redo *redo) {
        if (!redo_has_change(redo))
                return 0;

        const RedoSlot *slot = valid_slot(redo);
        if (slot && memchr(redo->file->directory, '\0', sizeof(redo->file->directory))) {
                StoreFile file;
                store_file_init(&file, g_build_filename(redo->file->directory,
                                                        kvp_pool_file_name((KvpPool)slot->pool), NULL));
                int r = slot_replay(redo, slot, &file);
                store_file_done(&file);
                if (r < 0)
                        return r;
        }

        redo_end(redo);
        return 0;
}

void redo_patch(const Redo *redo, const RedoPlace *place, uint8_t *records, size_t n) {
        const RedoSlot *slot = valid_slot(redo);

        if (!slot || slot->pool != (uint32_t)place->pool || slot->dev != place->dev ||
            slot->ino != place->ino || slot->before_size != slot->size)
                return;

        for (uint64_t offset = 0; offset < slot->size; offset += RECORD_SIZE) {
                uint64_t at = slot->offset + offset;
                if (at < (uint64_t)place->offset || at >= (uint64_t)place->offset + n * RECORD_SIZE)
                        continue;
                uint8_t *now = records + (at - (uint64_t)place->offset);
                if (write_state(now, slot->before + offset, slot->after + offset, RECORD_SIZE) == WRITE_CUT)
                        memcpy(now, slot->after + offset, RECORD_SIZE);
        }
}
