/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/engine.h"

#include "common/string-table.h"

static const char *const snapshot_state_table[_SNAPSHOT_STATE_MAX] = {
        [SNAPSHOT_IDLE] = "idle",     [SNAPSHOT_PREPARING] = "preparing", [SNAPSHOT_FREEZING] = "freezing",
        [SNAPSHOT_FROZEN] = "frozen", [SNAPSHOT_THAWING] = "thawing",     [SNAPSHOT_FAILED] = "failed",
};
DEFINE_STRING_TABLE_LOOKUP(snapshot_state, SnapshotState);

static const char *const snapshot_initiator_table[_SNAPSHOT_INITIATOR_MAX] = {
        [SNAPSHOT_BY_HOST] = "host",
        [SNAPSHOT_BY_LOCAL] = "local",
};
DEFINE_STRING_TABLE_LOOKUP(snapshot_initiator, SnapshotInitiator);

#define ON(event, do_this, then) [EVENT_##event] = { ACTION_##do_this, SNAPSHOT_##then }

/* What stands nowhere in a row cannot happen there, or is late: nothing is done. */
static const SnapshotStep table[_SNAPSHOT_STATE_MAX][_EVENT_MAX] = {
        [SNAPSHOT_IDLE] = {
                ON(HOST_FREEZE, BEGIN, PREPARING),
                ON(LOCAL_FREEZE, BEGIN, PREPARING),
                ON(HOST_THAW, REFUSE, IDLE), /* late after the watchdog, faked at hibernation */
                ON(THAW, REFUSE, IDLE),
                ON(STOP, EXIT, IDLE),
        },
        [SNAPSHOT_PREPARING] = {
                ON(HOST_FREEZE, REFUSE, PREPARING),
                ON(LOCAL_FREEZE, REFUSE, PREPARING),
                ON(HOST_THAW, ABANDON, FAILED),
                ON(THAW, ABANDON, FAILED),
                ON(OWNER_GONE, ABANDON, FAILED),
                ON(PREPARED, FREEZE, FREEZING),
                ON(UNPREPARED, ABANDON, FAILED),
                ON(CHANNEL_LOST, ABANDON, FAILED),
                ON(STOP, ABANDON, FAILED),
        },
        [SNAPSHOT_FREEZING] = {
                ON(HOST_FREEZE, REFUSE, FREEZING),
                ON(LOCAL_FREEZE, REFUSE, FREEZING),
                ON(HOST_THAW, GIVE_UP, FAILED),
                ON(THAW, GIVE_UP, FAILED),
                ON(OWNER_GONE, GIVE_UP, FAILED),
                ON(FROZEN, ANNOUNCE, FROZEN),
                ON(NOT_FROZEN, GIVE_UP, FAILED),
                ON(WATCHDOG, GIVE_UP, FAILED),
                ON(CHANNEL_LOST, GIVE_UP, FAILED),
                ON(STOP, GIVE_UP, FAILED),
        },
        [SNAPSHOT_FROZEN] = {
                ON(HOST_FREEZE, REFUSE, FROZEN),
                ON(LOCAL_FREEZE, REFUSE, FROZEN),
                ON(HOST_THAW, THAW, THAWING),
                ON(THAW, THAW, THAWING),
                ON(OWNER_GONE, THAW, THAWING),
                ON(WATCHDOG, THAW, THAWING),
                ON(CHANNEL_LOST, THAW, THAWING),
                ON(STOP, THAW, THAWING),
        },
        [SNAPSHOT_THAWING] = {
                ON(HOST_FREEZE, WAIT, THAWING),
                ON(LOCAL_FREEZE, REFUSE, THAWING),
                ON(HOST_THAW, REFUSE, THAWING),
                ON(THAW, REFUSE, THAWING),
                ON(SETTLED, FINISH, IDLE),
        },
        [SNAPSHOT_FAILED] = {
                ON(HOST_FREEZE, WAIT, FAILED),
                ON(LOCAL_FREEZE, REFUSE, FAILED),
                ON(HOST_THAW, REFUSE, FAILED),
                ON(THAW, REFUSE, FAILED),
                ON(SETTLED, FINISH, IDLE),
        },
};

/* The rows are the same for both initiators but for the owner, whom only a local freeze has. */
SnapshotStep engine_decide(SnapshotState state, SnapshotInitiator initiator, SnapshotEvent event) {
        SnapshotStep step = table[state][event];

        if (step.action == ACTION_NONE || (event == EVENT_OWNER_GONE && initiator == SNAPSHOT_BY_HOST))
                return (SnapshotStep){ ACTION_NONE, state };
        return step;
}
