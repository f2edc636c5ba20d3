/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names of keys that changed in one pool since somebody last asked; never their values, and never more
 * than STORE_DELTA_MAX of them. */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

#define STORE_DELTA_MAX 256

typedef struct StoreDeltaLog {
        GHashTable *names; /* owned name -> was it removed? NULL until the first change */
        bool changed, all;
        GHashTable *taken; /* what the arrays below point into */
        GPtrArray *keys, *removed;
} StoreDeltaLog;

void store_delta_done(StoreDeltaLog *log);
/* Something that readers see changed, perhaps no name (a duplicate, the order). */
void store_delta_touch(StoreDeltaLog *log);
void store_delta_note(StoreDeltaLog *log, const char *key, size_t key_size, bool removed);
/* Moves what was noted into keys and removed (NULL-terminated); false if there was nothing. */
bool store_delta_take(StoreDeltaLog *log, bool *ret_all);

G_END_DECLS
