/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "common/names.h"

void daemon_options_done(DaemonOptions *options) {
        g_free(options->channel);
        g_free(options->config);
        g_free(options->state_directory);
        g_free(options->runtime_directory);
        g_free(options->bus);
        *options = (DaemonOptions){ .time_scale = 1.0 };
}

static int complain(const char *sentence) {
        (void) fprintf(stderr, "%s: %s\n", g_get_prgname(), sentence);
        return -EINVAL;
}

static void add_defaults(DaemonOptions *options) {
        if (!options->state_directory)
                options->state_directory = g_strdup(HVUTILS_STATE_DIRECTORY);
        if (!options->runtime_directory)
                options->runtime_directory = g_strdup(HVUTILS_RUNTIME_DIRECTORY);
}

/* GOption's own --help ends the process; ours answers and lets main() end it. */
static int serve_help(GOptionContext *context) {
        g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);

        (void) fputs(help, stdout);
        return 0;
}

static int serve_version(void) {
        (void) printf("%s %s\n", g_get_prgname(), HVUTILS_VERSION);
        return 0;
}

static int check(const DaemonOptions *options, int argc) {
        if (argc > 1)
                return complain("no arguments are expected, only options");
        if (!isfinite(options->time_scale) || options->time_scale <= 0)
                return complain("--time-scale= must be more than 0");
        return 1;
}

static GOptionContext *make_context(const char *summary, bool with_bus, const GOptionEntry *entries,
                                    const GOptionEntry *bus_entry, const GOptionEntry *extra) {
        GOptionContext *context = g_option_context_new(NULL);

        g_option_context_set_help_enabled(context, FALSE);
        g_option_context_set_summary(context, summary);
        g_option_context_add_main_entries(context, entries, NULL);
        if (with_bus)
                g_option_context_add_main_entries(context, bus_entry, NULL);
        if (extra)
                g_option_context_add_main_entries(context, extra, NULL);
        return context;
}

int daemon_options_parse(DaemonOptions *options, int *argc, char ***argv, const char *summary, bool with_bus,
                         const GOptionEntry *extra) {
        gboolean help = FALSE, version = FALSE;
        g_auto(DaemonOptions) parsed = { .time_scale = 1.0 };
        g_autoptr(GError) error = NULL;
        g_autoptr(GOptionContext) context = NULL;
        int r;

        const GOptionEntry entries[] = {
                { "channel", 0, 0, G_OPTION_ARG_FILENAME, &parsed.channel,
                  "The device, or the socket of the emulated host", "PATH" },
                { "config", 0, 0, G_OPTION_ARG_FILENAME, &parsed.config, "Read this configuration file alone",
                  "FILE" },
                { "state-directory", 0, 0, G_OPTION_ARG_FILENAME, &parsed.state_directory,
                  "Where the pool files are (" HVUTILS_STATE_DIRECTORY ")", "DIR" },
                { "runtime-directory", 0, 0, G_OPTION_ARG_FILENAME, &parsed.runtime_directory,
                  "Where sockets and other passing things are (" HVUTILS_RUNTIME_DIRECTORY ")", "DIR" },
                { "time-scale", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_DOUBLE, &parsed.time_scale,
                  "Multiply every deadline", "F" },
                { "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL },
                { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version", NULL },
                { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
        };
        const GOptionEntry bus_entry[] = {
                { "bus", 0, 0, G_OPTION_ARG_STRING, &parsed.bus, "The bus to serve (the system bus)",
                  "ADDRESS|none" },
                { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
        };

        context = make_context(summary, with_bus, entries, bus_entry, extra);
        if (!g_option_context_parse(context, argc, argv, &error))
                return complain(error->message);
        if (help)
                return serve_help(context);
        if (version)
                return serve_version();

        r = check(&parsed, *argc);
        if (r < 0)
                return r;

        add_defaults(&parsed);
        *options = parsed;
        parsed = (DaemonOptions){ .time_scale = 1.0 };
        return 1;
}
