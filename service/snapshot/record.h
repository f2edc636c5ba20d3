/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * RUNTIME/frozen: which file systems this guest's snapshot may have frozen. Written before the first freeze,
 * on tmpfs, removed by whoever thaws last. Others need only its existence (KVP's gate, transfers);
 * `hvutils-snapshotd --thaw` and the next start read it when everybody who knew better is dead.
 *
 *      hvutils-frozen 1
 *      MAJOR:MINOR MOUNTPOINT        one line each, in freeze order, blanks and backslashes as \ooo
 */

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct RecordEntry {
        dev_t device;
        char *target;
} RecordEntry;

/* Atomic. entries: RecordEntry * in freeze order. */
int record_write(const char *path, const GPtrArray *entries);
/* -ENOENT: nothing is frozen. -EBADMSG: not our file. Elements are RecordEntry *. */
int record_read(const char *path, GPtrArray **ret);
RecordEntry *record_entry_new(dev_t device, const char *target);
void record_entry_free(void *entry);

/* Thaws what the record lists, last first, each by the mount point, or by any other mount of the same super
 * block when that is gone, and removes the record. once more: a FITHAW that says EINVAL is a file system that
 * is thawed already. Returns the number of file systems that were frozen, 0 without a record, or a negative
 * errno when one could not be thawed (the record stays). */
int record_thaw(const char *path);

G_END_DECLS
