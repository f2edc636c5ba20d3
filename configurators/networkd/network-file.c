/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "configurators/networkd/network-file.h"

#define FURTHER_GATEWAY_METRIC 2048

typedef struct Section {
        char *name;
        GPtrArray *lines;
} Section;

static void section_free(void *data) {
        Section *section = data;

        g_free(section->name);
        g_ptr_array_unref(section->lines);
        g_free(section);
}

static Section *section_new(const char *name) {
        Section *section = g_new0(Section, 1);

        section->name = g_strdup(name);
        section->lines = g_ptr_array_new_with_free_func(g_free);
        return section;
}

/* --- reading --- */

static GPtrArray *parse(const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        GPtrArray *sections = g_ptr_array_new_with_free_func(section_free);
        Section *section = NULL;

        for (char **line = lines; *line; line++) {
                const char *word = g_strstrip(*line);
                size_t n = strlen(word);
                if (word[0] == '[' && n > 2 && word[n - 1] == ']') {
                        g_autofree char *name = g_strndup(word + 1, n - 2);
                        section = section_new(name);
                        g_ptr_array_add(sections, section);
                } else if (section && word[0] && word[0] != '#' && word[0] != ';') {
                        g_ptr_array_add(section->lines, g_strdup(word));
                }
        }
        return sections;
}

