/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file on its way: a named temporary in the directory where it will appear, so that it appears whole or not at
 * all, on every file system (O_TMPFILE is missing on vfat, overlay and others, and cannot replace a file).
 *
 * Room is made certain before the first byte: the free space is looked at, then fallocate(); where that is not
 * supported, the size is set. fallocate on a file system that has to write zeroes takes its time, inside START,
 * for which the host waits. What has come is pushed to the disk on the way (sync_file_range), so that the
 * fsync at the end stays short.
 *
 * Without OVER_WRITE the name is taken with RENAME_NOREPLACE, or with link() where that is not known, or, where
 * neither is, after a look. Mode and owner are set before the name appears; a file system that has none (vfat) is
 * excused.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "service/transfer/journal.h"
#include "service/transfer/outcome.h"
#include "service/transfer/path.h"

G_BEGIN_DECLS

typedef struct Sink Sink;

typedef struct SinkSetup {
        uint64_t size;
        bool overwrite;
        mode_t mode;
        uid_t uid;
        gid_t gid;
        Journal *journal; /* borrowed */
} SinkSetup;

/* Takes the target over, whatever the outcome. */
TransferOutcome sink_new(const SinkSetup *setup, PathTarget *target, Sink **ret);
/* Removes the temporary unless it was committed. */
Sink *sink_free(Sink *sink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sink, sink_free)

TransferOutcome sink_write(Sink *sink, uint64_t offset, const void *data, size_t n);
uint64_t sink_received(const Sink *sink);
/* All there: on the disk, then under its name. */
TransferOutcome sink_commit(Sink *sink);

G_END_DECLS
