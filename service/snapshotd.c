/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvutils-snapshotd: brings the file systems to rest for the host's snapshots. `--thaw` is the second net,
 * run by the service manager when the daemon died; `--hooks` runs hooks for it.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/file-util.h"
#include "common/log.h"
#include "common/names.h"
#include "common/options.h"
#include "common/units.h"
#include "service/snapshot/hooks.h"
#include "service/snapshot/record.h"
#include "service/snapshot/snapshot.h"

typedef struct Daemon {
        sd_event *event;
        const DaemonOptions *options;
        const char *history_directory;
        Configuration *configuration;
        Snapshot *snapshot;
} Daemon;

static int load_configuration(const DaemonOptions *options, Configuration **ret) {
        return configuration_load(options->config, "", configuration_is_confidential(),
                                  configuration_log_complaint, NULL, ret);
}

/* --- the second net --- */

static int thaw_recorded(const DaemonOptions *options) {
        g_autofree char *record = g_build_filename(options->runtime_directory, HVUTILS_RUNTIME_FROZEN, NULL);
        int r = record_thaw(record);

        if (r < 0) {
                log_event(LOG_CRIT, HVUTILS_MESSAGE_THAW_FAILED, NULL, "Cannot thaw what %s lists: %s.",
                          record, g_strerror(-r));
                return r;
        }
        if (r > 0)
                log_event(LOG_WARNING, HVUTILS_MESSAGE_WATCHDOG, NULL,
                          "Thawed %d file systems that a snapshot had left frozen.", r);
        return r;
}

/* --- signals --- */

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata) {
        (void) sd_notify(false, "STOPPING=1");
        snapshot_stop(((Daemon *) userdata)->snapshot);
        return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata) {
        Daemon *daemon = userdata;
        g_autoptr(Configuration) configuration = NULL, before = NULL;
        int r;

        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" G_GUINT64_FORMAT, now_usec(CLOCK_MONOTONIC));
        r = load_configuration(daemon->options, &configuration);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot read %s again, keeping what was in it",
                          daemon->options->config);
        else {
                before = g_steal_pointer(&daemon->configuration);
                daemon->configuration = g_steal_pointer(&configuration);
                snapshot_reload(daemon->snapshot, daemon->configuration);
        }
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int watch_signals(Daemon *daemon) {
        sigset_t handled;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        sigemptyset(&handled);
        sigaddset(&handled, SIGTERM);
        sigaddset(&handled, SIGINT);
        sigaddset(&handled, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &handled, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_stop_signal, daemon);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_stop_signal, daemon);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_reload_signal, daemon);
        return r;
}

/* --- birth and end --- */

static void on_channel_changed(void *userdata) {
        const Daemon *daemon = userdata;
        bool registered = channel_get_state(snapshot_get_channel(daemon->snapshot)) == CHANNEL_REGISTERED;

        (void) sd_notify(false, registered ? "STATUS=registered" : "STATUS=waiting for the host");
}

static void on_stopped(void *userdata) {
        (void) sd_event_exit(((Daemon *) userdata)->event, 0);
}

static void make_directory_if_allowed(const char *path) {
        int r = make_directory(path, 0755);

        if (r < 0)
                log_errno(LOG_DEBUG, r, "Cannot make %s", path);
}

static int on_running(sd_event_source *source, void *userdata) {
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int daemon_start(Daemon *daemon) {
        const SnapshotSetup setup = {
                .channel_path = daemon->options->channel,
                .runtime_directory = daemon->options->runtime_directory,
                .history_directory = daemon->history_directory,
                .time_scale = daemon->options->time_scale,
                .configuration = daemon->configuration,
                .channel_changed = on_channel_changed,
                .stopped = on_stopped,
                .userdata = daemon,
        };
        int r;

        r = sd_event_new(&daemon->event);
        if (r < 0)
                return r;
        r = watch_signals(daemon);
        if (r < 0)
                return r;
        r = snapshot_new(daemon->event, &setup, &daemon->snapshot);
        if (r < 0)
                return r;
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                log_errno(LOG_WARNING, -errno, "Cannot lock the memory, going on without");
        r = snapshot_start(daemon->snapshot);
        if (r < 0)
                return r;
        return sd_event_add_defer(daemon->event, NULL, on_running, daemon);
}

static void daemon_done(Daemon *daemon) {
        snapshot_free(daemon->snapshot);
        configuration_free(daemon->configuration);
        sd_event_unref(daemon->event);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Daemon, daemon_done)

static int run(const DaemonOptions *options, const char *history_directory) {
        g_auto(Daemon) daemon = { .options = options, .history_directory = history_directory };
        int r;

        make_directory_if_allowed(options->runtime_directory);
        make_directory_if_allowed(history_directory);
        (void) thaw_recorded(options);
        r = load_configuration(options, &daemon.configuration);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot read %s, going on with the defaults", options->config);
        (void) sd_notify(false, "STATUS=waiting for the host");
        r = daemon_start(&daemon);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot start");
        return sd_event_loop(daemon.event);
}

int main(int argc, char **argv) {
        g_auto(DaemonOptions) options = { 0 };
        g_autofree char *history = NULL;
        gboolean thaw = FALSE, hooks = FALSE;
        const GOptionEntry extra[] = {
                { "thaw", 0, 0, G_OPTION_ARG_NONE, &thaw, "Thaw what a dead daemon left frozen, and exit",
                  NULL },
                { "hooks", 0, 0, G_OPTION_ARG_NONE, &hooks, "Run hooks for the daemon", NULL },
                { "history-directory", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &history,
                  "Where the history is kept (for tests)", "DIR" },
                {},
        };
        int r;

        r = daemon_options_parse(&options, &argc, &argv,
                                 "Freeze file systems for the snapshots of the Hyper-V host.", false, extra);
        if (r <= 0)
                return r < 0 ? 2 : 0;

        log_open("hvutils-snapshotd", LOG_TARGET_AUTO);
        if (thaw)
                r = thaw_recorded(&options);
        else if (hooks)
                r = hooks_serve(&(HooksSetup){ .runtime_directory = options.runtime_directory,
                                               .time_scale = options.time_scale });
        else
                r = run(&options, history ? history : "/var/lib/hvutils");
        log_close();
        return r < 0 ? 1 : 0;
}
