/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvutils-transferd: receives the files that the host copies into this guest. Here the rooms are made, introduced to
 * each other and taken down again; nothing is decided here.
 */

#include <errno.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/file-util.h"
#include "common/log.h"
#include "common/names.h"
#include "common/options.h"
#include "common/units.h"
#include "service/transfer/engine.h"
#include "service/transfer/face.h"
#include "service/transfer/history.h"
#include "service/transfer/transport.h"

#define DATA_DIRECTORY "/var/lib/hvutils"

typedef struct Daemon {
        sd_event *event;
        const DaemonOptions *options;
        const char *data_directory;
        Configuration *configuration;
        TransferHistory *history;
        TransferEngine *engine;
        TransferFace *face;
        TransferTransport *transport;
} Daemon;

/* --- configuration --- */

static int load_configuration(const DaemonOptions *options, Configuration **ret) {
        return configuration_load(options->config, "", configuration_is_confidential(),
                                  configuration_log_complaint, NULL, ret);
}

/* The engine looks at the new configuration before the old one is freed. */
static void apply_configuration(Daemon *daemon, Configuration *configuration) {
        g_autoptr(Configuration) before = daemon->configuration;

        daemon->configuration = configuration;
        transfer_engine_reload(daemon->engine, configuration);
        transfer_transport_set_hold(daemon->transport, configuration->snapshot.watchdog_usec);
        transfer_face_state(daemon->face);
        log_info("Read the configuration again.");
}

static void reload(Daemon *daemon) {
        g_autoptr(Configuration) configuration = NULL;
        int r;

        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" G_GUINT64_FORMAT, now_usec(CLOCK_MONOTONIC));
        r = load_configuration(daemon->options, &configuration);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot read %s again, keeping what was in it",
                          daemon->options->config);
        else
                apply_configuration(daemon, g_steal_pointer(&configuration));
        (void) sd_notify(false, "READY=1");
}

/* --- what the engine tells --- */

static void save_history(Daemon *daemon) {
        int r;

        if (daemon->engine && transfer_engine_is_paused(daemon->engine))
                return;
        r = transfer_history_save(daemon->history);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Cannot keep the list of transfers in %s", daemon->data_directory);
}

/* Only what the catalog explains has an identifier: an arrival and a refusal. */
static const char *message_of_end(TransferState state) {
        if (state == TRANSFER_COMPLETE)
                return HVUTILS_MESSAGE_TRANSFER_DONE;
        return state == TRANSFER_REFUSED ? HVUTILS_MESSAGE_TRANSFER_REFUSED : NULL;
}

static void log_end(const TransferRecord *record) {
        char number[24], size[32];

        (void) g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, record->id);
        log_event(record->state == TRANSFER_COMPLETE ? LOG_INFO : LOG_NOTICE, message_of_end(record->state),
                  LOG_FIELDS(HVUTILS_FIELD_TRANSFER, number, HVUTILS_FIELD_PATH, record->directory),
                  "File %s (%s) from the host to %s: %s. %s", record->file_name,
                  format_size(record->size, size, sizeof size), record->directory,
                  transfer_state_to_string(record->state), transfer_outcome_sentence(record->outcome));
}

static void on_changed(const TransferRecord *record, void *userdata) {
        Daemon *daemon = userdata;

        if (daemon->face)
                transfer_face_report(daemon->face, record);
        if (!transfer_record_is_over(record))
                return;
        log_end(record);
        transfer_history_add(daemon->history, record);
        save_history(daemon);
}

static void on_paused(bool paused, void *userdata) {
        Daemon *daemon = userdata;

        if (daemon->face)
                transfer_face_state(daemon->face);
        if (!paused)
                save_history(daemon);
}

static uint64_t next_number(void *userdata) {
        return transfer_history_next_number(((Daemon *) userdata)->history);
}

static void describe(TransferChannelFacts *ret, void *userdata) {
        const Daemon *daemon = userdata;
        const TransferTransport *transport = daemon->transport;

        if (!transport)
                return;
        ret->transport = transfer_transport_get_name(transport);
        ret->state = channel_state_to_string(transfer_transport_get_state(transport));
        ret->version = transfer_transport_get_version(transport);
}

static const char *const *get_roots(void *userdata) {
        return (const char *const *) ((Daemon *) userdata)->configuration->transfer.allowed_roots;
}

static void on_channel_changed(void *userdata) {
        Daemon *daemon = userdata;
        ChannelState state = transfer_transport_get_state(daemon->transport);

        (void) sd_notify(false,
                         state == CHANNEL_REGISTERED ? "STATUS=registered" : "STATUS=waiting for the host");
        transfer_face_state(daemon->face);
}

