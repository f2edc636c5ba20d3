/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The reports of the last snapshots, DIRECTORY/snapshots, and the number of the next one,
 * RUNTIME/snapshot-number. Never touched between the first freeze and the last thaw. */

#include <glib.h>
#include <stdint.h>

#include "service/snapshot/report.h"

G_BEGIN_DECLS

#define HISTORY_MAX 64

typedef struct History History;

/* Never fails for what stands in the file: then it begins empty, and says so. */
History *history_new(const char *directory, const char *runtime_directory);
History *history_free(History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)

/* Never given before in this boot, nor to one of the reports that are kept. Writes the next one first. */
int history_take_number(History *history, uint64_t *ret);
/* Takes the report over, always, and writes the file. */
int history_add(History *history, SnapshotReport *report);
/* SnapshotReport *, oldest first. */
const GPtrArray *history_get_reports(const History *history);

G_END_DECLS
