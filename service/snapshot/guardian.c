/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"

/* The byte that says "all is well, go". Anything else that ends the pipe means the parent died. */
#define FAREWELL 'q'

/* Between two looks at a worker that is still inside FIFREEZE after we gave up. */
#define IN_FLIGHT_PAUSE_MSEC 5

typedef enum Wake { WAKE_FAREWELL, WAKE_PARENT_GONE, WAKE_TIME } Wake;

static int remaining_msec(uint64_t deadline_usec) {
        uint64_t now = now_usec(CLOCK_BOOTTIME);

        return now >= deadline_usec ? 0 : (int)MIN((deadline_usec - now) / USEC_PER_MSEC + 1, 60 * 1000);
}

static Wake guardian_wait(int life_fd, uint64_t deadline_usec) {
        struct pollfd pollfd = { .fd = life_fd, .events = POLLIN };

        for (;;) {
                int msec = remaining_msec(deadline_usec);
                char byte = 0;

                if (msec == 0)
                        return WAKE_TIME;
                if (poll(&pollfd, 1, msec) <= 0)
                        continue;
                if (read(life_fd, &byte, 1) == 1 && byte == FAREWELL)
                        return WAKE_FAREWELL;
                return WAKE_PARENT_GONE;
        }
}

static bool worker_is_gone(int worker_read_fd, int msec) {
        struct pollfd pollfd = { .fd = worker_read_fd, .events = POLLIN };

        return poll(&pollfd, 1, msec) > 0;
}

/* Thaws what is frozen at once, and what is still being frozen as soon as its FIFREEZE returned: by the
 * worker, which reads the word, or by us when the worker is gone. A dead parent may have left a slot between
 * taking and thawing it; that is looked at last, when the worker cannot be thawing it any more. */
static void guardian_thaw(Board *board, GivenUp why, int worker_read_fd) {
        while (board_thaw(board, why) > 0)
                if (worker_is_gone(worker_read_fd, IN_FLIGHT_PAUSE_MSEC))
                        break;

        if (board_is_settled(board))
                return;
        while (!worker_is_gone(worker_read_fd, -1))
                ;
        board_thaw_orphans(board, why);
}

static G_GNUC_NORETURN void guardian_run(Board *board, int life_fd, uint64_t deadline_usec,
                                         int worker_read_fd, const char *record) {
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)mlockall(MCL_CURRENT | MCL_FUTURE);
        (void)prctl(PR_SET_NAME, "hvutils-guardian");

        switch (guardian_wait(life_fd, deadline_usec)) {
        case WAKE_FAREWELL:
                _exit(EXIT_SUCCESS);
        case WAKE_TIME:
                guardian_thaw(board, GIVEN_UP_WATCHDOG, worker_read_fd);
                break;
        case WAKE_PARENT_GONE:
                guardian_thaw(board, GIVEN_UP_PARENT_GONE, worker_read_fd);
                break;
        }

        if (board_is_settled(board))
                (void)unlink(record);
        _exit(EXIT_SUCCESS);
}

int guardian_start(Guardian *guardian, Board *board, uint64_t deadline_usec, int worker_read_fd,
                   int worker_write_fd, const char *record) {
        auto_fd read_end = -1, write_end = -1;
        int ends[2], pidfd;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        read_end = ends[0];
        write_end = ends[1];

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)close(write_end);
                (void)close(worker_write_fd);
                guardian_run(board, read_end, deadline_usec, worker_read_fd, record);
        }

        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0) {
                int r = -errno;

                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
                return r;
        }

        *guardian = (Guardian){ .pid = pid, .pidfd = pidfd, .life_fd = g_steal_fd(&write_end) };
        return 0;
}

void guardian_dismiss(Guardian *guardian) {
        static const char farewell = FAREWELL;

        if (guardian->life_fd >= 0)
                (void)!write(guardian->life_fd, &farewell, 1);
        guardian_disown(guardian);
        if (guardian->pidfd >= 0)
                (void)close(g_steal_fd(&guardian->pidfd));
}

void guardian_disown(Guardian *guardian) {
        if (guardian->life_fd >= 0)
                (void)close(g_steal_fd(&guardian->life_fd));
}
