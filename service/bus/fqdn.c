/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/fqdn.h"

#include <string.h>

#include "common/cleanup.h"
#include "service/bus/bus-private.h"

#define HOSTNAMED_NAME      "org.freedesktop.hostname1"
#define HOSTNAMED_PATH      "/org/freedesktop/hostname1"
#define HOSTNAMED_INTERFACE "org.freedesktop.hostname1"

static bool is_full(const char *name) {
        const char *dot = name ? strchr(name, '.') : NULL;

        return dot && dot != name && dot[1] != '\0';
}

const char *fqdn_choose(const char *static_hostname, const char *hostname) {
        if (is_full(static_hostname))
                return static_hostname;
        return is_full(hostname) ? hostname : NULL;
}

static void fqdn_tell(Bus *bus, const char *fqdn) {
        if (g_strcmp0(bus->fqdn, fqdn) == 0)
                return;
        g_free(bus->fqdn);
        bus->fqdn = g_strdup(fqdn);
        bus->setup.fqdn(bus->fqdn, bus->setup.userdata);
}

/* Reads one {sv}; keeps it if it is one of the two. */
static int read_property(sd_bus_message *m, const char **ret_static, const char **ret_hostname) {
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        if (strcmp(name, "StaticHostname") == 0)
                return sd_bus_message_read(m, "v", "s", ret_static);
        if (strcmp(name, "Hostname") == 0)
                return sd_bus_message_read(m, "v", "s", ret_hostname);
        return sd_bus_message_skip(m, "v");
}

static int read_properties(sd_bus_message *m, const char **ret_static, const char **ret_hostname) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_property(m, ret_static, ret_hostname);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *static_hostname = NULL, *hostname = NULL;

        if (sd_bus_message_is_method_error(m, NULL)) /* it does not run: nothing new is known */
                return 0;
        if (read_properties(m, &static_hostname, &hostname) < 0)
                return 0;
        fqdn_tell(userdata, fqdn_choose(static_hostname, hostname));
        return 0;
}

static int fqdn_ask(Bus *bus) {
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus->connection, &m, HOSTNAMED_NAME, HOSTNAMED_PATH,
                                           "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", HOSTNAMED_INTERFACE);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_call_async(bus->connection, NULL, m, on_properties, bus, 0);
        return r;
}

/* A property changed, or hostnamed came: ask for both names together, they belong together. */
static int on_news(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void)fqdn_ask(userdata);
        return 0;
}

int fqdn_follow(Bus *bus) {
        int r;

        if (!bus->setup.fqdn)
                return 0;
        r = sd_bus_match_signal_async(bus->connection, NULL, HOSTNAMED_NAME, HOSTNAMED_PATH,
                                      "org.freedesktop.DBus.Properties", "PropertiesChanged", on_news, NULL,
                                      bus);
        if (r >= 0)
                r = sd_bus_add_match_async(bus->connection, NULL,
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                           "arg0='" HOSTNAMED_NAME "'",
                                           on_news, NULL, bus);
        if (r >= 0)
                r = fqdn_ask(bus);
        return r;
}
