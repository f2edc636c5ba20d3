/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The snapshot service: the host's channel, the link, hooks and the freezer, held together by the table of
 * engine.h. */

#include <glib.h>
#include <systemd/sd-event.h>

#include "common/config.h"
#include "service/channel/channel.h"

G_BEGIN_DECLS

typedef struct Snapshot Snapshot;

typedef struct SnapshotSetup {
        const char *channel_path; /* NULL = the device */
        const char *runtime_directory, *history_directory;
        double time_scale;
        const Configuration *configuration; /* borrowed until snapshot_reload() */
        void (*channel_changed)(void *userdata);
        void (*stopped)(void *userdata); /* after snapshot_stop(): nothing is frozen */
        void *userdata;
} SnapshotSetup;

int snapshot_new(sd_event *event, const SnapshotSetup *setup, Snapshot **ret);
Snapshot *snapshot_free(Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_free)

int snapshot_start(Snapshot *snapshot);
void snapshot_stop(Snapshot *snapshot);
void snapshot_reload(Snapshot *snapshot, const Configuration *configuration);
const Channel *snapshot_get_channel(const Snapshot *snapshot);

G_END_DECLS
