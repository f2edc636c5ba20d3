/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Saying what changed about snapshots, once and not too often: State and FrozenSince, 20 object additions a
 * second, 10 changes of an object a second. What is not said yet is a set of numbers, bounded by the
 * history. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct Bus Bus;
typedef struct SnapshotChanges SnapshotChanges;

SnapshotChanges *snapshot_changes_new(Bus *bus);
SnapshotChanges *snapshot_changes_free(SnapshotChanges *changes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotChanges, snapshot_changes_free)
/* There is no bus; who connects later reads anew. */
void snapshot_changes_clear(SnapshotChanges *changes);

void snapshot_changes_add_state(SnapshotChanges *changes);
void snapshot_changes_add(SnapshotChanges *changes, uint64_t id, bool is_new);
void snapshot_changes_remove(SnapshotChanges *changes, uint64_t id);

G_END_DECLS