/* The value of a line KEY=value, or NULL if it is about another key. */
static const char *value_of(const char *line, const char *key) {
        size_t n = strlen(key);

        if (strncmp(line, key, n) != 0)
                return NULL;
        line += n;
        line += strspn(line, " \t");
        return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

static const char *section_value(const Section *section, const char *key) {
        const char *value = NULL;

        for (unsigned i = 0; i < section->lines->len; i++)
                value = value_of(section->lines->pdata[i], key) ?: value;
        return value;
}

/* Of "10.1.0.1/24", "fd00::1", "_dhcp4"; AF_UNSPEC if it is none. */
static int family_of(const char *value) {
        if (strchr(value, ':'))
                return AF_INET6;
        return strchr(value, '.') || strcmp(value, "_dhcp4") == 0 ? AF_INET : AF_UNSPEC;
}

static bool is_spoken_about(const AddressSettings *settings, const char *value) {
        return value && family_of(value) != AF_UNSPEC &&
               address_settings_speak_about(settings, family_of(value));
}

/* --- what of the old file stays --- */

static bool line_stays(const AddressSettings *settings, const char *line) {
        static const char *const of_family[] = { "Address", "Gateway", "DNS" };

        for (size_t i = 0; i < G_N_ELEMENTS(of_family); i++)
                if (is_spoken_about(settings, value_of(line, of_family[i])))
                        return false;
        if (value_of(line, "IPv6AcceptRA"))
                return !address_settings_speak_about(settings, AF_INET6);
        return !value_of(line, "DHCP");
}

static bool section_stays(const AddressSettings *settings, const Section *section) {
        if (strcmp(section->name, "Match") == 0)
                return false;
        if (strcmp(section->name, "Address") == 0)
                return !is_spoken_about(settings, section_value(section, "Address"));
        if (strcmp(section->name, "Route") == 0)
                return section_value(section, "Destination") ||
                       !is_spoken_about(settings, section_value(section, "Gateway"));
        return true;
}

static void copy_section(GString *text, const AddressSettings *settings, const Section *section) {
        bool network = strcmp(section->name, "Network") == 0;

        if (!section_stays(settings, section))
                return;
        g_string_append_printf(text, "\n[%s]\n", section->name);
        for (unsigned i = 0; i < section->lines->len; i++)
                if (!network || line_stays(settings, section->lines->pdata[i]))
                        g_string_append_printf(text, "%s\n", (const char *) section->lines->pdata[i]);
}

/* --- DHCP, of which each family has a half --- */

static unsigned dhcp_families(const GPtrArray *sections) {
        const char *value = NULL;

        for (unsigned i = 0; i < sections->len; i++) {
                const Section *section = sections->pdata[i];
                if (strcmp(section->name, "Network") == 0)
                        value = section_value(section, "DHCP") ?: value;
        }
        if (!value)
                return 0;
        if (strcmp(value, "ipv4") == 0)
                return FAMILY_IPV4;
        if (strcmp(value, "ipv6") == 0)
                return FAMILY_IPV6;
        return g_strv_contains((const char *const[]){ "yes", "true", "on", "1", "both", NULL }, value)
                       ? FAMILY_IPV4 | FAMILY_IPV6
                       : 0;
}

static const char *dhcp_word(const GPtrArray *sections, const AddressSettings *settings) {
        static const char *const words[] = { "no", "ipv4", "ipv6", "yes" };
        unsigned families = dhcp_families(sections);

        if (address_settings_speak_about(settings, AF_INET))
                families = (families & ~FAMILY_IPV4) | (settings->dhcp4 ? FAMILY_IPV4 : 0);
        if (address_settings_speak_about(settings, AF_INET6))
                families &= ~FAMILY_IPV6;
        return words[families];
}

bool network_file_has_dhcp4(const char *text) {
        g_autoptr(GPtrArray) sections = parse(text);

        return dhcp_families(sections) & FAMILY_IPV4;
}

/* --- what is new --- */

static bool is_static(const AddressSettings *settings, int family) {
        return address_settings_speak_about(settings, family) && !(family == AF_INET && settings->dhcp4);
}

static void add_addresses(GString *text, const AddressSettings *settings) {
        char word[INET6_ADDRSTRLEN];

        for (unsigned i = 0; i < settings->addresses->len; i++) {
                const HostAddress *address = &g_array_index(settings->addresses, HostAddress, i);
                if (is_static(settings, address->family))
                        g_string_append_printf(text, "Address=%s/%u\n", host_address_text(address, word),
                                               address->prefix);
        }
}

static void add_dns(GString *text, const AddressSettings *settings) {
        char word[INET6_ADDRSTRLEN];

        for (unsigned i = 0; i < settings->dns->len; i++) {
                const HostAddress *server = &g_array_index(settings->dns, HostAddress, i);
                if (address_settings_speak_about(settings, server->family))
                        g_string_append_printf(text, "DNS=%s\n", host_address_text(server, word));
        }
}

/* Each gateway is a route of its own; a further one is used when those before it are gone. */
static void add_gateways(GString *text, const AddressSettings *settings, int family) {
        char word[INET6_ADDRSTRLEN];
        unsigned n = 0;

        for (unsigned i = 0; i < settings->gateways->len; i++) {
                const HostAddress *gateway = &g_array_index(settings->gateways, HostAddress, i);
                if (gateway->family != family || !is_static(settings, family))
                        continue;
                g_string_append_printf(text, "\n[Route]\nGateway=%s\n", host_address_text(gateway, word));
                if (n > 0)
                        g_string_append_printf(text, "Metric=%u\n", FURTHER_GATEWAY_METRIC + n);
                n++;
        }
}

char *network_file_text(const char *base, const char *match, const AddressSettings *settings) {
        g_autoptr(GPtrArray) sections = parse(base);
        GString *text = g_string_new(
                "# Addresses that the Hyper-V host gave this adapter, written by hvutils-networkd(8).\n"
                "# `hvctl network forget`, or removing this file, takes them back.\n\n[Match]\n");

        g_string_append(text, match);
        for (unsigned i = 0; i < sections->len; i++)
                copy_section(text, settings, sections->pdata[i]);
        g_string_append_printf(text, "\n[Network]\nDHCP=%s\n", dhcp_word(sections, settings));
        if (address_settings_speak_about(settings, AF_INET6))
                g_string_append(text, "IPv6AcceptRA=no\n");
        add_addresses(text, settings);
        add_dns(text, settings);
        add_gateways(text, settings, AF_INET);
        add_gateways(text, settings, AF_INET6);
        if (settings->dhcp4 && settings->dns->len > 0)
                g_string_append(text, "\n[DHCPv4]\nUseDNS=no\n");
        return g_string_free(text, false);
}
