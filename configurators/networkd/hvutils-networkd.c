/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvutils-networkd: applies the addresses that the host injects through systemd-networkd. The bus starts it when hvutilsd
 * has an injection, and it ends when nobody has asked anything for a while.
 */

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "configurators/configurator-names.h"
#include "configurators/networkd/configurator.h"
#include "configurators/networkd/file-store.h"
#include "configurators/networkd/reload.h"

typedef struct Program {
        sd_event *event;
        sd_bus *bus;
        Configurator *configurator;
        sd_event_source *idle;
        int idle_seconds;
        bool leaving, stopping;
} Program;

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Program *program = userdata;

        if (!sd_bus_message_is_method_error(reply, NULL))
                return 0;
        log_error("Cannot own the name on the bus: %s", sd_bus_message_get_error(reply)->message);
        return sd_event_exit(program->event, EXIT_FAILURE);
}

static int ask_for_name(Program *program) {
        return sd_bus_request_name_async(program->bus, NULL, CONFIGURATOR_NAME_NETWORKD, 0, on_name, program);
}

/* --- leaving when nobody needs us --- */

static void on_work_changed(void *userdata);

/* Whatever was sent to the name before it was given back came before this answer; what comes later starts us anew. */
static int on_name_given_back(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Program *program = userdata;

        program->leaving = false;
        if (configurator_n_pending(program->configurator) == 0)
                return sd_event_exit(program->event, EXIT_SUCCESS);
        on_work_changed(program);
        return ask_for_name(program);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        Program *program = userdata;

        program->leaving = true;
        return sd_bus_release_name_async(program->bus, NULL, CONFIGURATOR_NAME_NETWORKD, on_name_given_back,
                                         program);
}

static void on_work_changed(void *userdata) {
        Program *program = userdata;

        g_clear_pointer(&program->idle, sd_event_source_disable_unref);
        if (program->leaving || (program->configurator && configurator_n_pending(program->configurator) > 0))
                return;
        if (program->stopping)
                (void) sd_event_exit(program->event, EXIT_SUCCESS);
        else
                (void) sd_event_add_time_relative(program->event, &program->idle, CLOCK_MONOTONIC,
                                                  (uint64_t) program->idle_seconds * G_USEC_PER_SEC, 0,
                                                  on_idle, program);
}

/* A half-applied injection goes back before we end. */
static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Program *program = userdata;

        program->stopping = true;
        configurator_cancel_all(program->configurator, "hvutils-networkd is being stopped.");
        on_work_changed(program);
        return 0;
}

/* --- starting --- */

static int on_reloaded(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        if (sd_bus_message_is_method_error(reply, NULL))
                log_notice("networkd does not reload: %s", sd_bus_message_get_error(reply)->message);
        return 0;
}

/* Before anybody can ask: what a dead process of ours left goes back. */
static int repair(Program *program) {
        int n = file_store_restore_all();

        if (n < 0)
                return log_errno(LOG_ERR, n, "Cannot put back what a broken-off injection has changed");
        return n > 0 ? networkd_reload(program->bus, NULL, on_reloaded, program) : 0;
}

static int watch_signals(Program *program) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t mask;

        (void) sigemptyset(&mask);
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
                (void) sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
                int r = sd_event_add_signal(program->event, NULL, signals[i], on_stop, program);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int start(Program *program) {
        int r = sd_event_default(&program->event);

        if (r >= 0)
                r = sd_bus_open_system(&program->bus);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(program->bus, true);
        if (r >= 0)
                r = sd_bus_attach_event(program->bus, program->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = repair(program);
        if (r >= 0)
                r = configurator_new(program->bus, on_work_changed, program, &program->configurator);
        if (r >= 0)
                r = watch_signals(program);
        if (r >= 0)
                r = ask_for_name(program);
        return r;
}

/* 1 to go on, 0 if the version was served, -1 after a complaint. */
static int parse_options(Program *program, int *argc, char ***argv) {
        gboolean version = false;
        const GOptionEntry entries[] = {
                { "idle-exit", 0, 0, G_OPTION_ARG_INT, &program->idle_seconds,
                  "End after so long without work", "SECONDS" },
                { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version and end", NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_set_summary(context,
                                     "Applies addresses from the Hyper-V host through systemd-networkd.");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, argc, argv, &error)) {
                g_printerr("hvutils-networkd: %s\n", error->message);
                return -1;
        }
        if (version)
                g_print("hvutils-networkd %s\n", HVUTILS_VERSION);
        return !version;
}

static int run(Program *program) {
        int r = start(program);

        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot start");
        on_work_changed(program);
        return sd_event_loop(program->event);
}

static void program_done(Program *program) {
        g_clear_pointer(&program->idle, sd_event_source_disable_unref);
        g_clear_pointer(&program->configurator, configurator_free);
        g_clear_pointer(&program->bus, sd_bus_close_unref);
        g_clear_pointer(&program->event, sd_event_unref);
}

int main(int argc, char **argv) {
        Program program = { .idle_seconds = 30 };
        int go_on, r;

        (void) setlocale(LC_ALL, "");
        go_on = parse_options(&program, &argc, &argv);
        if (go_on <= 0)
                return go_on < 0 ? 2 : EXIT_SUCCESS;
        log_open("hvutils-networkd", LOG_TARGET_AUTO);
        r = run(&program);
        program_done(&program);
        log_close();
        return r < 0 ? EXIT_FAILURE : r;
}
