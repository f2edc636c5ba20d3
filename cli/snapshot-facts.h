/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service says about snapshots: each object's properties, read whole. */

#include <glib.h>
#include <stdint.h>

#include "cli/client.h"
#include "cli/output.h"

G_BEGIN_DECLS

typedef struct SnapshotFacts {
        uint64_t id, started, frozen_usec; /* started since 1970 */
        char *initiator, *state, *result;
        Table *file_systems, *skipped, *hooks, *notes;
} SnapshotFacts;

SnapshotFacts *snapshot_facts_free(SnapshotFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotFacts, snapshot_facts_free)
/* SnapshotFacts, in the order of their numbers. */
ExitStatus snapshot_facts_list(Client *client, GPtrArray **ret, Failure *failure);
ExitStatus snapshot_facts_read(Client *client, const char *path, SnapshotFacts **ret, Failure *failure);
/* The properties of org.hyperv.Utils.Snapshot, for facts_read_properties(); userdata is a SnapshotFacts. */
int snapshot_facts_read_property(sd_bus_message *message, const char *name, void *userdata);
SnapshotFacts *snapshot_facts_new(const char *path);
/* A path and its interfaces, as InterfacesAdded tells them; what is no snapshot adds nothing. */
GPtrArray *snapshot_facts_list_new(void);
int snapshot_facts_read_object(sd_bus_message *message, GPtrArray *list);

/* The properties of org.hyperv.Utils.Snapshots. */
typedef struct SnapshotsState {
        char *state;
        uint64_t frozen_since; /* since 1970, 0 = not frozen */
} SnapshotsState;

void snapshots_state_done(SnapshotsState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SnapshotsState, snapshots_state_done)
ExitStatus snapshots_state_read(Client *client, SnapshotsState *ret, Failure *failure);

/* "2026-11-24 16:00:00", in local time; NULL for 0 (g_free). */
char *snapshot_format_date(uint64_t usec);
/* "12.345 ms" (g_free) */
char *snapshot_format_duration(uint64_t usec);

G_END_DECLS
