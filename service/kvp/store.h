/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pool files, and the only code that knows how to share them (contract: wire/record.h, docs/architecture.md).
 *
 * One Store is one state directory with its five files. hvutilsd has one with a redo file; `hvctl --root=DIR` has one
 * without (redo_path NULL), with the same locks and the same records.
 *
 *  - The inode stays: written in place, appended, truncated; never renamed over, never mapped.
 *  - Change = store_lock() (flock, then OFD fcntl, neither waits) -> revalidate -> decide -> store_put()/store_remove()/… ->
 *    store_unlock(). Readers take no lock.
 *  - Values live in memory, indexed by key; a foreign change is seen by fstat (size, mtime, ctime, nlink), a file whose mtime
 *    is younger than 20 ms is not trusted, unless that mtime is the stamp of our own last write.
 *  - kill -9 leaves every record old or new: the change stands in the redo file before it is made (redo.h).
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "wire/record.h"

G_BEGIN_DECLS

typedef struct Store Store;

/* A pool's condition; "" is none. The sentence is for people (Pool.Problem). */
typedef struct StorePoolInfo {
        const char *file;       /* absolute path */
        const char *problem;
        uint32_t count;         /* records, duplicates included */
        uint64_t generation;    /* grows with each change of what readers see */
        bool exists, writable, world_readable;
} StorePoolInfo;

/* redo_path NULL: no redo file. Missing directory and files are no error: the pool has a problem then and is served from
 * memory. Never creates a pool file. Replays the redo file if its lock could be had (store_has_redo()). */
int store_new(const char *state_directory, const char *redo_path, Store **ret);
Store *store_free(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)
void store_set_limits(Store *store, uint32_t maximum_records);

/* True if the redo file is ours: mapped and locked. False: we serve without it (*ret_why says why, a sentence), or another
 * daemon holds it (-EBUSY from store_try_redo(): neither replay nor register). */
bool store_has_redo(const Store *store, const char **ret_why);
int  store_try_redo(Store *store);

/* Opens (again) what is missing; creates missing files (0644) if create and the gate is open. Returns true if all five files
 * are open for reading and writing (behind the gate: for reading). Cheap when nothing changed. */
bool store_open_pools(Store *store, bool create);
void store_get_pool_info(Store *store, KvpPool pool, StorePoolInfo *ret);

/* Makes memory equal to the file if it might differ. Returns 1 if what readers see changed, 0 if not, negative errno if the
 * file cannot be used (memory stays as it was, problem is set). Takes no lock. One fstat when nothing happened. */
int store_revalidate(Store *store, KvpPool pool);

/* What changed since the last take: names of keys (borrowed until the next call of any store_ function), or all. Own and
 * foreign changes alike; the caller knows which it was because it asks after each. */
typedef struct StoreDelta {
        const char *const *keys, *const *removed; /* NULL-terminated */
        bool all;
} StoreDelta;
bool store_take_delta(Store *store, KvpPool pool, StoreDelta *ret);

/* --- reading memory; call store_revalidate() first --- */
/* The last record with that key; raw bytes, NUL-terminated, valid until the pool changes. -ENOENT. */
int store_get(Store *store, KvpPool pool, const char *key, size_t key_size, const char **ret_value, size_t *ret_size);
/* The record with that number in file order. -ENOENT past the end. */
int store_get_record(Store *store, KvpPool pool, uint32_t index, const char **ret_key, size_t *ret_key_size,
                     const char **ret_value, size_t *ret_value_size);

/* --- changing: lock, revalidate, decide, act, unlock --- */
/* -EAGAIN: another program holds it, try again later. -EBUSY: another daemon holds the redo file, and so all the writing. Revalidates. Behind the gate: no lock, no disk, always succeeds. */
int store_lock(Store *store, KvpPool pool);
void store_unlock(Store *store, KvpPool pool);

/* All edits together, under the lock: old or new after kill -9, each record by itself. value NULL removes every record with
 * the key. Setting writes the last record with the key, else appends. Writing what stands there already writes nothing.
 * Returns the number of records touched; -ENOENT if a removal found nothing and n == 1; -EDQUOT for MaximumRecords; -ENOSPC,
 * -EIO, -ESTALE (file gone), … with the file as it was (an append that fails half-way is truncated back).
 * Behind the gate the edits become pending entries of the redo file, readable at once; -EROFS if there is no room. */
typedef struct StoreEdit {
        const char *key;
        size_t key_size;
        const char *value;
        size_t value_size;
} StoreEdit;
int store_apply(Store *store, KvpPool pool, const StoreEdit *edits, size_t n);
/* One ftruncate. Returns the number of records removed. */
int store_clear(Store *store, KvpPool pool);

/* --- the gate --- */
/* Closing: pool files are reopened O_RDONLY, nothing is created, locked or written from now on. Opening: reopened read-write,
 * pending entries applied; what fails stays pending (problem says so): call store_apply_pending() again later. */
void store_set_closed(Store *store, bool closed);
bool store_is_closed(const Store *store);
/* Returns the number of entries still pending. */
int store_apply_pending(Store *store);

/* --- for the sync thread: a duplicate descriptor of the pool's file to fdatasync() and close, -ENOENT if nothing was written
 * since the last call --- */
int store_take_dirty_fd(Store *store, KvpPool pool);

G_END_DECLS
