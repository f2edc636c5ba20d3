/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One pool: its file, its records in memory, and the condition both are in. Memory is never worse than the
 * last time the file could be read. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/kvp/redo.h"
#include "service/kvp/store-delta.h"
#include "service/kvp/store-file.h"
#include "service/kvp/store-table.h"
#include "wire/record.h"

G_BEGIN_DECLS

/* More records are not read: a sparse file of a terabyte must not become memory. Twice what MaximumRecords=
 * can say at most. */
#define STORE_POOL_RECORDS_MAX (UINT32_C(1) << 20)

typedef struct StorePool {
        KvpPool id;
        StoreFile file;
        StoreTable table;
        StoreDeltaLog delta;
        Redo *redo; /* the store's, or NULL */
        bool bare;  /* pending edits are not laid over what is read */
        uint64_t generation;
        char *problem;   /* a sentence or NULL */
        int error;       /* why the file cannot be read, a negative errno */
        int write_error; /* why it could not be written the last time somebody wanted to */
        bool dirty;      /* written since the sync thread last took the descriptor */
} StorePool;

void store_pool_init(StorePool *pool, KvpPool id, const char *directory);
void store_pool_done(StorePool *pool);

/* Opens the file by its path if it is not open or the path names another one. */
int store_pool_open(StorePool *pool, bool read_only, bool create);
/* As store_revalidate(). */
int store_pool_revalidate(StorePool *pool, bool read_only);
/* Under the lock: also makes sure that the path still names our file, else -ESTALE. */
int store_pool_revalidate_locked(StorePool *pool);

/* The pool cannot be read (written) as it should be; error may be 0 to take the complaint back. Return error.
 */
int store_pool_complain(StorePool *pool, int error);
int store_pool_complain_write(StorePool *pool, int error);
/* Whole records in the file as it was last seen. */
uint32_t store_pool_file_records(const StorePool *pool);
/* Readers see something else than before. */
void store_pool_changed(StorePool *pool);
/* Makes table the pool's and notes the difference; 1 if there is one. Leaves an empty table behind. */
int store_pool_replace_table(StorePool *pool, StoreTable *table);

G_END_DECLS
