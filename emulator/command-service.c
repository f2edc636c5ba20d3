/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands that concern a service as such: its state, and what the host or a test does to it. */

#include "emulator/command.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"
#include "emulator/errno-name.h"
#include "emulator/kinds.h"
#include "emulator/words.h"

#define DEFAULT_SERVICE "kvp"

/* --- status --- */

static void print_status(char **words, void *userdata) {
        g_auto(GStrv) fields = g_strsplit(words[1], ",", -1);
        g_autofree char *line = g_strjoinv(" ", fields);

        (void) printf("%s %s\n", words[0], line);
}

static void collect_status(char **words, void *userdata) {
        JsonBuilder *builder = userdata;
        g_auto(GStrv) fields = g_strsplit(words[1], ",", -1);

        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "service");
        json_builder_add_string_value(builder, words[0]);
        for (char **field = fields; *field; field++) {
                g_auto(GStrv) pair = g_strsplit(*field, "=", 2);

                json_builder_set_member_name(builder, pair[0]);
                if (g_ascii_isdigit(pair[1][0]))
                        json_builder_add_int_value(builder, g_ascii_strtoll(pair[1], NULL, 10));
                else
                        json_builder_add_string_value(builder, pair[1]);
        }
        json_builder_end_object(builder);
}

static int status_json(const CommandOptions *options, const char *const *words) {
        g_autoptr(JsonBuilder) builder = json_builder_new();
        g_autoptr(JsonNode) root = NULL;
        g_autofree char *text = NULL;
        int r;

        json_builder_begin_array(builder);
        r = command_ask(options, words, collect_status, builder);
        json_builder_end_array(builder);
        if (r != HOST_EXIT_OK)
                return r;

        root = json_builder_get_root(builder);
        text = json_to_string(root, FALSE);
        (void) puts(text);
        return r;
}

int command_status(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        const GOptionEntry entries[] = {
                { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "As JSON", NULL },
                {},
        };
        const char *words[] = { "status", NULL };
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, entries, &r))
                return r;
        if (argc != 1)
                return command_usage(command);

        return options.json ? status_json(&options, words) : command_ask(&options, words, print_status, NULL);
}

/* --- one verb, one service --- */

int command_service(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, NULL, &r))
                return r;
        if (argc > 2)
                return command_usage(command);

        const char *words[] = { command->name, argc > 1 ? argv[1] : DEFAULT_SERVICE, NULL };
        return command_ask(&options, words, NULL, NULL);
}

int command_wait_registered(const Command *command, int argc, char **argv) {
        return command_service(command, argc, argv);
}

int command_delay_registration(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        g_autofree char *usec_word = NULL;
        uint64_t usec;
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, NULL, &r))
                return r;
        if (argc < 2 || argc > 3 || parse_time(argv[1], &usec) < 0)
                return command_usage(command);

        usec_word = g_strdup_printf("%" PRIu64, usec);
        const char *words[] = { command->name, argc > 2 ? argv[2] : DEFAULT_SERVICE, usec_word, NULL };
        return command_ask(&options, words, NULL, NULL);
}

int command_refuse(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        g_autofree char *error_word = NULL;
        int r, error;

        if (!command_options_parse(&options, command, &argc, &argv, NULL, &r))
                return r;
        if (argc < 3 || argc > 5)
                return command_usage(command);
        error = errno_from_name(argv[2]);
        if (error < 0)
                return command_usage(command);

        error_word = g_strdup_printf("%d", error);
        const char *words[] = { command->name,
                                argc > 4 ? argv[4] : DEFAULT_SERVICE,
                                argv[1],
                                error_word,
                                argc > 3 ? argv[3] : "1",
                                NULL };
        return command_ask(&options, words, NULL, NULL);
}

/* --- raw --- */

static void print_words(char **words, void *userdata) {
        (void) puts(words[0]);
}

static int read_hex(const char *file, char **ret) {
        g_autofree char *bytes = NULL;
        g_autoptr(GError) error = NULL;
        gsize n;

        if (!g_file_get_contents(file, &bytes, &n, &error)) {
                (void) fprintf(stderr, "hvhost: %s\n", error->message);
                return -EIO;
        }
        if (n > DRIVER_MESSAGE_MAX) {
                (void) fprintf(stderr, "hvhost: %s is larger than a message, %d bytes\n", file,
                               DRIVER_MESSAGE_MAX);
                return -E2BIG;
        }

        *ret = hex_from_bytes(bytes, n);
        return 0;
}

int command_raw(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        g_autofree char *hex = NULL, *file = NULL;
        const GOptionEntry entries[] = {
                { "hex", 0, 0, G_OPTION_ARG_STRING, &hex, "The message in hexadecimal", "DIGITS" },
                { "file", 0, 0, G_OPTION_ARG_FILENAME, &file, "The message, bytes", "FILE" },
                {},
        };
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, entries, &r))
                return r;
        if (argc > 2 || !hex == !file)
                return command_usage(command);
        if (file && read_hex(file, &hex) < 0)
                return HOST_EXIT_FAILURE;

        const char *words[] = { "raw", argc > 1 ? argv[1] : DEFAULT_SERVICE, hex, NULL };
        return command_ask(&options, words, print_words, NULL);
}
