/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/board.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/units.h"

/* How long FITHAW is tried when it fails for a reason of its own (EIO, ENOMEM). */
#define THAW_TRIES      100
#define THAW_PAUSE_USEC (10 * USEC_PER_MSEC)

static int kernel_freeze(int fd) {
        return ioctl(fd, FIFREEZE, 0) < 0 ? -errno : 0;
}

static int kernel_thaw(int fd) {
        return ioctl(fd, FITHAW, 0) < 0 ? -errno : 0;
}

static const BoardKernel real_kernel = { .freeze = kernel_freeze, .thaw = kernel_thaw };
static const BoardKernel *kernel = &real_kernel;

void board_set_kernel(const BoardKernel *other) {
        kernel = other ? other : &real_kernel;
}

Board *board_new(void) {
        Board *board = mmap(NULL, sizeof(Board), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        if (board == MAP_FAILED)
                return NULL;

        (void) mlock(board, sizeof(Board));
        return board;
}

Board *board_free(Board *board) {
        if (board)
                (void) munmap(board, sizeof(Board));
        return NULL;
}

int board_add(Board *board, int fd) {
        if (board->n_slots >= BOARD_SLOTS_MAX)
                return -ENOSPC;

        board->slots[board->n_slots++].fd = fd;
        return 0;
}

GivenUp board_get_given_up(const Board *board) {
        return (GivenUp) atomic_load(&board->given_up);
}

pid_t board_get_worker(const Board *board) {
        return (pid_t) atomic_load(&board->worker);
}

/* --- thawing --- */

int board_thaw_descriptor(int fd) {
        int r = 0;

        for (unsigned i = 0; i < THAW_TRIES; i++) {
                r = kernel->thaw(fd);
                if (r == 0 || r == -EINVAL)
                        return 0;
                if (r != -EINTR)
                        g_usleep(THAW_PAUSE_USEC);
        }

        return r;
}

static void slot_thaw(Board *board, BoardSlot *slot) {
        int r = board_thaw_descriptor(slot->fd);

        if (r < 0)
                atomic_store(&slot->error, r);
        atomic_store(&board->last_thaw_usec, now_usec(CLOCK_BOOTTIME));
        atomic_store(&slot->state, SLOT_THAWED);
}

/* A slot that is being thawed says by whom: the state in the low bits, the process above. */
#define STATE_BITS 3
#define STATE_MASK ((1 << STATE_BITS) - 1)

static int taken_by(pid_t pid) {
        return SLOT_THAWING | (int) pid << STATE_BITS;
}

static SlotState slot_get_state(const BoardSlot *slot) {
        return (SlotState) (atomic_load(&slot->state) & STATE_MASK);
}

static bool slot_take(BoardSlot *slot, int from) {
        return atomic_compare_exchange_strong(&slot->state, &from, taken_by(getpid()));
}

SlotState board_get_state(const Board *board, unsigned slot) {
        return slot_get_state(&board->slots[slot]);
}

static void board_give_up(Board *board, GivenUp why) {
        int expected = GIVEN_UP_NOT;

        (void) atomic_compare_exchange_strong(&board->given_up, &expected, why);
}

unsigned board_thaw(Board *board, GivenUp why) {
        unsigned in_flight = 0;

        board_give_up(board, why);
        for (unsigned i = board->n_slots; i-- > 0;) {
                BoardSlot *slot = &board->slots[i];

                if (slot_take(slot, SLOT_FROZEN))
                        slot_thaw(board, slot);
                else if (slot_get_state(slot) == SLOT_FREEZING)
                        in_flight++;
        }

        return in_flight;
}

void board_thaw_orphans(Board *board, GivenUp why, pid_t worker, pid_t other) {
        (void) board_thaw(board, why);
        for (unsigned i = board->n_slots; i-- > 0;) {
                BoardSlot *slot = &board->slots[i];

                if (slot_take(slot, SLOT_FREEZING) || (worker > 0 && slot_take(slot, taken_by(worker))) ||
                    (other > 0 && slot_take(slot, taken_by(other))))
                        slot_thaw(board, slot);
        }
}

bool board_is_settled(const Board *board) {
        for (unsigned i = 0; i < board->n_slots; i++)
                switch (slot_get_state(&board->slots[i])) {
                case SLOT_WAITING:
                case SLOT_THAWED:
                case SLOT_REFUSED:
                        break;
                case SLOT_FREEZING:
                case SLOT_FROZEN:
                case SLOT_THAWING:
                        return false;
                }

        return true;
}

bool board_has_failed(const Board *board) {
        for (unsigned i = 0; i < board->n_slots; i++)
                if (atomic_load(&board->slots[i].state) == SLOT_THAWED &&
                    atomic_load(&board->slots[i].error) < 0)
                        return true;

        return false;
}

/* --- freezing --- */

static int slot_freeze(Board *board, BoardSlot *slot) {
        uint64_t begin = now_usec(CLOCK_BOOTTIME);
        int r;

        if (atomic_load(&board->first_freeze_usec) == 0)
                atomic_store(&board->first_freeze_usec, begin);

        atomic_store(&slot->state, SLOT_FREEZING);
        r = kernel->freeze(slot->fd);
        atomic_store(&slot->freeze_usec, now_usec(CLOCK_BOOTTIME) - begin);
        if (r < 0) {
                atomic_store(&slot->error, r);
                atomic_store(&slot->state, SLOT_REFUSED);
                return r == -EOPNOTSUPP || r == -EBUSY ? 0 : r;
        }

        atomic_store(&slot->state, SLOT_FROZEN);
        if (board_get_given_up(board) != GIVEN_UP_NOT && slot_take(slot, SLOT_FROZEN))
                slot_thaw(board, slot);
        return 0;
}

int board_freeze(Board *board) {
        atomic_store(&board->worker, (int) getpid());
        for (unsigned i = 0; i < board->n_slots; i++) {
                int r;

                if (board_get_given_up(board) != GIVEN_UP_NOT)
                        return -ECANCELED;
                r = slot_freeze(board, &board->slots[i]);
                if (r < 0)
                        return r;
        }

        return board_get_given_up(board) != GIVEN_UP_NOT ? -ECANCELED : 0;
}
