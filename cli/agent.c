/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/agent.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

/* It closes the notify descriptor when it has registered; without polkitd it may never, and we ask all the
 * same. */
#define AGENT_READY_MSEC 2000

static GPid spawn(int notify_fd) {
        g_autofree char *parent = g_strdup_printf("%d", getpid());
        g_autofree char *notify = g_strdup_printf("%d", notify_fd);
        char *argv[] = {
                (char *) "pkttyagent",
                (char *) "--process",
                parent,
                (char *) "--notify-fd",
                notify,
                (char *) "--fallback",
                NULL,
        };
        GPid pid = 0;
        g_spawn_async_with_pipes_and_fds(
                NULL, (const char *const *) argv, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL,
                -1, -1, -1, &notify_fd, &notify_fd, 1, &pid, NULL, NULL, NULL, NULL);
        return pid;
}

GPid agent_start(void) {
        int ends[2];
        if (!g_unix_open_pipe(ends, O_CLOEXEC, NULL))
                return 0;
        auto_fd reader = ends[0];
        GPid pid = spawn(ends[1]);
        close(ends[1]);
        if (pid <= 0)
                return 0;

        struct pollfd wait = { .fd = reader, .events = POLLIN };
        (void) poll(&wait, 1, AGENT_READY_MSEC);
        return pid;
}

void agent_stop(GPid agent) {
        if (agent <= 0)
                return;
        (void) kill(agent, SIGTERM);
        (void) waitpid(agent, NULL, 0);
}
