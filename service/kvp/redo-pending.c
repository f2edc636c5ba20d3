/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/kvp/redo-file.h"

static uint32_t entry_size(const Redo *redo, const StoreEdit *edit) {
        size_t n = sizeof(RedoEntry) + strlen(redo->directory) + edit->key_size + edit->value_size;
        return (uint32_t)((n + 3) & ~(size_t)3);
}

static void entry_fill(const Redo *redo, RedoEntry *entry, KvpPool pool, RedoKind kind,
                       const StoreEdit *edit) {
        size_t directory_size = strlen(redo->directory);
        char *text = (char *)(entry + 1);

        *entry = (RedoEntry){ .size = entry_size(redo, edit),
                              .kind = (uint8_t)kind,
                              .pool = (uint8_t)pool,
                              .directory_size = (uint16_t)directory_size,
                              .key_size = (uint16_t)edit->key_size,
                              .value_size = (uint16_t)edit->value_size };
        memcpy(text, redo->directory, directory_size);
        if (edit->key_size > 0)
                memcpy(text + directory_size, edit->key, edit->key_size);
        if (edit->value && edit->value_size > 0)
                memcpy(text + directory_size + edit->key_size, edit->value, edit->value_size);
}

static bool entry_is_sound(const RedoEntry *entry, uint32_t room) {
        return room >= sizeof(*entry) && entry->size >= sizeof(*entry) && entry->size <= room &&
               entry->size % 4 == 0 &&
               sizeof(*entry) + entry->directory_size + entry->key_size + entry->value_size <= entry->size &&
               entry->kind < _REDO_KIND_MAX && entry->pool < _KVP_POOL_ID_MAX &&
               entry->key_size <= RECORD_KEY_SIZE && entry->value_size <= RECORD_VALUE_SIZE;
}

static bool entry_is_of(const RedoEntry *entry, const char *directory) {
        return strlen(directory) == entry->directory_size &&
               memcmp(entry + 1, directory, entry->directory_size) == 0;
}

/* A key and a value as we write them; anything else would stand differently in a pool file than in memory. */
static bool entry_text_is_sound(const RedoEntry *entry) {
        const char *key = (const char *)(entry + 1) + entry->directory_size;

        return (entry->key_size > 0 || entry->kind == REDO_CLEAR) &&
               !memchr(key, '\0', (size_t)entry->key_size + entry->value_size);
}

static RedoEntry *entry_at(const Redo *redo, uint32_t where) {
        uint32_t end = MIN(redo->file->pending_size, REDO_PENDING_SIZE);
        RedoEntry *entry = (RedoEntry *)(redo->file->pending + where);

        return where < end && entry_is_sound(entry, end - where) ? entry : NULL;
}

/* All room is free again as soon as nothing waits; what belongs to another state directory waits as long as
 * it must. */
static void pending_release(Redo *redo) {
        for (RedoEntry *entry; (entry = entry_at(redo, redo->oldest)); redo->oldest += entry->size)
                if (!entry->forgotten)
                        return;

        redo_publish(&redo->file->pending_size, 0);
        redo->oldest = 0;
}

int redo_pending_add(Redo *redo, KvpPool pool, const StoreEdit *edits, size_t n) {
        uint32_t end = redo->file->pending_size;
        uint64_t size = 0;

        for (size_t i = 0; i < n; i++)
                size += entry_size(redo, &edits[i]);
        if (end > REDO_PENDING_SIZE || size > REDO_PENDING_SIZE - end || strlen(redo->directory) > UINT16_MAX)
                return -EROFS;

        for (size_t i = 0; i < n; i++) {
                RedoEntry *entry = (RedoEntry *)(redo->file->pending + end);
                entry_fill(redo, entry, pool, edits[i].value ? REDO_SET : REDO_REMOVE, &edits[i]);
                end += entry->size;
        }

        redo_publish(&redo->file->pending_size, end);
        return 0;
}

int redo_pending_add_clear(Redo *redo, KvpPool pool) {
        const StoreEdit nothing = { NULL, 0, NULL, 0 };
        uint32_t end = redo->file->pending_size;

        if (end > REDO_PENDING_SIZE || entry_size(redo, &nothing) > REDO_PENDING_SIZE - end)
                return -EROFS;

        entry_fill(redo, (RedoEntry *)(redo->file->pending + end), pool, REDO_CLEAR, &nothing);
        redo_publish(&redo->file->pending_size, end + entry_size(redo, &nothing));
        return 0;
}

static RedoPending pending_from_entry(const RedoEntry *entry, uint32_t where) {
        const char *key = (const char *)(entry + 1) + entry->directory_size;

        return (RedoPending){
                .pool = (KvpPool)entry->pool,
                .kind = (RedoKind)entry->kind,
                .edit = { .key = key,
                          .key_size = entry->key_size,
                          .value = entry->kind == REDO_SET ? key + entry->key_size : NULL,
                          .value_size = entry->value_size },
                .where = where,
        };
}

bool redo_pending_next(const Redo *redo, uint32_t *cursor, RedoPending *ret) {
        if (!redo)
                return false;

        for (RedoEntry *entry; (entry = entry_at(redo, *cursor));) {
                uint32_t where = *cursor;
                *cursor += entry->size;
                if (entry->forgotten || !entry_is_of(entry, redo->directory) || !entry_text_is_sound(entry))
                        continue;
                *ret = pending_from_entry(entry, where);
                return true;
        }

        return false;
}

bool redo_pending_exists(const Redo *redo, KvpPool pool) {
        RedoPending pending;

        for (uint32_t cursor = 0; redo_pending_next(redo, &cursor, &pending);)
                if (pending.pool == pool)
                        return true;
        return false;
}

void redo_pending_forget(Redo *redo, const RedoPending *pending) {
        RedoEntry *entry = entry_at(redo, pending->where);

        if (!entry)
                return;
        entry->forgotten = true;
        pending_release(redo);
}
