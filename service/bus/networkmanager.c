/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cleanup.h"
#include "service/bus/properties.h"
#include "service/bus/stack-follow.h"
#include "service/network/network.h"

/*
 * All of NetworkManager's objects in one answer: a{oa{sa{sv}}}. A device names the objects that hold its name servers
 * and its lease; those may stand before or after it.
 */

#define NM "org.freedesktop.NetworkManager"

typedef struct Device {
        char name[IFNAMSIZ];
        const char *configurations[2]; /* IPv4, IPv6: paths, or "/" */
        bool dhcp;
} Device;

typedef struct Objects {
        GArray *devices;     /* Device */
        GHashTable *servers; /* path (borrowed from the message) -> StackEntry, of which dns is used */
        const char *path;    /* of the object that is being read */
} Objects;

static StackEntry *servers_of_path(Objects *objects, const char *path) {
        StackEntry *servers = g_hash_table_lookup(objects->servers, path);

        if (!servers) {
                servers = g_new0(StackEntry, 1);
                g_hash_table_insert(objects->servers, (gpointer) path, servers);
        }
        return servers;
}

static int take_device(sd_bus_message *m, const char *name, const char *signature, void *userdata) {
        Objects *objects = userdata;
        Device *device = &g_array_index(objects->devices, Device, objects->devices->len - 1);
        const char *text;
        int r;

        if (strcmp(name, "Interface") == 0 && strcmp(signature, "s") == 0) {
                r = sd_bus_message_read(m, "s", &text);
                if (r >= 0)
                        g_strlcpy(device->name, text, sizeof device->name);
                return r < 0 ? r : 1;
        }
        if (strcmp(signature, "o") != 0)
                return 0;
        if (strcmp(name, "Ip4Config") == 0)
                return sd_bus_message_read(m, "o", &device->configurations[0]) < 0 ? -EBADMSG : 1;
        if (strcmp(name, "Ip6Config") == 0)
                return sd_bus_message_read(m, "o", &device->configurations[1]) < 0 ? -EBADMSG : 1;
        if (strcmp(name, "Dhcp4Config") != 0)
                return 0;
        r = sd_bus_message_read(m, "o", &text);
        device->dhcp = r >= 0 && strcmp(text, "/") != 0;
        return r < 0 ? r : 1;
}

static IpAddress *next_server(StackEntry *servers) {
        return servers->n_dns < IP_DNS_MAX ? &servers->dns[servers->n_dns] : NULL;
}

static int take_server_text(sd_bus_message *m, const char *name, const char *signature, void *userdata) {
        StackEntry *servers = userdata;
        IpAddress *next = next_server(servers);
        const char *text;
        int r;

        if (strcmp(name, "address") != 0 || strcmp(signature, "s") != 0)
                return 0;
        r = sd_bus_message_read(m, "s", &text);
        if (r >= 0 && next && inet_pton(AF_INET, text, &next->in) == 1) {
                next->family = AF_INET;
                servers->n_dns++;
        }
        return r < 0 ? r : 1;
}

/* NameserverData: aa{sv} with the key "address". */
static int take_ip4(sd_bus_message *m, const char *name, const char *signature, void *userdata) {
        Objects *objects = userdata;
        int r;

        if (strcmp(name, "NameserverData") != 0 || strcmp(signature, "aa{sv}") != 0)
                return 0;
        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && sd_bus_message_at_end(m, false) == 0)
                r = bus_properties_read(m, take_server_text, servers_of_path(objects, objects->path));
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

/* Nameservers: aay. */
static int take_ip6(sd_bus_message *m, const char *name, const char *signature, void *userdata) {
        Objects *objects = userdata;
        StackEntry *servers = servers_of_path(objects, objects->path);
        const void *bytes;
        size_t n;
        int r;

        if (strcmp(name, "Nameservers") != 0 || strcmp(signature, "aay") != 0)
                return 0;
        r = sd_bus_message_enter_container(m, 'a', "ay");
        while (r >= 0 && (r = sd_bus_message_read_array(m, 'y', &bytes, &n)) > 0) {
                IpAddress *next = next_server(servers);

                if (!next || n != sizeof next->in6)
                        continue;
                next->family = AF_INET6;
                memcpy(&next->in6, bytes, n);
                servers->n_dns++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

static int read_interface(sd_bus_message *m, Objects *objects) {
        const char *interface;
        int r;

        r = sd_bus_message_read(m, "s", &interface);
        if (r < 0)
                return r;
        if (strcmp(interface, NM ".Device") == 0) {
                g_array_set_size(objects->devices, objects->devices->len + 1);
                return bus_properties_read(m, take_device, objects);
        }
        if (strcmp(interface, NM ".IP4Config") == 0)
                return bus_properties_read(m, take_ip4, objects);
        if (strcmp(interface, NM ".IP6Config") == 0)
                return bus_properties_read(m, take_ip6, objects);
        return sd_bus_message_skip(m, "a{sv}");
}

static int read_object(sd_bus_message *m, Objects *objects) {
        int r;

        r = sd_bus_message_read(m, "o", &objects->path);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
                r = read_interface(m, objects);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_objects(sd_bus_message *m, Objects *objects) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
                r = read_object(m, objects);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static void join(const Objects *objects, const Device *device, StackEntry *entry) {
        g_strlcpy(entry->name, device->name, sizeof entry->name);
        entry->dhcp = device->dhcp;
        for (size_t family = 0; family < G_N_ELEMENTS(device->configurations); family++) {
                const char *path = device->configurations[family];
                const StackEntry *servers = path ? g_hash_table_lookup(objects->servers, path) : NULL;

                for (size_t i = 0; servers && i < servers->n_dns && entry->n_dns < IP_DNS_MAX; i++)
                        entry->dns[entry->n_dns++] = servers->dns[i];
        }
}

int networkmanager_read(sd_bus_message *m, GArray *entries) {
        g_autoptr(GArray) devices = g_array_new(FALSE, TRUE, sizeof(Device));
        g_autoptr(GHashTable) servers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
        Objects objects = { .devices = devices, .servers = servers };
        int r;

        r = read_objects(m, &objects);
        if (r < 0)
                return r;
        for (guint i = 0; i < devices->len; i++) {
                const Device *device = &g_array_index(devices, Device, i);

                if (device->name[0] == '\0')
                        continue;
                g_array_set_size(entries, entries->len + 1);
                join(&objects, device, &g_array_index(entries, StackEntry, entries->len - 1));
        }
        return 0;
}
