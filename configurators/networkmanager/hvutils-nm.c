/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvutils-nm: applies the addresses that the host injects through NetworkManager. The bus starts it when hvutilsd has an
 * injection, and it ends when nobody has asked anything for a while.
 *
 * It runs as root because NetworkManager asks polkit about everybody else, and without any capability because root on the bus
 * is all that it needs.
 */

#include <glib-unix.h>
#include <locale.h>

#include "common/log.h"
#include "configurators/configurator-names.h"
#include "configurators/networkmanager/configurator.h"

typedef struct Program {
        GMainLoop *loop;
        GDBusConnection *bus;
        NMClient *client;
        Configurator *configurator;
        int idle_seconds;
        double time_scale;
        guint idle_source;
        bool leaving, stopping;
        int status;
} Program;

static void fail(Program *program, const char *what, const GError *error) {
        log_error("%s: %s", what, error->message);
        program->status = EXIT_FAILURE;
        g_main_loop_quit(program->loop);
}

/* --- the name --- */

static void ask_for_name(Program *program);

static void on_name(GObject *bus, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
        const guint32 primary_owner = 1;
        guint32 owner = 0;

        if (!answer) {
                fail(userdata, "Cannot own the name on the bus", error);
                return;
        }
        g_variant_get(answer, "(u)", &owner);
        if (owner != primary_owner) {
                g_set_error(&error, G_IO_ERROR, G_IO_ERROR_EXISTS, "another process has it");
                fail(userdata, "Cannot own the name on the bus", error);
        }
}

static void call_bus(Program *program, const char *method, GVariant *parameters,
                     GAsyncReadyCallback callback) {
        g_dbus_connection_call(program->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                               NULL, callback, program);
}

static void ask_for_name(Program *program) {
        const guint32 do_not_queue = 4;

        call_bus(program, "RequestName",
                 g_variant_new("(su)", CONFIGURATOR_NAME_NETWORKMANAGER, do_not_queue), on_name);
}

/* --- leaving when nobody needs us --- */

static void on_work_changed(void *userdata);

/* Whatever was sent to the name before it was given back came before this answer; what comes later starts us anew. */
static void on_name_given_back(GObject *bus, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GVariant) answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, NULL);
        Program *program = userdata;

        program->leaving = false;
        if (configurator_n_pending(program->configurator) == 0) {
                g_main_loop_quit(program->loop);
                return;
        }
        ask_for_name(program);
        on_work_changed(program);
}

static gboolean on_idle(gpointer userdata) {
        Program *program = userdata;

        program->idle_source = 0;
        program->leaving = true;
        call_bus(program, "ReleaseName", g_variant_new("(s)", CONFIGURATOR_NAME_NETWORKMANAGER),
                 on_name_given_back);
        return G_SOURCE_REMOVE;
}

static void on_work_changed(void *userdata) {
        Program *program = userdata;

        g_clear_handle_id(&program->idle_source, g_source_remove);
        if (program->leaving || configurator_n_pending(program->configurator) > 0)
                return;
        if (program->stopping)
                g_main_loop_quit(program->loop);
        else
                program->idle_source = g_timeout_add_seconds((guint) program->idle_seconds, on_idle, program);
}

/* A half-applied injection goes back before we end. */
static gboolean on_stop(gpointer userdata) {
        Program *program = userdata;

        program->stopping = true;
        if (program->configurator)
                configurator_cancel_all(program->configurator, "hvutils-nm is being stopped.");
        if (!program->configurator || configurator_n_pending(program->configurator) == 0)
                g_main_loop_quit(program->loop);
        return G_SOURCE_CONTINUE;
}

/* --- starting --- */

static void on_bus_closed(GDBusConnection *bus, gboolean vanished, GError *error, gpointer userdata) {
        g_main_loop_quit(((Program *) userdata)->loop);
}

static void on_client(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        Program *program = userdata;

        program->client = NM_CLIENT(g_async_initable_new_finish(G_ASYNC_INITABLE(source), result, &error));
        if (!program->client) {
                fail(program, "Cannot look at NetworkManager", error);
                return;
        }
        program->configurator = configurator_new(program->bus, program->client, program->time_scale,
                                                 on_work_changed, program, &error);
        if (!program->configurator) {
                fail(program, "Cannot show the object", error);
                return;
        }
        ask_for_name(program);
        on_work_changed(program);
}

static void on_bus(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        Program *program = userdata;

        program->bus = g_bus_get_finish(result, &error);
        if (!program->bus) {
                fail(program, "Cannot connect to the bus", error);
                return;
        }
        g_dbus_connection_set_exit_on_close(program->bus, false);
        g_signal_connect(program->bus, "closed", G_CALLBACK(on_bus_closed), program);
        g_async_initable_new_async(NM_TYPE_CLIENT, G_PRIORITY_DEFAULT, NULL, on_client, program,
                                   NM_CLIENT_DBUS_CONNECTION, program->bus, NM_CLIENT_INSTANCE_FLAGS,
                                   (guint) NM_CLIENT_INSTANCE_FLAGS_NO_AUTO_FETCH_PERMISSIONS, NULL);
}

/* 1 to go on, 0 if the version was served, -1 after a complaint. */
static int parse_options(Program *program, int *argc, char ***argv) {
        gboolean version = false;
        const GOptionEntry entries[] = {
                { "idle-exit", 0, 0, G_OPTION_ARG_INT, &program->idle_seconds,
                  "End after so long without work", "SECONDS" },
                { "time-scale", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_DOUBLE, &program->time_scale, NULL,
                  "F" },
                { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version and end", NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_set_summary(context,
                                     "Applies addresses from the Hyper-V host through NetworkManager.");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, argc, argv, &error)) {
                g_printerr("hvutils-nm: %s\n", error->message);
                return -1;
        }
        if (version)
                g_print("hvutils-nm %s\n", HVUTILS_VERSION);
        return !version;
}

static void program_done(Program *program) {
        g_clear_handle_id(&program->idle_source, g_source_remove);
        g_clear_pointer(&program->configurator, configurator_free);
        g_clear_object(&program->client);
        g_clear_object(&program->bus);
        g_clear_pointer(&program->loop, g_main_loop_unref);
}

int main(int argc, char **argv) {
        Program program = { .idle_seconds = 30, .time_scale = 1 };
        int go_on;

        (void) setlocale(LC_ALL, "");
        go_on = parse_options(&program, &argc, &argv);
        if (go_on <= 0)
                return go_on < 0 ? 2 : EXIT_SUCCESS;
        log_open("hvutils-nm", LOG_TARGET_AUTO);
        program.loop = g_main_loop_new(NULL, false);
        (void) g_unix_signal_add(SIGTERM, on_stop, &program);
        (void) g_unix_signal_add(SIGINT, on_stop, &program);
        g_bus_get(G_BUS_TYPE_SYSTEM, NULL, on_bus, &program);
        g_main_loop_run(program.loop);
        program_done(&program);
        log_close();
        return program.status;
}
