/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guardian: a process that does nothing but thaw. Forked before the first freeze, with the open
 * descriptors, its own locked memory and the board; it waits for the end of the life pipe (snapshotd is gone,
 * whatever killed it) and for its timer (it *is* the watchdog). It ignores SIGTERM, SIGINT and SIGHUP, makes
 * no allocation, opens nothing and logs nothing.
 *
 * Its own death ends nothing: snapshotd keeps the same deadline. When snapshotd has thawed, it kills the
 * guardian: a stopped one must not wake up later and remove the record of another snapshot.
 */

#include <glib.h>
#include <stdint.h>

#include "service/snapshot/board.h"
#include "service/snapshot/child.h"

G_BEGIN_DECLS

typedef struct Guardian {
        ChildProcess child;
        int life_fd; /* our end of the life pipe: dying is the signal */
} Guardian;

#define GUARDIAN_NONE ((Guardian){ .child = CHILD_NONE, .life_fd = -1 })

typedef struct GuardianSetup {
        Board *board;
        uint64_t deadline_usec; /* CLOCK_BOOTTIME */
        int worker_fd;          /* readable (EOF) when the worker is gone */
        int ready_fd;           /* gets one byte when the guardian is on its post; closed then */
        const char *record;     /* RUNTIME/frozen, removed when everything is thawed */
} GuardianSetup;

int guardian_start(Guardian *guardian, const GuardianSetup *setup);
/* Everything is thawed, or the guardian ended by itself: it is killed and reaped. */
void guardian_dismiss(Guardian *guardian);

G_END_DECLS
