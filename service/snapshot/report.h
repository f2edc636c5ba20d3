/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is told about one snapshot: on the bus, in the history. Lists hold the fields of the link
 * (service/link/fields.h), words separated by tabs. */

#include <glib.h>
#include <stdint.h>

#include "service/link/link.h"
#include "service/snapshot/board.h"
#include "service/snapshot/engine.h"
#include "service/snapshot/plan.h"

G_BEGIN_DECLS

typedef struct SnapshotReport {
        uint64_t id;
        SnapshotInitiator initiator;
        SnapshotState state;
        char *owner;                                       /* "" for the host's */
        uint64_t started_usec;                             /* CLOCK_REALTIME */
        uint64_t frozen_usec;                              /* first freeze to last thaw */
        char *result;                                      /* "" while it runs */
        GPtrArray *file_systems, *skipped, *hooks, *notes; /* char * */
} SnapshotReport;

SnapshotReport *snapshot_report_new(uint64_t id, SnapshotInitiator initiator, const char *owner);
SnapshotReport *snapshot_report_free(SnapshotReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotReport, snapshot_report_free)

void snapshot_report_note(SnapshotReport *report, const char *format, ...) G_GNUC_PRINTF(2, 3);
void snapshot_report_set_result(SnapshotReport *report, const char *result);
/* After the thaw, once: file systems with their times, what was skipped and why, the frozen window. */
void snapshot_report_take(SnapshotReport *report, const GPtrArray *plan, const Board *board);

/* What does not fit is cut, with TRUNCATED=1. */
void snapshot_report_add_to(const SnapshotReport *report, LinkMessage *message);

G_END_DECLS
