/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* …/snapshots: what may be asked of snapshotd by people on the bus, and a freeze that lives no longer than
 * its owner's connection. */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "service/bus/bus-private.h"

G_BEGIN_DECLS

extern const ObjectKind snapshot_kind;

/* A call that waits for snapshotd. */
typedef struct SnapshotCall {
        Bus *bus;
        sd_bus_message *call;
        GPtrArray *entries; /* of a plan in parts */
        BusCharge *charge;
} SnapshotCall;

/* NULL with *error set: too many wait. In bus->snapshot_calls until snapshot_call_end(). */
SnapshotCall *snapshot_call_new(Bus *bus, sd_bus_message *m, sd_bus_error *error);
void snapshot_call_free(void *call);
/* Ends it; r: of the reply that was sent. */
void snapshot_call_end(SnapshotCall *call, int r);
/* Ends it with an error. */
void snapshot_call_fail(SnapshotCall *call, int result, const LinkMessage *answer);

/* snapshot-freeze.c */
int method_snapshots_freeze(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_snapshots_thaw(sd_bus_message *m, void *userdata, sd_bus_error *error);
void freeze_free(void *freeze);
/* This snapshot is over, or belongs to nobody we know. */
void freeze_forget(Bus *bus, const Snapshot *snapshot);

G_END_DECLS
