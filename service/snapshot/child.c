/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

#define FIRST_OF_OURS 3

static int compare_descriptors(const void *a, const void *b) {
        return *(const int *) a - *(const int *) b;
}

/* Closes the gaps between those that are kept. sorted lies on the stack of the parent's call. */
static void close_others(const int *sorted, size_t n) {
        unsigned from = FIRST_OF_OURS;

        for (size_t i = 0; i < n; i++) {
                unsigned fd = (unsigned) sorted[i];

                if (sorted[i] < FIRST_OF_OURS || fd < from)
                        continue;
                if (fd > from)
                        (void) syscall(SYS_close_range, from, fd - 1, 0);
                from = fd + 1;
        }
        (void) syscall(SYS_close_range, from, ~0U, 0);
}

int child_fork(const int *keep, size_t n_keep, ChildProcess *ret) {
        g_autofree int *sorted = g_memdup2(keep, n_keep * sizeof(int));
        int pidfd;
        pid_t pid;

        if (n_keep > 0)
                qsort(sorted, n_keep, sizeof(int), compare_descriptors);

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                close_others(sorted, n_keep);
                return 0;
        }

        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0) {
                int r = -errno;

                (void) kill(pid, SIGKILL);
                (void) waitpid(pid, NULL, 0);
                return r;
        }

        *ret = (ChildProcess){ .pid = pid, .pidfd = pidfd };
        return 1;
}

int child_reap(ChildProcess *child) {
        int status = 0;

        if (child->pid <= 0)
                return 0;
        while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
                ;
        (void) close(child->pidfd);
        *child = CHILD_NONE;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void child_kill(const ChildProcess *child) {
        if (child->pid > 0)
                (void) kill(child->pid, SIGKILL);
}
