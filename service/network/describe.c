/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cleanup.h"
#include "service/network/adapters.h"

/* One adapter's part of the tables, as the host asks for it. */

static void put_bytes(IpAddress *address, int family, const uint8_t bytes[16]) {
        memset(address, 0, sizeof *address);
        address->family = family;
        if (family == AF_INET)
                memcpy(&address->in, bytes, sizeof address->in);
        else
                memcpy(&address->in6, bytes, sizeof address->in6);
}

/* The host's own order of importance: IPv4, then IPv6 that the world can use, then link-local. */
enum { CLASS_IPV4, CLASS_IPV6, CLASS_LINK_LOCAL, _CLASS_MAX };

static int address_class(const NetAddress *address) {
        if (address->family == AF_INET)
                return CLASS_IPV4;
        return net_address_is_link_local(address) ? CLASS_LINK_LOCAL : CLASS_IPV6;
}

static void add_addresses(const NetTables *tables, unsigned index, int class, IpSettings *settings) {
        for (guint i = 0; i < tables->addresses->len && settings->n_addresses < IP_ADDRESSES_MAX; i++) {
                const NetAddress *address = &g_array_index(tables->addresses, NetAddress, i);
                IpAddress *next = &settings->addresses[settings->n_addresses];

                if (address->index != index || !net_address_is_usable(address) ||
                    address_class(address) != class)
                        continue;
                put_bytes(next, address->family, address->bytes);
                next->prefix = address->prefix;
                settings->n_addresses++;
                settings->families |= address->family == AF_INET ? 1 : 2;
                /* A lease has an end; what a person configures has none. */
                settings->dhcp |= address->family == AF_INET && !(address->flags & IFA_F_PERMANENT);
        }
}

static int compare_routes(const void *left, const void *right) {
        const NetRoute *a = *(const NetRoute *const *) left, *b = *(const NetRoute *const *) right;
        int r = (a->family > b->family) - (a->family < b->family);

        return r != 0 ? r : (a->metric > b->metric) - (a->metric < b->metric);
}

static bool has_gateway(const IpSettings *settings, const IpAddress *gateway) {
        for (size_t i = 0; i < settings->n_gateways; i++)
                if (settings->gateways[i].family == gateway->family &&
                    memcmp(&settings->gateways[i].in6, &gateway->in6, sizeof gateway->in6) == 0)
                        return true;
        return false;
}

static void add_gateways(const NetTables *tables, unsigned index, IpSettings *settings) {
        g_autoptr(GPtrArray) routes = g_ptr_array_new();

        for (guint i = 0; i < tables->routes->len; i++)
                if (g_array_index(tables->routes, NetRoute, i).index == index)
                        g_ptr_array_add(routes, &g_array_index(tables->routes, NetRoute, i));
        g_ptr_array_sort(routes, compare_routes);

        for (guint i = 0; i < routes->len && settings->n_gateways < IP_GATEWAYS_MAX; i++) {
                const NetRoute *route = routes->pdata[i];
                IpAddress *next = &settings->gateways[settings->n_gateways];

                put_bytes(next, route->family, route->gateway);
                if (!has_gateway(settings, next))
                        settings->n_gateways++;
        }
}

void adapters_describe(const Adapters *adapters, const NetLink *link, IpSettings *ret) {
        const NetTables *tables = adapters_get_tables(adapters);
        unsigned indices[] = { link->index, link->master };

        ret->n_addresses = ret->n_gateways = 0;
        ret->families = 0;
        ret->dhcp = false;
        for (size_t i = 0; i < G_N_ELEMENTS(indices) && ret->n_addresses == 0; i++) {
                if (indices[i] == 0)
                        continue;
                for (int class = CLASS_IPV4; class < _CLASS_MAX; class ++)
                        add_addresses(tables, indices[i], class, ret);
                add_gateways(tables, indices[i], ret);
        }
}
