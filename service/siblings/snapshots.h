/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * hvutilsd's side of snapshots: what hvutils-snapshotd told over the link, what it may be asked, and its three
 * requests before and after a freeze (service/link/fields.h):
 *
 *      prepare signal   -> owner.prepare(true); ready when the last inhibitor is gone or the budget is used up
 *      prepare gate     -> owner.close_gate();  ready at snapshots_gate_closed()
 *      prepare done     -> owner.open_gate(), owner.prepare(false)
 *
 * If the link ends in between, the second half is done as well: nobody will say *done* any more.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/string-table.h"
#include "service/link/link.h"
#include "service/siblings/commands.h"
#include "service/siblings/facts.h"
#include "service/siblings/inhibitors.h"

G_BEGIN_DECLS

#define SNAPSHOTS_HISTORY_MAX 64
#define SNAPSHOT_OWNER_MAX    255

typedef enum SnapshotState {
        SNAPSHOT_STATE_UNAVAILABLE, /* no snapshotd at the other end */
        SNAPSHOT_STATE_IDLE,
        SNAPSHOT_STATE_PREPARING,
        SNAPSHOT_STATE_FREEZING,
        SNAPSHOT_STATE_FROZEN,
        SNAPSHOT_STATE_THAWING,
        SNAPSHOT_STATE_FAILED,
        _SNAPSHOT_STATE_MAX,
        _SNAPSHOT_STATE_INVALID = -EINVAL,
} SnapshotState;
DECLARE_STRING_TABLE_LOOKUP(snapshot_state, SnapshotState);

/* One snapshot, as its report says; lists are NULL-terminated, rows have their columns separated by TAB. */
typedef struct Snapshot {
        uint64_t id;
        char *initiator; /* host, local */
        char *owner;     /* unique bus name, or "" */
        SnapshotState state;
        uint64_t started_usec; /* CLOCK_REALTIME */
        uint64_t frozen_usec;
        char *result;
        char **file_systems; /* mount point, source, type, usec */
        char **skipped;      /* mount point, reason */
        char **hooks;        /* name, phase, outcome, usec */
        char **notes;
        bool truncated;
        bool history;
} Snapshot;

typedef struct Snapshots Snapshots;

typedef struct SnapshotsOwner {
        void (*linked)(bool linked, void *userdata);
        void (*prepare)(bool beginning, void *userdata);
        void (*close_gate)(void *userdata);
        void (*open_gate)(void *userdata);
        void (*state_changed)(void *userdata);   /* State, FrozenSince */
        void (*channel_changed)(void *userdata); /* channel */
        void (*snapshot_changed)(const Snapshot *snapshot, bool is_new, void *userdata);
        void (*snapshot_removed)(uint64_t id, void *userdata); /* pushed out of the history */
} SnapshotsOwner;

int snapshots_new(sd_event *event, const char *socket_path, double time_scale, const SnapshotsOwner *owner,
                  void *userdata, Snapshots **ret);
Snapshots *snapshots_free(Snapshots *snapshots);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshots, snapshots_free)

/* The answer to close_gate: everything is on the disk and nothing will touch it. */
void snapshots_gate_closed(Snapshots *snapshots);

/* --- what is known --- */

SnapshotState snapshots_get_state(const Snapshots *snapshots);
uint64_t snapshots_get_frozen_since(const Snapshots *snapshots); /* CLOCK_REALTIME, 0 = not frozen */
bool snapshots_is_frozen(const Snapshots *snapshots);            /* a disk may be */
bool snapshots_is_preparing(const Snapshots *snapshots); /* from prepare signal to done: no new inhibitor */
const SiblingFacts *snapshots_get_facts(const Snapshots *snapshots);
guint snapshots_count(const Snapshots *snapshots);
const Snapshot *snapshots_get_nth(const Snapshots *snapshots, guint index); /* oldest first */
const Snapshot *snapshots_find(const Snapshots *snapshots, uint64_t id);
Inhibitors *snapshots_get_inhibitors(Snapshots *snapshots);

/* --- commands; answered later, once, unless forgotten --- */

void snapshots_plan(Snapshots *snapshots, CommandDone done, void *userdata);
/* -EMSGSIZE: so many mount points do not fit a message. */
int snapshots_freeze(Snapshots *snapshots, const char *owner, const char *const *mounts,
                     uint64_t watchdog_usec, CommandDone done, void *userdata);
void snapshots_thaw(Snapshots *snapshots, const char *owner, CommandDone done, void *userdata);
/* The owner's connection ended. */
void snapshots_release(Snapshots *snapshots, const char *owner);
void snapshots_forget(Snapshots *snapshots, const void *userdata);

G_END_DECLS
