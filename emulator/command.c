/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"

#define DEFAULT_TIMEOUT_USEC (60 * USEC_PER_SEC)

void command_options_done(CommandOptions *options) {
        g_clear_pointer(&options->host, g_free);
        g_clear_pointer(&options->timeout, g_free);
}

int command_usage(const Command *command) {
        (void) fprintf(stderr, "Usage: hvhost %s %s\n", command->name, command->arguments);
        return HOST_EXIT_USAGE;
}

static int check_options(CommandOptions *options) {
        options->timeout_usec = DEFAULT_TIMEOUT_USEC;
        if (options->timeout && parse_time(options->timeout, &options->timeout_usec) < 0) {
                (void) fprintf(stderr, "hvhost: '%s' is not a time (50ms, 5s, 1min, infinity)\n",
                               options->timeout);
                return -EINVAL;
        }
        return 0;
}

int command_options_parse(CommandOptions *options, const Command *command, int *argc, char ***argv,
                          const GOptionEntry *extra, int *ret_exit) {
        const GOptionEntry entries[] = {
                { "host", 0, 0, G_OPTION_ARG_FILENAME, &options->host,
                  "Directory of the host (default $HVHOST_DIR)", "DIR" },
                { "timeout", 0, 0, G_OPTION_ARG_STRING, &options->timeout,
                  "How long to wait for the answer (60s)", "TIME" },
                {},
        };
        g_autoptr(GError) error = NULL;
        g_autoptr(GOptionContext) context = g_option_context_new(command->arguments);

        g_option_context_set_summary(context, command->summary);
        g_option_context_add_main_entries(context, entries, NULL);
        if (extra)
                g_option_context_add_main_entries(context, extra, NULL);

        *ret_exit = HOST_EXIT_USAGE;
        if (!g_option_context_parse(context, argc, argv, &error)) {
                (void) fprintf(stderr, "hvhost: %s\n", error->message);
                return 0;
        }
        /* `--` has done its work. */
        if (*argc > 1 && strcmp((*argv)[1], "--") == 0) {
                memmove(*argv + 1, *argv + 2, (size_t) (*argc - 1) * sizeof(char *));
                (*argc)--;
        }
        return check_options(options) < 0 ? 0 : 1;
}

static int complain_errno(int r, const char *directory) {
        if (r == -ETIMEDOUT) {
                (void) fprintf(stderr, "hvhost: the guest did not answer in time\n");
                return HOST_EXIT_TIMEOUT;
        }

        (void) fprintf(stderr, "hvhost: the emulated host at '%s' does not answer: %s\n", directory,
                       g_strerror(-r));
        return HOST_EXIT_FAILURE;
}

static int complain_answer(const ClientAnswer *answer) {
        if (answer->code != HOST_EXIT_OK)
                (void) fprintf(stderr, "hvhost: %s%s\n", *answer->status ? "the guest answered " : "",
                               *answer->status ? answer->status : answer->text);
        return (int) answer->code;
}

int command_ask(const CommandOptions *options, const char *const *words, ClientItem item, void *userdata) {
        const char *directory = client_directory(options->host);
        g_auto(ClientAnswer) answer = {};
        auto_fd fd = -1;
        int r;

        if (!directory) {
                (void) fprintf(stderr, "hvhost: no host: give --host=DIR or set $HVHOST_DIR\n");
                return HOST_EXIT_USAGE;
        }

        fd = client_connect(directory);
        if (fd < 0)
                return complain_errno(fd, directory);
        r = client_send(fd, words);
        if (r >= 0)
                r = client_receive(fd, options->timeout_usec, item, userdata, &answer);
        if (r < 0)
                return complain_errno(r, directory);

        return complain_answer(&answer);
}
