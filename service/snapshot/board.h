/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The board: shared memory on which snapshotd, its guardian and its worker see how each file system stands,
 * so that whoever survives can thaw exactly what was frozen, once.
 *
 * A slot goes WAITING → FREEZING → FROZEN → THAWING → THAWED, or FREEZING → REFUSED. Only the worker freezes;
 * anybody may thaw. The *given up* word is set before anybody thaws; the worker reads it before each FIFREEZE
 * and after it, and thaws at once what it has just frozen when it is set. Both sides use sequentially
 * consistent atomics, so either the thawer finds the slot frozen or the worker finds the word set. A slot is
 * taken for thawing by compare-and-swap, with the taker's process id in it: one FITHAW per freeze, so that a stranger's later freeze of the same
 * file system is never thawed.
 *
 * FITHAW waits, uninterruptibly, while a FIFREEZE of the same file system is writing back (both need
 * s_umount). So the slot in flight is left to the worker, and thawed by others only when the worker is gone.
 */

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

G_BEGIN_DECLS

#define BOARD_SLOTS_MAX 256

typedef enum SlotState {
        SLOT_WAITING,
        SLOT_FREEZING, /* FIFREEZE is in flight */
        SLOT_FROZEN,
        SLOT_THAWING, /* somebody took it */
        SLOT_THAWED,
        SLOT_REFUSED, /* the kernel did not freeze it; `error` says why */
} SlotState;

typedef enum GivenUp {
        GIVEN_UP_NOT,
        GIVEN_UP_THAW,        /* somebody asked: the ordinary end */
        GIVEN_UP_WATCHDOG,    /* the guardian's time ran out */
        GIVEN_UP_PARENT_GONE, /* snapshotd died */
        GIVEN_UP_TOO_SLOW,    /* FreezeMax= went by */
} GivenUp;

#ifdef __cplusplus
#define BOARD_ATOMIC(type) type /* tests look at a board that nobody writes any more */
#else
#define BOARD_ATOMIC(type) _Atomic(type)
#endif

typedef struct BoardSlot {
        int fd;                  /* open before the first freeze, the same number in every process */
        BOARD_ATOMIC(int) state; /* see board_get_state() */
        BOARD_ATOMIC(int) error; /* negative errno of FIFREEZE or FITHAW */
        BOARD_ATOMIC(uint64_t) freeze_usec; /* what FIFREEZE took */
} BoardSlot;

typedef struct Board {
        BOARD_ATOMIC(int) given_up;
        BOARD_ATOMIC(int) worker;                 /* its process id, 0 before it began */
        BOARD_ATOMIC(uint64_t) first_freeze_usec; /* CLOCK_BOOTTIME; 0 = not begun */
        BOARD_ATOMIC(uint64_t) last_thaw_usec;
        unsigned n_slots;
        BoardSlot slots[BOARD_SLOTS_MAX]; /* in freeze order */
} Board;

/* Shared with children, locked in memory when that is allowed. NULL if there is no memory. */
Board *board_new(void);
Board *board_free(Board *board);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Board, board_free)
/* Not after board_new()'s children were forked. -ENOSPC beyond BOARD_SLOTS_MAX. */
int board_add(Board *board, int fd);

/* The worker's whole work: freezes the slots in order. A slot that cannot be frozen (EOPNOTSUPP) or that
 * somebody else froze (EBUSY) is refused and left; any other error, or the word, ends it. Returns 0, or that
 * error. */
int board_freeze(Board *board);

/* Sets the word, if nobody did, and thaws what stands as frozen, last first. Never waits for a freeze in
 * flight. Returns the number of slots that are still in flight. */
unsigned board_thaw(Board *board, GivenUp why);
/* The worker is dead (FIFREEZE returned): thaws also what it left in flight, and what one of the two dead
 * processes took for thawing and did not finish. 0: nobody. */
void board_thaw_orphans(Board *board, GivenUp why, pid_t worker, pid_t other);
/* True when no slot is frozen, in flight or being thawed. */
bool board_is_settled(const Board *board);
/* True when FITHAW failed for good: something may still be frozen. */
bool board_has_failed(const Board *board);
SlotState board_get_state(const Board *board, unsigned slot);
pid_t board_get_worker(const Board *board);
GivenUp board_get_given_up(const Board *board);

/* One FITHAW by the rules: until it says 0 or EINVAL (thawed already), through EINTR, other errors tried for
 * a second. Returns 0, or the last error. */
int board_thaw_descriptor(int fd);

/* For tests: the two ioctls. NULL restores the real ones. */
typedef struct BoardKernel {
        int (*freeze)(int fd); /* 0 or negative errno */
        int (*thaw)(int fd);
} BoardKernel;
void board_set_kernel(const BoardKernel *kernel);

G_END_DECLS
