/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Closing the gaps that removed records leave: the records after them move down, in order, a chunk at a time,
 * then the file is cut. Between two chunks the file is [final records][leftovers][records not looked at yet],
 * described by three numbers, so that a shift can be taken up again at any point.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "service/kvp/store-table.h"

G_BEGIN_DECLS

#define STORE_SHIFT_RECORDS 64

typedef struct Redo Redo; /* redo.h */

typedef struct StoreShift {
        int fd;
        Redo *redo; /* or NULL */
        int pool;   /* for the redo file, as are device and inode */
        dev_t dev;
        ino_t ino;
        StoreTable keys;      /* whose records go (a set; the values are empty) */
        uint32_t write, read; /* records before `write` are final, those from `read` on untouched */
        uint32_t end;         /* records of these keys go if they stand before this; */
        uint32_t total; /* records in the file: what others appended since an interrupted shift is kept */
} StoreShift;

static inline void store_shift_done(StoreShift *shift) {
        store_table_done(&shift->keys);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreShift, store_shift_done)

bool store_shift_drops(const StoreShift *shift, const char *key, size_t key_size);
int store_shift_run(StoreShift *shift);

G_END_DECLS