/* --- signals --- */

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata) {
        (void) sd_notify(false, "STOPPING=1");
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata) {
        reload(userdata);
        return 0;
}

static int watch_signals(Daemon *daemon) {
        sigset_t handled;
        int r;

        sigemptyset(&handled);
        sigaddset(&handled, SIGTERM);
        sigaddset(&handled, SIGINT);
        sigaddset(&handled, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &handled, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_stop_signal, NULL);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_stop_signal, NULL);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_reload_signal, daemon);
        return r;
}

/* --- birth and end --- */

static void make_directories(const Daemon *daemon) {
        const char *directories[] = { daemon->options->runtime_directory, daemon->data_directory };

        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                int r = make_directory(directories[i], 0755);

                if (r < 0)
                        log_errno(LOG_WARNING, r, "Cannot make %s", directories[i]);
        }
}

static int start_engine(Daemon *daemon) {
        const TransferSetup setup = {
                .configuration = daemon->configuration,
                .state_directory = daemon->options->state_directory,
                .data_directory = daemon->data_directory,
                .runtime_directory = daemon->options->runtime_directory,
                .time_scale = daemon->options->time_scale,
                .number = next_number,
                .observer = { .changed = on_changed, .paused = on_paused },
                .userdata = daemon,
        };

        daemon->history = transfer_history_new(daemon->data_directory, daemon->options->runtime_directory);
        return transfer_engine_new(daemon->event, &setup, &daemon->engine);
}

static int start_face(Daemon *daemon) {
        const TransferFaceSetup setup = {
                .runtime_directory = daemon->options->runtime_directory,
                .time_scale = daemon->options->time_scale,
                .engine = daemon->engine,
                .history = daemon->history,
                .describe = describe,
                .roots = get_roots,
                .userdata = daemon,
        };

        return transfer_face_new(daemon->event, &setup, &daemon->face);
}

static int start_transport(Daemon *daemon) {
        const DaemonOptions *options = daemon->options;
        int r;

        r = transfer_transport_new(daemon->event, options->channel, options->runtime_directory,
                                   options->time_scale, daemon->engine, on_channel_changed, daemon,
                                   &daemon->transport);
        if (r < 0)
                return r;
        transfer_transport_set_hold(daemon->transport, daemon->configuration->snapshot.watchdog_usec);
        return transfer_transport_start(daemon->transport);
}

static int daemon_start(Daemon *daemon) {
        int r;

        r = sd_event_new(&daemon->event);
        if (r < 0)
                return r;
        r = watch_signals(daemon);
        if (r < 0)
                return r;
        make_directories(daemon);
        r = start_engine(daemon);
        if (r < 0)
                return r;
        r = start_face(daemon);
        if (r < 0)
                return r;
        return start_transport(daemon);
}

static void daemon_done(Daemon *daemon) {
        transfer_transport_free(daemon->transport);
        transfer_face_free(g_steal_pointer(&daemon->face));
        transfer_engine_free(daemon->engine);
        transfer_history_free(daemon->history);
        configuration_free(daemon->configuration);
        sd_event_unref(daemon->event);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Daemon, daemon_done)

static int on_running(sd_event_source *source, void *userdata) {
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int run(const DaemonOptions *options, const char *data_directory) {
        g_auto(Daemon) daemon = { .options = options, .data_directory = data_directory };
        int r;

        r = load_configuration(options, &daemon.configuration);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot read %s, going on with the defaults", options->config);
        (void) sd_notify(false, "STATUS=waiting for the host");
        r = daemon_start(&daemon);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot start");
        r = sd_event_add_defer(daemon.event, NULL, on_running, &daemon);
        if (r < 0)
                return r;
        return sd_event_loop(daemon.event);
}

int main(int argc, char **argv) {
        g_autofree char *data_directory = NULL;
        const GOptionEntry extra[] = {
                { "data-directory", 0, 0, G_OPTION_ARG_FILENAME, &data_directory,
                  "Where the list of transfers is kept (" DATA_DIRECTORY ")", "DIR" },
                { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
        };
        g_auto(DaemonOptions) options = { 0 };
        int r;

        r = daemon_options_parse(&options, &argc, &argv,
                                 "Receive the files that the Hyper-V host copies here.", false, extra);
        if (r <= 0)
                return r < 0 ? 2 : 0;

        log_open("hvutils-transferd", LOG_TARGET_AUTO);
        r = run(&options, data_directory ? data_directory : DATA_DIRECTORY);
        log_close();
        return r < 0 ? 1 : 0;
}
