/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the redo file looks like, for redo*.c (and the fuzzer) only. A change of this layout changes REDO_MAGIC. */

#include <limits.h>

#include "service/kvp/redo.h"

#define REDO_MAGIC        "hvredo-1"
#define REDO_BOOT_ID_SIZE 40
#define REDO_KEYS_MAX     1024 /* of one removal: SetMany's limit */

typedef struct RedoKey {
        uint16_t size;
        char key[RECORD_KEY_SIZE];
} RedoKey;

/* A piece of a change. Numbers count records where they do not say bytes. */
typedef struct RedoSlot {
        uint32_t pool;
        uint32_t is_shift;
        uint64_t dev, ino;
        uint64_t offset;            /* bytes */
        uint32_t before_size, size; /* bytes */
        uint32_t write, read, end;  /* of the shift, when this piece is written */
        uint32_t n_keys;
        uint8_t before[REDO_RECORDS * RECORD_SIZE];
        uint8_t after[REDO_RECORDS * RECORD_SIZE];
} RedoSlot;

/* Followed by directory, key and value, none of them with a NUL; entries begin at multiples of 4. */
typedef struct RedoEntry {
        uint32_t size; /* bytes, all of it */
        uint8_t forgotten, kind, pool, unused;
        uint16_t directory_size, key_size, value_size, unused2;
} RedoEntry;

typedef struct RedoFile {
        char magic[8];
        char boot_id[REDO_BOOT_ID_SIZE];
        uint32_t active;          /* number of the valid slot plus 1, or 0 */
        uint32_t pending_size;    /* bytes of `pending` that are valid entries */
        char directory[PATH_MAX]; /* of the change */
        RedoKey keys[REDO_KEYS_MAX];
        RedoSlot slots[2];
        uint8_t pending[];
} RedoFile;

#define REDO_PENDING_SIZE (REDO_SIZE - (uint32_t)sizeof(RedoFile))

struct Redo {
        int fd;
        char *directory; /* ours */
        RedoFile *file;
        uint32_t oldest; /* all pending entries before this are forgotten */
};

/* Stores that stand before this in the program are made before it; nothing stronger is needed against kill
 * -9. */
static inline void redo_publish(uint32_t *word, uint32_t value) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
