/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/command.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

/* What the host's administrator says about a guest's addresses. */

/* --- get --- */

static void print_field(char **words, void *userdata) {
        (void) printf("%s=%s\n", words[0], words[1]);
}

static void collect_field(char **words, void *userdata) {
        JsonBuilder *builder = userdata;

        json_builder_set_member_name(builder, words[0]);
        json_builder_add_string_value(builder, words[1]);
}

static int get(const CommandOptions *options, const char *mac) {
        const char *words[] = { "ip", "get", mac, NULL };
        g_autoptr(JsonBuilder) builder = json_builder_new();
        g_autoptr(JsonNode) root = NULL;
        g_autofree char *text = NULL;
        int r;

        if (!options->json)
                return command_ask(options, words, print_field, NULL);

        json_builder_begin_object(builder);
        r = command_ask(options, words, collect_field, builder);
        json_builder_end_object(builder);
        if (r != HOST_EXIT_OK)
                return r;
        root = json_builder_get_root(builder);
        text = json_to_string(root, FALSE);
        (void) puts(text);
        return r;
}

/* --- set --- */

typedef struct Wish {
        char **addresses, **gateways, **dns; /* ADDRESS/PREFIX; as they are on the wire otherwise */
        char *family;
        gboolean dhcp;
} Wish;

static void wish_done(Wish *wish) {
        g_strfreev(wish->addresses);
        g_strfreev(wish->gateways);
        g_strfreev(wish->dns);
        g_free(wish->family);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wish, wish_done)

static char *join(char **list) {
        return list ? g_strjoinv(";", list) : g_strdup("");
}

/* 1 IPv4, 2 IPv6, 3 both, as a host that says the truth. */
static unsigned family_of(const Wish *wish) {
        unsigned family = wish->dhcp ? 1 : 0;

        for (char **address = wish->addresses; address && *address; address++)
                family |= strchr(*address, ':') ? 2 : 1;
        return family;
}

/* "10.0.0.4/24" is an address and a mask; a mask may be dotted, and may be missing, as from a broken host. */
static void split(const Wish *wish, GString *addresses, GString *masks) {
        for (char **address = wish->addresses; address && *address; address++) {
                const char *slash = strchr(*address, '/');

                if (addresses->len > 0)
                        g_string_append_c(addresses, ';');
                g_string_append_len(addresses, *address, slash ? slash - *address : -1);
                if (!slash)
                        continue;
                if (masks->len > 0)
                        g_string_append_c(masks, ';');
                g_string_append(masks, slash + 1);
        }
}

static int set(const CommandOptions *options, const char *guid, const Wish *wish) {
        g_autofree char *gateways = join(wish->gateways), *dns = join(wish->dns);
        g_autofree char *family =
                wish->family ? g_strdup(wish->family) : g_strdup_printf("%u", family_of(wish));
        GString *addresses = g_string_new(NULL), *masks = g_string_new(NULL);
        int r;

        split(wish, addresses, masks);
        r = command_ask(options,
                        (const char *const[]){ "ip", "set", guid, family, wish->dhcp ? "yes" : "no",
                                               addresses->str, masks->str, gateways, dns, NULL },
                        print_field, NULL);
        g_string_free(addresses, TRUE);
        g_string_free(masks, TRUE);
        return r;
}

int command_ip(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        g_auto(Wish) wish = {};
        const GOptionEntry entries[] = {
                { "address", 0, 0, G_OPTION_ARG_STRING_ARRAY, &wish.addresses, "set: an address",
                  "ADDRESS/MASK" },
                { "gateway", 0, 0, G_OPTION_ARG_STRING_ARRAY, &wish.gateways, "set: a gateway", "ADDRESS" },
                { "dns", 0, 0, G_OPTION_ARG_STRING_ARRAY, &wish.dns, "set: a name server", "ADDRESS" },
                { "dhcp", 0, 0, G_OPTION_ARG_NONE, &wish.dhcp, "set: IPv4 from DHCP", NULL },
                { "family", 0, 0, G_OPTION_ARG_STRING, &wish.family,
                  "set: 0 to 255; else what the addresses are", "NUMBER" },
                { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "get: as JSON", NULL },
                {},
        };
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, entries, &r))
                return r;
        if (argc == 3 && strcmp(argv[1], "get") == 0)
                return get(&options, argv[2]);
        if (argc == 3 && strcmp(argv[1], "set") == 0)
                return set(&options, argv[2], &wish);
        return command_usage(command);
}
