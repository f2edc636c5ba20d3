/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guardian: a process that does nothing but thaw. Forked before the first freeze, with the open
 * descriptors, its own locked memory and the board; it waits for the end of the life pipe (snapshotd is gone,
 * whatever killed it) and for its timer (it *is* the watchdog). It ignores SIGTERM, SIGINT and SIGHUP, makes
 * no allocation, opens nothing and logs nothing.
 *
 * Its own death ends nothing: snapshotd keeps the same deadline.
 */

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

#include "service/snapshot/board.h"

G_BEGIN_DECLS

typedef struct Guardian {
        pid_t pid;
        int pidfd;   /* readable when it ended */
        int life_fd; /* our end of the life pipe: closing it, or dying, is the signal */
} Guardian;

#define GUARDIAN_NONE ((Guardian){ .pid = -1, .pidfd = -1, .life_fd = -1 })

/* deadline_usec: CLOCK_BOOTTIME. worker_read_fd: the end of the worker's life pipe that becomes readable
 * (EOF) when the worker is gone; worker_write_fd: the other end, which the guardian closes for itself.
 * record: the path of RUNTIME/frozen, removed when everything is thawed. */
int guardian_start(Guardian *guardian, Board *board, uint64_t deadline_usec, int worker_read_fd,
                   int worker_write_fd, const char *record);
/* Everything is thawed: it may go. Never waits. */
void guardian_dismiss(Guardian *guardian);
/* In a child of snapshotd: this process is not the parent that the guardian watches. */
void guardian_disown(Guardian *guardian);

G_END_DECLS
