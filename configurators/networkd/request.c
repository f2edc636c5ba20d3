/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "configurators/networkd/request.h"

typedef int (*AddFunction)(AddressSettings *settings, const char *text);

static int refuse(char **ret_sentence, const char *what, const char *item) {
        *ret_sentence = g_strdup_printf("\"%s\" is not %s.", item, what);
        return -EINVAL;
}

static int read_addresses(sd_bus_message *message, AddressSettings *settings, char **ret_sentence) {
        const char *text;
        unsigned prefix;
        int r = sd_bus_message_enter_container(message, 'a', "(su)");

        while (r >= 0 && (r = sd_bus_message_read(message, "(su)", &text, &prefix)) > 0)
                if (address_settings_add_address(settings, text, prefix) < 0)
                        return refuse(ret_sentence, "an address with a prefix length", text);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_list(sd_bus_message *message, AddressSettings *settings, AddFunction add, const char *what,
                     char **ret_sentence) {
        const char *text;
        int r = sd_bus_message_enter_container(message, 'a', "s");

        while (r >= 0 && (r = sd_bus_message_read(message, "s", &text)) > 0)
                if (add(settings, text) < 0)
                        return refuse(ret_sentence, what, text);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_flag(sd_bus_message *message, bool *ret) {
        int flag = 0, r = sd_bus_message_read(message, "b", &flag);

        if (r >= 0)
                *ret = flag;
        return r;
}

/* The contents of one variant; what we do not know is skipped. */
static int read_value(sd_bus_message *message, const char *key, const char *contents,
                      AddressSettings *settings, char **ret_sentence) {
        if (strcmp(key, "dhcp4") == 0 && strcmp(contents, "b") == 0)
                return read_flag(message, &settings->dhcp4);
        if (strcmp(key, "families") == 0 && strcmp(contents, "u") == 0)
                return sd_bus_message_read(message, "u", &settings->families);
        if (strcmp(key, "addresses") == 0 && strcmp(contents, "a(su)") == 0)
                return read_addresses(message, settings, ret_sentence);
        if (strcmp(key, "gateways") == 0 && strcmp(contents, "as") == 0)
                return read_list(message, settings, address_settings_add_gateway, "a gateway's address",
                                 ret_sentence);
        if (strcmp(key, "dns") == 0 && strcmp(contents, "as") == 0)
                return read_list(message, settings, address_settings_add_dns, "a name server's address",
                                 ret_sentence);
        return sd_bus_message_skip(message, contents);
}

static int read_word(sd_bus_message *message, AddressSettings *settings, char **ret_sentence) {
        const char *key, *contents;
        int r = sd_bus_message_read(message, "s", &key);

        if (r >= 0)
                r = sd_bus_message_peek_type(message, NULL, &contents);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'v', contents);
        if (r >= 0)
                r = read_value(message, key, contents, settings, ret_sentence);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r;
}

int request_read(sd_bus_message *message, AddressSettings **ret, char **ret_sentence) {
        g_autoptr(AddressSettings) settings = address_settings_new();
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        settings->families = FAMILY_IPV4 | FAMILY_IPV6;
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_word(message, settings, ret_sentence);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret_sentence = address_settings_complaint(settings);
        if (*ret_sentence)
                return -EINVAL;
        *ret = g_steal_pointer(&settings);
        return 0;
}
