/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-shift.h"

#include <errno.h>
#include <string.h>

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
                if (store_shift_drops(shift, key, record_field_length(key, RECORD_KEY_SIZE)))
                        continue;
                memmove(buffer + (size_t)kept++ * RECORD_SIZE, record, RECORD_SIZE);
        }

        return kept;
}

static int shift_chunk(StoreShift *shift, uint8_t *buffer) {
        uint32_t n = MIN(shift->end - shift->read, STORE_SHIFT_RECORDS);

        ssize_t size =
                store_io_read(shift->fd, buffer, (size_t)n * RECORD_SIZE, (off_t)shift->read * RECORD_SIZE);
        if (size < 0)
                return (int)size;
        if ((size_t)size != (size_t)n * RECORD_SIZE)
                return -ESTALE;

        uint32_t kept = keep_records(shift, buffer, n);
        shift->read += n;
        int r = store_io_write(shift->fd, buffer, (size_t)kept * RECORD_SIZE,
                               (off_t)shift->write * RECORD_SIZE);
        if (r < 0)
                return r;

        shift->write += kept;
        return 0;
}

int store_shift_run(StoreShift *shift) {
        g_autofree uint8_t *buffer = (uint8_t *)g_malloc((size_t)STORE_SHIFT_RECORDS * RECORD_SIZE);

        while (shift->read < shift->end) {
                int r = shift_chunk(shift, buffer);
                if (r < 0)
                        return r;
        }

        return store_io_truncate(shift->fd, (off_t)shift->write * RECORD_SIZE);
}
