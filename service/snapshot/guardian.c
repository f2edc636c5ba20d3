/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"

/* Between two looks at a worker that is still inside FIFREEZE after we gave up. */
#define IN_FLIGHT_PAUSE_MSEC 5

static int remaining_msec(uint64_t deadline_usec) {
        uint64_t now = now_usec(CLOCK_BOOTTIME);

        return now >= deadline_usec ? 0 : (int) MIN((deadline_usec - now) / USEC_PER_MSEC + 1, 60 * 1000);
}

/* poll() counts a time without suspend; it is at most a minute, then the clock is asked again. */
static GivenUp guardian_wait(int life_fd, uint64_t deadline_usec) {
        struct pollfd pollfd = { .fd = life_fd, .events = POLLIN };

        for (;;) {
                int msec = remaining_msec(deadline_usec);

                if (msec == 0)
                        return GIVEN_UP_WATCHDOG;
                if (poll(&pollfd, 1, msec) > 0)
                        return GIVEN_UP_PARENT_GONE;
        }
}

static bool worker_is_gone(int worker_fd, int msec) {
        struct pollfd pollfd = { .fd = worker_fd, .events = POLLIN };

        return poll(&pollfd, 1, msec) > 0;
}

/* Thaws what is frozen at once, and what is still being frozen as soon as its FIFREEZE returned: by the
 * worker, which reads the word, or by us when the worker is gone. */
static void guardian_thaw(Board *board, GivenUp why, int worker_fd) {
        while (board_thaw(board, why) > 0)
                if (worker_is_gone(worker_fd, IN_FLIGHT_PAUSE_MSEC))
                        break;
}

/* A dead parent or worker may have left a slot between taking and thawing it; that is looked at last, when
 * nobody can be thawing it any more. A worker that is gone or never was leaves nothing to wait for. A parent
 * that still runs (the watchdog) does this itself. */
static void guardian_settle(const GuardianSetup *setup, pid_t parent) {
        while (!worker_is_gone(setup->worker_fd, -1))
                ;
        board_thaw_orphans(setup->board, GIVEN_UP_PARENT_GONE, board_get_worker(setup->board), parent);
}

static G_GNUC_NORETURN void guardian_run(const GuardianSetup *setup, int life_fd, pid_t parent) {
        GivenUp why;

        (void) signal(SIGTERM, SIG_IGN);
        (void) signal(SIGINT, SIG_IGN);
        (void) signal(SIGHUP, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) mlockall(MCL_CURRENT | MCL_FUTURE);
        (void) prctl(PR_SET_NAME, "hvutils-guardian");
        (void) !write(setup->ready_fd, "", 1);
        (void) close(setup->ready_fd);

        why = guardian_wait(life_fd, setup->deadline_usec);
        guardian_thaw(setup->board, why, setup->worker_fd);
        /* Its time is over: what the worker left when it was killed is thawed here too, and the parent may die
         * only now, in the middle of a thaw. */
        while (why == GIVEN_UP_WATCHDOG && !board_is_settled(setup->board)) {
                if (worker_is_gone(setup->worker_fd, 0))
                        board_thaw_orphans(setup->board, why, board_get_worker(setup->board), 0);
                if (worker_is_gone(life_fd, IN_FLIGHT_PAUSE_MSEC))
                        why = GIVEN_UP_PARENT_GONE;
        }
        if (why == GIVEN_UP_PARENT_GONE)
                guardian_settle(setup, parent);

        if (board_is_settled(setup->board) && !board_has_failed(setup->board))
                (void) unlink(setup->record);
        _exit(EXIT_SUCCESS);
}

int guardian_start(Guardian *guardian, const GuardianSetup *setup) {
        auto_fd read_end = -1, write_end = -1;
        int ends[2], keep[BOARD_SLOTS_MAX + 3];
        pid_t parent = getpid();
        size_t n = 0;
        ChildProcess child;
        int r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        read_end = ends[0];
        write_end = ends[1];

        for (unsigned i = 0; i < setup->board->n_slots; i++)
                keep[n++] = setup->board->slots[i].fd;
        keep[n++] = read_end;
        keep[n++] = setup->worker_fd;
        keep[n++] = setup->ready_fd;

        r = child_fork(keep, n, &child);
        if (r < 0)
                return r;
        if (r == 0)
                guardian_run(setup, read_end, parent);

        *guardian = (Guardian){ .child = child, .life_fd = g_steal_fd(&write_end) };
        return 0;
}

void guardian_dismiss(Guardian *guardian) {
        child_kill(&guardian->child);
        (void) child_reap(&guardian->child);
        if (guardian->life_fd >= 0)
                (void) close(g_steal_fd(&guardian->life_fd));
}
