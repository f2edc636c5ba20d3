/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/bus/bus.h"

/* hvutilsd's snapshots, told to the bus as hvutilsd.c does; no pools and no transfers stand in the way of the
 * gate. userdata is a SnapshotsOf. */
struct SnapshotsOf {
        Bus *bus = nullptr;
        Snapshots *snapshots = nullptr;

        int connect(sd_event *event, const char *path, double time_scale) {
                static const SnapshotsOwner owner = {
                        [](bool, void *) {},
                        [](bool beginning, void *u) { bus_prepare_for_snapshot(self(u)->bus, beginning); },
                        [](void *u) { snapshots_gate_closed(self(u)->snapshots); },
                        [](void *) {},
                        [](void *u) { bus_snapshots_changed(self(u)->bus); },
                        [](void *u) { bus_channel_changed(self(u)->bus); },
                        [](const Snapshot *snapshot, bool is_new, void *u) {
                                bus_snapshot_changed(self(u)->bus, snapshot, is_new);
                        },
                        [](uint64_t id, void *u) { bus_snapshot_removed(self(u)->bus, id); },
                };
                return snapshots_new(event, path, time_scale, &owner, this, &snapshots);
        }
        static SnapshotsOf *self(void *userdata) {
                return static_cast<SnapshotsOf *>(userdata);
        }
};
