/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The redo file: what must survive kill -9, in a mapped file on a tmpfs (RUNTIME/kvp/redo). It is the only
 * thing of the store that is ours alone.
 *
 * The enemy is small and sure: a write that is killed stops at the next page boundary, and four of eight pool
 * records cross one. So each piece of a change (a record overwritten, records appended, a chunk moved down by
 * a removal) first stands here with the bytes before and after; then one word, `active`, is stored, which
 * makes the entry valid; then the file is written; then the word is cleared. kill -9 takes the process but
 * not the page cache, hence memory of a shared mapping is as good as a disk: the order of stores in the
 * program is all that is needed, an entry that was cut short was never valid, and there is nothing to
 * checksum. A removal fills two slots in turn, so that one of them is always whole.
 *
 * At the next start redo_replay() looks at the file under both locks. Bytes that are new up to some point and
 * old from there are a write that was cut: it is finished. Old or new bytes alone need nothing. Anything else
 * was written by somebody since; it is left alone and the entry is dropped.
 *
 * The other kind of entry is *pending*: an edit that was asked for, and acknowledged, while the file systems
 * were frozen. It stays, by state directory and pool, until it could be made, over kills and restarts.
 *
 * The file is held by flock() as long as the Redo lives. Who does not get the lock has no business with what
 * stands in it.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "service/kvp/store-shift.h"
#include "service/kvp/store.h"
#include "wire/record.h"

G_BEGIN_DECLS

#define REDO_SIZE    (UINT32_C(4) << 20)
#define REDO_RECORDS STORE_SHIFT_RECORDS /* most records in one entry */

/* Makes the file if it is missing (0600, all its room allocated). -EBUSY: another daemon holds it. directory:
 * canonical. */
int redo_open(const char *path, const char *directory, Redo **ret);
Redo *redo_free(Redo *redo);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Redo, redo_free)

/* --- changes; redo may be NULL in all of these: then nothing is remembered --- */

typedef struct RedoPlace {
        KvpPool pool;
        dev_t dev;
        ino_t ino;
        off_t offset; /* of a record */
} RedoPlace;

/* Valid when it returns. before_size is n, or 0 where the file ends at offset. n <= REDO_RECORDS records. */
void redo_begin(Redo *redo, const RedoPlace *place, const uint8_t *before, size_t before_size,
                const uint8_t *after, size_t n);
/* The same for a step of a removal; the shift's numbers are those after this step. Keys are taken down by the
 * first step. */
void redo_begin_shift(Redo *redo, const RedoPlace *place, const StoreShift *shift, const uint8_t *before,
                      const uint8_t *after, size_t n);
void redo_end(Redo *redo);

bool redo_has_change(const Redo *redo);
/* Finishes or drops what a killed daemon began. 0: nothing is left to do. -EAGAIN: locked by somebody;
 * -ENOENT: no such file at present; other errors: it could not be written. The entry stays then. */
int redo_replay(Redo *redo);
/* Mends records just read from a pool file that the change in here would mend, in memory only. */
void redo_patch(const Redo *redo, const RedoPlace *place, uint8_t *records, size_t n);

/* --- pending edits of our state directory --- */

typedef enum RedoKind { REDO_SET, REDO_REMOVE, REDO_CLEAR, _REDO_KIND_MAX } RedoKind;

typedef struct RedoPending {
        KvpPool pool;
        RedoKind kind;
        StoreEdit edit; /* points into the mapping */
        uint32_t where;
} RedoPending;

/* All of them or -EROFS: no room. Valid together. */
int redo_pending_add(Redo *redo, KvpPool pool, const StoreEdit *edits, size_t n);
int redo_pending_add_clear(Redo *redo, KvpPool pool);
/* Visits in the order of their arrival; *cursor starts at 0. */
bool redo_pending_next(const Redo *redo, uint32_t *cursor, RedoPending *ret);
bool redo_pending_exists(const Redo *redo, KvpPool pool);
/* It was made, or something newer replaces it. */
void redo_pending_forget(Redo *redo, const RedoPending *pending);

G_END_DECLS
