/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/command.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "wire/record.h"

/* Hosts write `external` and read `guest`. */
static const struct {
        const char *name;
        KvpPool pool;
        int arguments;
} verbs[] = {
        { "set", KVP_POOL_ID_EXTERNAL, 2 }, { "delete", KVP_POOL_ID_EXTERNAL, 1 },
        { "get", KVP_POOL_ID_GUEST, 1 },    { "list", KVP_POOL_ID_GUEST, 0 },
        { "auto", KVP_POOL_ID_AUTO, 0 },
};

/* A name, or any byte: a host that is broken sends 5 … 255, too. */
static int parse_pool(const char *word, unsigned *ret) {
        KvpPool pool = kvp_pool_from_argument(word);
        guint64 number;

        if (pool >= 0) {
                *ret = (unsigned) pool;
                return 0;
        }
        if (!g_ascii_string_to_unsigned(word, 10, 0, UINT8_MAX, &number, NULL))
                return -EINVAL;

        *ret = (unsigned) number;
        return 0;
}

/* --- what is printed --- */

static void print_value(char **words, void *userdata) {
        (void) puts(words[0]);
}

static void print_pair(char **words, void *userdata) {
        (void) printf("%s=%s\n", words[1], words[2]);
}

static void collect_pair(char **words, void *userdata) {
        JsonBuilder *builder = userdata;

        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "key");
        json_builder_add_string_value(builder, words[1]);
        json_builder_set_member_name(builder, "value");
        json_builder_add_string_value(builder, words[2]);
        json_builder_end_object(builder);
}

static int list_json(const CommandOptions *options, const char *const *words) {
        g_autoptr(JsonBuilder) builder = json_builder_new();
        g_autoptr(JsonNode) root = NULL;
        g_autofree char *text = NULL;
        int r;

        json_builder_begin_array(builder);
        r = command_ask(options, words, collect_pair, builder);
        json_builder_end_array(builder);
        if (r != HOST_EXIT_OK)
                return r;

        root = json_builder_get_root(builder);
        text = json_to_string(root, FALSE);
        (void) puts(text);
        return r;
}

/* --- the command --- */

static int ask(const CommandOptions *options, const char *verb, unsigned pool, char **arguments) {
        g_autofree char *number = g_strdup_printf("%u", pool);
        const char *words[] = { "kvp", verb, number, arguments[0], arguments[0] ? arguments[1] : NULL, NULL };

        if (strcmp(verb, "auto") == 0)
                words[1] = "list";
        if (strcmp(words[1], "list") != 0)
                return command_ask(options, words, print_value, NULL);

        return options->json ? list_json(options, words) : command_ask(options, words, print_pair, NULL);
}

int command_kvp(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        g_autofree char *pool_word = NULL;
        const GOptionEntry entries[] = {
                { "pool", 0, 0, G_OPTION_ARG_STRING, &pool_word,
                  "external, guest, auto, auto_external, auto_internal or 0 to 255", "POOL" },
                { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "List as JSON", NULL },
                {},
        };
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, entries, &r))
                return r;

        for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(verbs); i++) {
                unsigned pool = (unsigned) verbs[i].pool;

                if (strcmp(verbs[i].name, argv[1]) != 0)
                        continue;
                if (argc != verbs[i].arguments + 2 || (pool_word && parse_pool(pool_word, &pool) < 0))
                        break;
                return ask(&options, verbs[i].name, pool, argv + 2);
        }
        return command_usage(command);
}
