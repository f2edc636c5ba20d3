/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/hold.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/units.h"

static void signals_of(sigset_t *set) {
        sigemptyset(set);
        sigaddset(set, SIGINT);
        sigaddset(set, SIGTERM);
        sigaddset(set, SIGCHLD);
}

void hold_end(Hold *hold, HoldEnd end) {
        hold->end = end;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Hold *hold = userdata;
        hold->signal = (int) info->ssi_signo;
        hold_end(hold, HOLD_SIGNAL);
        return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        hold_end(userdata, HOLD_TIME_IS_OVER);
        return 0;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        Hold *hold = userdata;
        hold->pid = 0;
        hold->exit_code = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
        hold_end(hold, HOLD_COMMAND_ENDED);
        return 0;
}

ExitStatus hold_init(Hold *hold, Client *client, Failure *failure) {
        sigset_t set;
        *hold = (Hold){ .client = client };
        signals_of(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);

        int r = sd_event_new(&hold->event);
        if (r >= 0)
                r = sd_event_add_signal(hold->event, NULL, SIGINT, on_signal, hold);
        if (r >= 0)
                r = sd_event_add_signal(hold->event, NULL, SIGTERM, on_signal, hold);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(client->bus, true);
        if (r >= 0)
                r = sd_bus_attach_event(client->bus, hold->event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? client_failure_errno(failure, r) : EXIT_STATUS_OK;
}

void hold_done(Hold *hold) {
        if (hold->event) {
                sd_bus_set_exit_on_disconnect(hold->client->bus, false);
                sd_bus_detach_event(hold->client->bus);
        }
        g_clear_pointer(&hold->event, sd_event_unref);
}

/* In the child. */
static void restore_signals(void *userdata) {
        sigset_t set;
        signals_of(&set);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
}

ExitStatus hold_start(Hold *hold, char *const *command, Failure *failure) {
        g_autoptr(GError) error = NULL;
        if (!g_spawn_async(NULL, (char **) command, NULL,
                           G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN,
                           restore_signals, NULL, &hold->pid, &error))
                return failure_set(failure, EXIT_STATUS_ERROR, "%s", error->message);
        int r = sd_event_add_child(hold->event, NULL, hold->pid, WEXITED, on_child, hold);
        return r < 0 ? failure_set_errno(failure, r) : EXIT_STATUS_OK;
}

ExitStatus hold_limit(Hold *hold, uint64_t usec, Failure *failure) {
        int r = sd_event_add_time_relative(hold->event, NULL, CLOCK_BOOTTIME, usec, USEC_PER_MSEC, on_time,
                                           hold);
        return r < 0 ? failure_set_errno(failure, r) : EXIT_STATUS_OK;
}

HoldEnd hold_run(Hold *hold) {
        hold->end = HOLD_GOES_ON;
        while (hold->end == HOLD_GOES_ON)
                if (sd_event_run(hold->event, UINT64_MAX) < 0 ||
                    sd_event_get_state(hold->event) >= SD_EVENT_EXITING)
                        hold_end(hold, HOLD_BUS_LOST);
        return hold->end;
}

int hold_finish(Hold *hold) {
        int status;
        if (hold->pid == 0)
                return hold->exit_code;
        if (hold->signal)
                (void) kill(hold->pid, hold->signal);
        restore_signals(NULL);
        while (waitpid(hold->pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_STATUS_ERROR;
        hold->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
