/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/pager.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static GPid pager_pid;

static size_t terminal_lines(void) {
        struct winsize size;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
                return 24;
        return size.ws_row;
}

static const char *pager_command(void) {
        const char *command = g_getenv("HVCTL_PAGER") ?: g_getenv("PAGER");
        if (command)
                return *command && strcmp(command, "cat") != 0 ? command : NULL;
        g_autofree char *less = g_find_program_in_path("less");
        return less ? "less" : NULL;
}

/* Less must quit by itself for short output, show colours, and leave the text on the screen. */
static char **pager_environment(void) {
        return g_environ_setenv(g_get_environ(), "LESS", g_getenv("HVCTL_LESS") ?: "FRSXMK", true);
}

void pager_open(size_t lines) {
        const char *command = pager_command();
        if (pager_pid > 0 || !command || lines < terminal_lines())
                return;

        char *argv[] = { (char *) "sh", (char *) "-c", (char *) command, NULL };
        g_auto(GStrv) environment = pager_environment();
        int input = -1;
        if (!g_spawn_async_with_pipes(NULL, argv, environment,
                                      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                              G_SPAWN_CHILD_INHERITS_STDIN,
                                      NULL, NULL, &pager_pid, &input, NULL, NULL, NULL))
                return;
        fflush(stdout);
        (void) dup2(input, STDOUT_FILENO);
        close(input);
}

void pager_close(void) {
        if (pager_pid <= 0)
                return;
        fflush(stdout);
        close(STDOUT_FILENO);
        while (waitpid(pager_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager_pid = 0;
}
