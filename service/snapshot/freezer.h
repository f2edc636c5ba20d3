/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One freeze, from open mount points to thawed file systems. It owns the board, the guardian, the worker and
 * the processes that sync. Everything it needs to thaw is there before the first FIFREEZE: freezer_thaw() is
 * ioctls through descriptors held since freezer_open(), and nothing else.
 *
 * Order of calls: open, sync, freeze, thaw, close. The processes' ends come through the event loop.
 */

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/snapshot/board.h"
#include "service/snapshot/plan.h"

G_BEGIN_DECLS

typedef struct Freezer Freezer;

typedef struct FreezerOwner {
        /* Every file system is written back, but for n_late whose time is over. */
        void (*synced)(unsigned n_late, void *userdata);
        /* The worker ended and freezer_thaw() was not called: 0, all stand frozen or refused; or a negative
         * errno. In the latter case some may be frozen. */
        void (*frozen)(int result, void *userdata);
        /* The watchdog's time is over, seen by the guardian (which has begun to thaw) or by us. */
        void (*expired)(void *userdata);
        /* After freezer_thaw() returned more than 0: nothing is frozen any more. */
        void (*settled)(void *userdata);
} FreezerOwner;

int freezer_new(sd_event *event, const char *record_path, const FreezerOwner *owner, void *userdata,
                Freezer **ret);
/* While something is frozen: it is thawed, as far as that needs no waiting; the guardian does the rest. */
Freezer *freezer_free(Freezer *freezer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Freezer, freezer_free)

/* Starts a guardian and a worker that have nothing to do and waits for their end, so that all code and memory
 * which a freeze needs has been touched once. */
int freezer_rehearse(Freezer *freezer);

/* Opens the mount points of what is to be frozen. -ESTALE: another mount is there now. *ret_entry is the one
 * that failed. The plan is borrowed until freezer_close(). */
int freezer_open(Freezer *freezer, const GPtrArray *plan, const PlanEntry **ret_entry);
int freezer_sync(Freezer *freezer, uint64_t budget_usec);
/* Writes the record and begins. The times are real. */
int freezer_freeze(Freezer *freezer, uint64_t watchdog_usec, uint64_t freeze_max_usec);
/* Returns how many file systems are still in flight: then `settled` follows. */
unsigned freezer_thaw(Freezer *freezer, GivenUp why);
/* Back to the beginning; nothing is frozen. Removes the record and releases the log. */
void freezer_close(Freezer *freezer);

/* Until freezer_close(); NULL before freezer_open(). Slots in the order of the plan's entries to freeze. */
const Board *freezer_get_board(const Freezer *freezer);
/* The guardian ended before it was dismissed, and not because it thawed. */
bool freezer_lost_guardian(const Freezer *freezer);

G_END_DECLS
