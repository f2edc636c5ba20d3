/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Saying what changed, once. The engine reports changes as they happen; here they are put together and sent
 * as Changed (at most BUS_SIGNALS_PER_SEC an object; the first of a quiet time goes out at once) and
 * PropertiesChanged (BUS_PROPERTIES_PER_SEC). A stopped bus does not make memory grow: while our write queue
 * is long the changes stay here, where they are bounded by KVP_CHANGE_NAMES_MAX names a pool, then `all`.
 *
 * Names only, and not even those for a file that others may not read.
 */

#include <glib.h>

#include "service/kvp/kvp.h"

G_BEGIN_DECLS

typedef struct Bus Bus;
typedef struct BusChanges BusChanges;

BusChanges *bus_changes_new(Bus *bus);
BusChanges *bus_changes_free(BusChanges *changes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BusChanges, bus_changes_free)
/* Forget everything: there is no bus, and who connects later reads anew. */
void bus_changes_clear(BusChanges *changes);

void bus_changes_add(BusChanges *changes, const KvpChange *change);
void bus_changes_add_channel(BusChanges *changes);
void bus_changes_add_network(BusChanges *changes); /* all adapters are told anew */

/* What happened to names in one pool, put together. Pure; the test's way in. */
typedef struct ChangeSet {
        GHashTable
                *names[_KVP_ORIGIN_MAX]; /* key -> removed (0 or 1); a name stands in one of them, the last */
        bool all[_KVP_ORIGIN_MAX];
} ChangeSet;
void change_set_init(ChangeSet *set);
void change_set_done(ChangeSet *set);
void change_set_clear(ChangeSet *set);
void change_set_add(ChangeSet *set, const KvpChange *change);
bool change_set_is_empty(const ChangeSet *set);

G_END_DECLS
