/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/siblings/snapshots.h"

G_BEGIN_DECLS

/* A report with an ID; -EBADMSG for one without, or with a state that we do not know. */
int snapshot_new(const LinkMessage *report, Snapshot **ret);
Snapshot *snapshot_free(Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_free)

G_END_DECLS
