/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/adapter-object.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/bus-private.h"
#include "service/bus/tree.h"

void adapter_object_free(void *p) {
        AdapterObject *object = p;

        g_free(object->path);
        g_free(object);
}

static const NetTables *tables_of(const Bus *bus) {
        return adapters_get_tables(network_get_adapters(bus->setup.network));
}

/* Objects are made when they are looked for; there are never more than adapters were. */
static AdapterObject *object_of(Bus *bus, const char *guid) {
        AdapterObject *object = g_hash_table_lookup(bus->adapter_objects, guid);
        g_autofree char *path = NULL;

        if (object)
                return object;
        object = g_new0(AdapterObject, 1);
        object->bus = bus;
        g_strlcpy(object->guid, guid, sizeof object->guid);
        if (sd_bus_path_encode(HVUTILS_OBJECT_NETWORK, guid, &path) >= 0)
                object->path = g_strdup(path);
        g_hash_table_insert(bus->adapter_objects, object->guid, object);
        return object;
}

int adapter_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                        void **ret_found, sd_bus_error *error) {
        Bus *bus = userdata;
        auto_free_libc char *guid = NULL;

        if (!bus->setup.network || sd_bus_path_decode(path, HVUTILS_OBJECT_NETWORK, &guid) <= 0 ||
            !net_tables_find_guid(tables_of(bus), guid))
                return 0;
        *ret_found = object_of(bus, guid);
        return 1;
}

static char **collect_paths(Bus *bus) {
        const GArray *links = tables_of(bus)->links;
        char **nodes = calloc(links->len + 1, sizeof *nodes); /* sd-bus frees it */
        size_t n = 0;

        for (guint i = 0; nodes && i < links->len; i++) {
                const NetLink *link = &g_array_index(links, NetLink, i);

                if (link->guid[0] != '\0' && (nodes[n] = strdup(object_of(bus, link->guid)->path)))
                        n++;
        }
        return nodes;
}

int adapter_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                             sd_bus_error *error) {
        Bus *bus = userdata;

        if (!bus->setup.network)
                return 0;
        *ret_nodes = collect_paths(bus);
        return *ret_nodes ? 0 : -ENOMEM;
}

/* --- properties --- */

static const NetLink *link_of(const AdapterObject *object) {
        return net_tables_find_guid(tables_of(object->bus), object->guid);
}

/* False if it has just gone; then everything is empty. */
static bool describe(const AdapterObject *object, IpSettings *ret) {
        const NetLink *link = link_of(object);

        memset(ret, 0, sizeof *ret);
        if (link)
                network_describe(object->bus->setup.network, link, ret);
        return link;
}

static const char *address_text(const IpAddress *address, char text[INET6_ADDRSTRLEN]) {
        return inet_ntop(address->family,
                         address->family == AF_INET ? (const void *) &address->in
                                                    : (const void *) &address->in6,
                         text, INET6_ADDRSTRLEN);
}

static int append_list(sd_bus_message *reply, const IpAddress *addresses, size_t n, bool prefixes) {
        char text[INET6_ADDRSTRLEN], full[INET6_ADDRSTRLEN + 5];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < n && r >= 0; i++) {
                (void) g_snprintf(full, sizeof full, "%s/%u", address_text(&addresses[i], text),
                                  addresses[i].prefix);
                r = sd_bus_message_append(reply, "s", prefixes ? full : text);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

#define PROPERTY(name)                                                                                       \
        static int property_get_##name(sd_bus *connection, const char *path, const char *interface,          \
                                       const char *property, sd_bus_message *reply, void *userdata,          \
                                       sd_bus_error *error)

PROPERTY(guid) {
        return sd_bus_message_append(reply, "s", ((const AdapterObject *) userdata)->guid);
}

PROPERTY(interface) {
        const NetLink *link = link_of(userdata);

        return sd_bus_message_append(reply, "s", link ? link->name : "");
}

PROPERTY(mac) {
        const NetLink *link = link_of(userdata);
        char text[18] = "";

        if (link && link->has_mac)
                (void) g_snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", link->mac[0],
                                  link->mac[1], link->mac[2], link->mac[3], link->mac[4], link->mac[5]);
        return sd_bus_message_append(reply, "s", text);
}

PROPERTY(addresses) {
        IpSettings settings;

        (void) describe(userdata, &settings);
        return append_list(reply, settings.addresses, settings.n_addresses, true);
}

PROPERTY(gateways) {
        IpSettings settings;

        (void) describe(userdata, &settings);
        return append_list(reply, settings.gateways, settings.n_gateways, false);
}

PROPERTY(dns) {
        IpSettings settings;

        (void) describe(userdata, &settings);
        return append_list(reply, settings.dns, settings.n_dns, false);
}

PROPERTY(dhcp) {
        IpSettings settings;

        (void) describe(userdata, &settings);
        return sd_bus_message_append(reply, "b", (int) settings.dhcp);
}

static int append_wanted(sd_bus_message *reply, const IpSettings *settings) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "addresses");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = append_list(reply, settings->addresses, settings->n_addresses, true);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY(last_injection) {
        const AdapterObject *object = userdata;
        InjectionRecord record;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 &&
            injector_get_record(network_get_injector(object->bus->setup.network), object->guid, &record)) {
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "state", "s", record.state,
                                          "received", "t", record.received_usec, "configurator", "s",
                                          record.configurator, "reason", "s", record.reason, "dhcp4", "b",
                                          (int) record.settings->dhcp);
                if (r >= 0)
                        r = append_wanted(reply, record.settings);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define OPEN  SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable adapter_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Guid", "s", property_get_guid, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Interface", "s", property_get_interface, 0, EMITS),
        SD_BUS_PROPERTY("MAC", "s", property_get_mac, 0, EMITS),
        SD_BUS_PROPERTY("Addresses", "as", property_get_addresses, 0, EMITS),
        SD_BUS_PROPERTY("Gateways", "as", property_get_gateways, 0, EMITS),
        SD_BUS_PROPERTY("Dns", "as", property_get_dns, 0, EMITS),
        SD_BUS_PROPERTY("Dhcp", "b", property_get_dhcp, 0, EMITS),
        SD_BUS_PROPERTY("LastInjection", "a{sv}", property_get_last_injection, 0, EMITS),
        SD_BUS_METHOD_WITH_ARGS("Reapply", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_adapter_reapply, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Forget", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_adapter_forget, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("s", configurator, "s", result, "s", reason),
                                method_adapter_check, OPEN),
        SD_BUS_VTABLE_END,
};

/* --- the object above --- */

int network_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                        void **ret_found, sd_bus_error *error) {
        if (strcmp(path, HVUTILS_OBJECT_NETWORK) != 0)
                return 0;
        *ret_found = userdata;
        return 1;
}

PROPERTY(configurator) {
        const Bus *bus = userdata;
        const Configuration *configuration =
                bus->setup.network ? network_get_configuration(bus->setup.network) : NULL;

        return sd_bus_message_append(reply, "s",
                                     configuration && configuration->network.configurator
                                             ? configuration->network.configurator
                                             : "auto");
}

PROPERTY(policy) {
        const Bus *bus = userdata;
        InjectionPolicy policy = bus->setup.network
                                         ? network_get_configuration(bus->setup.network)->network.injection
                                         : INJECTION_DENY;

        return sd_bus_message_append(reply, "s", injection_policy_to_string(policy));
}

const sd_bus_vtable network_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Configurator", "s", property_get_configurator, 0, 0),
        SD_BUS_PROPERTY("Policy", "s", property_get_policy, 0, 0),
        SD_BUS_VTABLE_END,
};
