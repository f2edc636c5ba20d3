/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-shift.h"

#include <errno.h>
#include <string.h>

#include "service/kvp/redo.h"
#include "service/kvp/store-io.h"
#include "wire/record.h"

bool store_shift_drops(const StoreShift *shift, const char *key, size_t key_size) {
        return store_table_find(&shift->keys, key, key_size) != STORE_TABLE_NONE;
}

/* Leaves the records that stay at the start of the buffer and returns their number. */
static uint32_t keep_records(const StoreShift *shift, uint8_t *buffer, uint32_t n) {
        uint32_t kept = 0;

        for (uint32_t i = 0; i < n; i++) {
                uint8_t *record = buffer + (size_t)i * RECORD_SIZE;
                const char *key = (const char *)record;
                if (shift->read + i < shift->end &&
                    store_shift_drops(shift, key, record_field_length(key, RECORD_KEY_SIZE)))
                        continue;
                memmove(buffer + (size_t)kept++ * RECORD_SIZE, record, RECORD_SIZE);
        }

        return kept;
}

static int read_records(const StoreShift *shift, uint32_t first, uint32_t n, uint8_t *buffer) {
        size_t size = (size_t)n * RECORD_SIZE;

        ssize_t r = store_io_read(shift->fd, buffer, size, (off_t)first * RECORD_SIZE);
        if (r < 0)
                return (int)r;
        return (size_t)r == size ? 0 : -ESTALE;
}

static int shift_chunk(StoreShift *shift, uint8_t *before, uint8_t *after) {
        uint32_t n = MIN(shift->total - shift->read, STORE_SHIFT_RECORDS), to = shift->write;

        int r = read_records(shift, shift->read, n, after);
        if (r < 0)
                return r;
        uint32_t kept = keep_records(shift, after, n);
        r = read_records(shift, to, kept, before);
        if (r < 0)
                return r;

        const RedoPlace place = { (KvpPool)shift->pool, shift->dev, shift->ino, (off_t)to * RECORD_SIZE };
        shift->read += n;
        shift->write += kept;
        if (kept == 0)
                return 0;
        redo_begin_shift(shift->redo, &place, shift, before, after, (size_t)kept * RECORD_SIZE);
        return store_io_write(shift->fd, after, (size_t)kept * RECORD_SIZE, place.offset);
}

/* The last step. Once the file is cut, others may append; the first leftover tells a file that still has to
 * be cut from one that was, and has grown again. */
static int shift_cut(StoreShift *shift, uint8_t *leftover) {
        const RedoPlace place = { (KvpPool)shift->pool, shift->dev, shift->ino,
                                  (off_t)shift->write * RECORD_SIZE };

        if (shift->write == shift->total)
                return 0;
        int r = read_records(shift, shift->write, 1, leftover);
        if (r < 0)
                return r;

        redo_begin_shift(shift->redo, &place, shift, leftover, leftover, RECORD_SIZE);
        return store_io_truncate(shift->fd, place.offset);
}

int store_shift_run(StoreShift *shift) {
        g_autofree uint8_t *buffers = (uint8_t *)g_malloc((size_t)2 * STORE_SHIFT_RECORDS * RECORD_SIZE);

        while (shift->read < shift->total) {
                int r = shift_chunk(shift, buffers, buffers + STORE_SHIFT_RECORDS * RECORD_SIZE);
                if (r < 0)
                        return r;
        }

        return shift_cut(shift, buffers);
}
