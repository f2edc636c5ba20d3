/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Saying what changed about the numbered objects of one kind (snapshots, transfers) and the one above them,
 * once and not too often: 20 object additions a second, 10 changes of an object a second. What is not said
 * yet is a set of numbers, bounded by the history. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct Bus Bus;
typedef struct ObjectChanges ObjectChanges;

typedef struct ObjectKind {
        const char *parent_path; /* the objects are at parent_path/NUMBER */
        const char *parent_interface, *interface;
        const char *const *parent_properties, *const *properties; /* that change */
} ObjectKind;

ObjectChanges *object_changes_new(Bus *bus, const ObjectKind *kind);
ObjectChanges *object_changes_free(ObjectChanges *changes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ObjectChanges, object_changes_free)
/* There is no bus; who connects later reads anew. */
void object_changes_clear(ObjectChanges *changes);

void object_changes_add_state(ObjectChanges *changes);
void object_changes_add(ObjectChanges *changes, uint64_t id, bool is_new);
void object_changes_remove(ObjectChanges *changes, uint64_t id);

G_END_DECLS
