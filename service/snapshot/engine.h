/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens next, for every state and every event: one table, pure. Who acts is snapshot.c.
 *
 *      IDLE → PREPARING → FREEZING → FROZEN → THAWING → IDLE
 *                  ↓           ↓
 *                  └─ FAILED ←─┘  → IDLE
 *
 * THAWING and FAILED last until nothing is in flight and the hooks have run. In both, a FREEZE of the host
 * waits for IDLE: a host that takes one snapshot after the other is not refused because a hook of the last
 * one still runs.
 */

#include <glib.h>

#include "common/string-table.h"

G_BEGIN_DECLS

typedef enum SnapshotState {
        SNAPSHOT_IDLE,
        SNAPSHOT_PREPARING,
        SNAPSHOT_FREEZING,
        SNAPSHOT_FROZEN,
        SNAPSHOT_THAWING,
        SNAPSHOT_FAILED,
        _SNAPSHOT_STATE_MAX,
        _SNAPSHOT_STATE_INVALID = -EINVAL,
} SnapshotState;
DECLARE_STRING_TABLE_LOOKUP(snapshot_state, SnapshotState);

typedef enum SnapshotInitiator {
        SNAPSHOT_BY_HOST,
        SNAPSHOT_BY_LOCAL,
        _SNAPSHOT_INITIATOR_MAX,
        _SNAPSHOT_INITIATOR_INVALID = -EINVAL,
} SnapshotInitiator;
DECLARE_STRING_TABLE_LOOKUP(snapshot_initiator, SnapshotInitiator);

typedef enum SnapshotEvent {
        EVENT_HOST_FREEZE,
        EVENT_HOST_THAW,
        EVENT_LOCAL_FREEZE,
        EVENT_THAW,       /* by the owner, or by root */
        EVENT_OWNER_GONE, /* the owner's connection, hvutilsd or the bus */
        EVENT_PREPARED,
        EVENT_UNPREPARED, /* a hook said no, an obstacle, no memory */
        EVENT_FROZEN,
        EVENT_NOT_FROZEN, /* an error, or FreezeMax= */
        EVENT_WATCHDOG,
        EVENT_CHANNEL_LOST,
        EVENT_STOP,    /* SIGTERM */
        EVENT_SETTLED, /* nothing in flight, hooks done */
        _EVENT_MAX,
} SnapshotEvent;

typedef enum SnapshotAction {
        ACTION_NONE,
        ACTION_BEGIN,    /* prepare */
        ACTION_REFUSE,   /* the host is told HV_E_FAIL, a local caller EBUSY */
        ACTION_WAIT,     /* the host's FREEZE is looked at again in IDLE */
        ACTION_FREEZE,   /* all prepared */
        ACTION_ANNOUNCE, /* frozen: the host is told OK */
        ACTION_ABANDON,  /* not frozen yet: end the preparation */
        ACTION_GIVE_UP,  /* thaw; who waits for the freeze is refused */
        ACTION_THAW,     /* thaw; the host that asked for it is told OK if the freeze was its own */
        ACTION_FINISH,
        ACTION_EXIT,
        _ACTION_MAX,
} SnapshotAction;

typedef struct SnapshotStep {
        SnapshotAction action;
        SnapshotState next;
} SnapshotStep;

SnapshotStep engine_decide(SnapshotState state, SnapshotInitiator initiator, SnapshotEvent event);

G_END_DECLS
