/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/tables.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <netinet/in.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file-util.h"

void net_tables_init(NetTables *tables) {
        tables->links = g_array_new(FALSE, FALSE, sizeof(NetLink));
        tables->addresses = g_array_new(FALSE, FALSE, sizeof(NetAddress));
        tables->routes = g_array_new(FALSE, FALSE, sizeof(NetRoute));
}

void net_tables_done(NetTables *tables) {
        g_clear_pointer(&tables->links, g_array_unref);
        g_clear_pointer(&tables->addresses, g_array_unref);
        g_clear_pointer(&tables->routes, g_array_unref);
}

void net_tables_clear(NetTables *tables) {
        g_array_set_size(tables->links, 0);
        g_array_set_size(tables->addresses, 0);
        g_array_set_size(tables->routes, 0);
}

/* --- links --- */

static NetLink *find_link(const NetTables *tables, unsigned index, guint *ret_position) {
        for (guint i = 0; i < tables->links->len; i++) {
                NetLink *link = &g_array_index(tables->links, NetLink, i);

                if (link->index == index) {
                        *ret_position = i;
                        return link;
                }
        }
        return NULL;
}

/* "{f8615163-df3e-46c5-913f-f2d2f965ed0e}" and a newline. */
static void read_guid(NetLink *link, const char *sysfs) {
        g_autofree char *path = g_build_filename(sysfs, link->name, "device", "device_id", NULL);
        g_autofree char *text = NULL, *bare = NULL;
        size_t n;

        if (read_file_at(AT_FDCWD, path, 64, &text, &n) < 0 || n < 38 || text[0] != '{' || text[37] != '}')
                return;
        bare = g_ascii_strdown(text + 1, 36);
        if (!g_uuid_string_is_valid(bare))
                return;
        g_strlcpy(link->guid, bare, sizeof link->guid);
        link->vmbus = true;
}

static void take_mac(const struct nlattr *attribute, uint8_t mac[6], bool *has) {
        if (mnl_attr_get_payload_len(attribute) != 6)
                return;
        memcpy(mac, mnl_attr_get_payload(attribute), 6);
        *has = true;
}

static int take_link_attribute(const struct nlattr *attribute, void *userdata) {
        NetLink *link = userdata;
        bool has_permanent;

        switch (mnl_attr_get_type(attribute)) {
        case IFLA_IFNAME:
                if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
                        g_strlcpy(link->name, mnl_attr_get_str(attribute), sizeof link->name);
                break;
        case IFLA_MASTER:
                if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
                        link->master = mnl_attr_get_u32(attribute);
                break;
        case IFLA_ADDRESS:
                take_mac(attribute, link->mac, &link->has_mac);
                break;
        case IFLA_PERM_ADDRESS:
                take_mac(attribute, link->permanent, &has_permanent);
                break;
        case IFLA_PARENT_DEV_BUS_NAME:
                if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
                        link->vmbus = strcmp(mnl_attr_get_str(attribute), "vmbus") == 0;
                break;
        }
        return MNL_CB_OK;
}

/* The kernel takes the routes of an IPv4 link that went down without a word about each. */
static bool drop_routes(NetTables *tables, unsigned index, int family, const uint8_t *source) {
        bool dropped = false;

        for (guint i = tables->routes->len; i-- > 0;) {
                const NetRoute *route = &g_array_index(tables->routes, NetRoute, i);

                if (route->index != index || (family != AF_UNSPEC && route->family != family) ||
                    (source && memcmp(route->source, source, sizeof route->source) != 0))
                        continue;
                g_array_remove_index(tables->routes, i);
                dropped = true;
        }
        return dropped;
}

static bool forget_link(NetTables *tables, unsigned index) {
        guint position;

        if (!find_link(tables, index, &position))
                return false;
        (void) drop_routes(tables, index, AF_UNSPEC, NULL);
        g_array_remove_index(tables->links, position);
        return true;
}

/* Member by member: there is padding between them. */
static bool link_equals(const NetLink *a, const NetLink *b) {
        return a->index == b->index && a->flags == b->flags && a->master == b->master &&
               a->vmbus == b->vmbus && a->has_mac == b->has_mac &&
               memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
               memcmp(a->permanent, b->permanent, sizeof(a->permanent)) == 0 &&
               strcmp(a->name, b->name) == 0 && strcmp(a->guid, b->guid) == 0;
}

static bool address_equals(const NetAddress *a, const NetAddress *b) {
        return a->index == b->index && a->flags == b->flags && a->family == b->family &&
               a->scope == b->scope && a->prefix == b->prefix &&
               memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool store_link(NetTables *tables, const NetLink *link) {
        guint position;
        NetLink *known = find_link(tables, link->index, &position);
        bool changed = !known || !link_equals(known, link);

        if (known)
                *known = *link;
        else
                g_array_append_vals(tables->links, link, 1);
        if (!(link->flags & IFF_UP))
                changed |= drop_routes(tables, link->index, AF_UNSPEC, NULL);
        return changed;
}

static bool take_link(NetTables *tables, const struct nlmsghdr *header, const char *sysfs) {
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
        const NetLink *known;
        guint position;
        NetLink link;

        if (mnl_nlmsg_get_payload_len(header) < sizeof *info || info->ifi_family != AF_UNSPEC)
                return false;
        if (header->nlmsg_type == RTM_DELLINK)
                return forget_link(tables, (unsigned) info->ifi_index);

        memset(&link, 0, sizeof link); /* also between the members: links are compared as bytes */
        link.index = (unsigned) info->ifi_index;
        link.flags = info->ifi_flags;
        (void) mnl_attr_parse(header, sizeof *info, take_link_attribute, &link);
        known = find_link(tables, link.index, &position);
        if (known && strcmp(known->name, link.name) == 0) {
                memcpy(link.guid, known->guid, sizeof link.guid);
                link.vmbus |= link.guid[0] != '\0';
        } else
                read_guid(&link, sysfs);
        return store_link(tables, &link);
}

/* --- addresses --- */

/* IFA_LOCAL is our end of a point-to-point link, where IFA_ADDRESS is the other. */
static int take_address_attribute(const struct nlattr *attribute, void *userdata) {
        NetAddress *address = userdata;
        size_t size = address->family == AF_INET ? 4 : 16;
        int type = mnl_attr_get_type(attribute);
        bool empty = memcmp(address->bytes, (uint8_t[16]){ 0 }, 16) == 0;

        if ((type == IFA_LOCAL || (type == IFA_ADDRESS && empty)) &&
            mnl_attr_get_payload_len(attribute) == size)
                memcpy(address->bytes, mnl_attr_get_payload(attribute), size);
        if (type == IFA_FLAGS && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
                address->flags = mnl_attr_get_u32(attribute);
        return MNL_CB_OK;
}

static NetAddress *find_address(const NetTables *tables, const NetAddress *wanted, guint *ret_position) {
        for (guint i = 0; i < tables->addresses->len; i++) {
                NetAddress *address = &g_array_index(tables->addresses, NetAddress, i);

                if (address->index != wanted->index || address->family != wanted->family ||
                    memcmp(address->bytes, wanted->bytes, sizeof address->bytes) != 0)
                        continue;
                *ret_position = i;
                return address;
        }
        return NULL;
}

static bool has_ipv4(const NetTables *tables, unsigned index) {
        for (guint i = 0; i < tables->addresses->len; i++) {
                const NetAddress *address = &g_array_index(tables->addresses, NetAddress, i);

                if (address->index == index && address->family == AF_INET)
                        return true;
        }
        return false;
}

/* With its address the kernel takes the IPv4 routes that prefer it as their source, with the last one all;
 * of IPv6 routes it tells. */
static bool forget_address(NetTables *tables, const NetAddress *address) {
        guint position;

        if (!find_address(tables, address, &position))
                return false;
        g_array_remove_index(tables->addresses, position);
        if (address->family == AF_INET)
                (void) drop_routes(tables, address->index, AF_INET,
                                   has_ipv4(tables, address->index) ? address->bytes : NULL);
        return true;
}

static bool store_address(NetTables *tables, const NetAddress *address) {
        guint position;
        NetAddress *known = find_address(tables, address, &position);

        if (!known)
                g_array_append_vals(tables->addresses, address, 1);
        else if (address_equals(known, address))
                return false;
        else
                *known = *address;
        return true;
}

static bool take_address(NetTables *tables, const struct nlmsghdr *header) {
        const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
        NetAddress address;

        if (mnl_nlmsg_get_payload_len(header) < sizeof *info ||
            (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
                return false;

        memset(&address, 0, sizeof address);
        address.index = info->ifa_index;
        address.family = info->ifa_family;
        address.scope = info->ifa_scope;
        address.prefix = info->ifa_prefixlen;
        address.flags = info->ifa_flags;
        (void) mnl_attr_parse(header, sizeof *info, take_address_attribute, &address);
        return header->nlmsg_type == RTM_DELADDR ? forget_address(tables, &address)
                                                 : store_address(tables, &address);
}

/* --- default routes --- */

/* One route as the message has it; its next hops are found as `hop` and handed on one by one. */
typedef struct RouteMessage {
        NetTables *tables;
        NetRoute hop;
        bool has_gateway, remove, changed;
} RouteMessage;

static bool same_hop(const NetRoute *a, const NetRoute *b) {
        return a->index == b->index && a->family == b->family && a->table == b->table &&
               a->metric == b->metric && memcmp(a->gateway, b->gateway, sizeof a->gateway) == 0;
}

static void take_hop(RouteMessage *message) {
        GArray *routes = message->tables->routes;

        for (guint i = 0; i < routes->len; i++)
                if (same_hop(&g_array_index(routes, NetRoute, i), &message->hop)) {
                        if (message->remove)
                                g_array_remove_index(routes, i);
                        message->changed |= message->remove;
                        return;
                }
        if (message->remove)
                return;
        g_array_append_val(routes, message->hop);
        message->changed = true;
}

static void take_gateway(RouteMessage *message, const struct nlattr *attribute) {
        size_t size = message->hop.family == AF_INET ? 4 : 16;

        if (mnl_attr_get_payload_len(attribute) != size)
                return;
        memset(message->hop.gateway, 0, sizeof message->hop.gateway);
        memcpy(message->hop.gateway, mnl_attr_get_payload(attribute), size);
        message->has_gateway = true;
}

static void take_multipath(RouteMessage *message, const struct nlattr *attribute) {
        const struct rtnexthop *hop = mnl_attr_get_payload(attribute);
        int left = mnl_attr_get_payload_len(attribute);

        for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
                const struct nlattr *inner = (const struct nlattr *) RTNH_DATA(hop);
                int rest = hop->rtnh_len - (int) sizeof *hop;

                message->has_gateway = false;
                message->hop.index = (unsigned) hop->rtnh_ifindex;
                for (; mnl_attr_ok(inner, rest);
                     rest -= MNL_ALIGN(inner->nla_len), inner = mnl_attr_next(inner))
                        if (mnl_attr_get_type(inner) == RTA_GATEWAY)
                                take_gateway(message, inner);
                if (message->has_gateway)
                        take_hop(message);
        }
        message->has_gateway = false;
}

static int take_route_attribute(const struct nlattr *attribute, void *userdata) {
        const struct nlattr **attributes = userdata;

        if (mnl_attr_get_type(attribute) <= RTA_MAX)
                attributes[mnl_attr_get_type(attribute)] = attribute;
        return MNL_CB_OK;
}

static uint32_t number(const struct nlattr *attribute, uint32_t otherwise) {
        return attribute && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0 ? mnl_attr_get_u32(attribute)
                                                                            : otherwise;
}

/* A route that replaces another has its table and metric. */
static void drop_replaced(RouteMessage *message) {
        GArray *routes = message->tables->routes;

        for (guint i = routes->len; i-- > 0;) {
                const NetRoute *route = &g_array_index(routes, NetRoute, i);

                if (route->family == message->hop.family && route->table == message->hop.table &&
                    route->metric == message->hop.metric) {
                        g_array_remove_index(routes, i);
                        message->changed = true;
                }
        }
}

static bool is_default_route(const struct rtmsg *info) {
        return (info->rtm_family == AF_INET || info->rtm_family == AF_INET6) && info->rtm_dst_len == 0 &&
               info->rtm_type == RTN_UNICAST && !(info->rtm_flags & RTM_F_CLONED);
}

static bool take_route(NetTables *tables, const struct nlmsghdr *header) {
        const struct rtmsg *info = mnl_nlmsg_get_payload(header);
        const struct nlattr *attributes[RTA_MAX + 1] = { 0 };
        RouteMessage message = { .tables = tables, .remove = header->nlmsg_type == RTM_DELROUTE };

        if (mnl_nlmsg_get_payload_len(header) < sizeof *info || !is_default_route(info))
                return false;
        (void) mnl_attr_parse(header, sizeof *info, take_route_attribute, attributes);

        memset(&message.hop, 0, sizeof message.hop);
        message.hop.family = info->rtm_family;
        message.hop.table = number(attributes[RTA_TABLE], info->rtm_table);
        message.hop.metric = number(attributes[RTA_PRIORITY], 0);
        message.hop.index = number(attributes[RTA_OIF], 0);
        if (attributes[RTA_PREFSRC] && mnl_attr_get_payload_len(attributes[RTA_PREFSRC]) <= 16)
                memcpy(message.hop.source, mnl_attr_get_payload(attributes[RTA_PREFSRC]),
                       mnl_attr_get_payload_len(attributes[RTA_PREFSRC]));

        if (!message.remove && (header->nlmsg_flags & NLM_F_REPLACE))
                drop_replaced(&message);
        if (attributes[RTA_GATEWAY])
                take_gateway(&message, attributes[RTA_GATEWAY]);
        if (message.has_gateway)
                take_hop(&message);
        if (attributes[RTA_MULTIPATH])
                take_multipath(&message, attributes[RTA_MULTIPATH]);
        return message.changed;
}

/* --- the door --- */

bool net_tables_take(NetTables *tables, const struct nlmsghdr *header, const char *sysfs) {
        switch (header->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
                return take_link(tables, header, sysfs);
        case RTM_NEWADDR:
        case RTM_DELADDR:
                return take_address(tables, header);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
                return take_route(tables, header);
        }
        return false;
}

const NetLink *net_tables_find(const NetTables *tables, unsigned index) {
        guint position;

        return find_link(tables, index, &position);
}

static bool has_mac(const NetLink *link, const uint8_t mac[6]) {
        return link->has_mac && (memcmp(link->mac, mac, 6) == 0 || memcmp(link->permanent, mac, 6) == 0);
}

static bool is_virtual_function(const NetTables *tables, const NetLink *link, const uint8_t mac[6]) {
        const NetLink *master = link->master ? net_tables_find(tables, link->master) : NULL;

        return master && has_mac(master, mac) && master->guid[0] != '\0';
}

const NetLink *net_tables_find_mac(const NetTables *tables, const uint8_t mac[6]) {
        const NetLink *found = NULL;

        for (guint i = 0; i < tables->links->len; i++) {
                const NetLink *link = &g_array_index(tables->links, NetLink, i);

                if (!has_mac(link, mac) || is_virtual_function(tables, link, mac))
                        continue;
                if (link->guid[0] != '\0')
                        return link;
                if (!found)
                        found = link;
        }
        return found;
}

const NetLink *net_tables_find_guid(const NetTables *tables, const char *guid) {
        for (guint i = 0; i < tables->links->len; i++) {
                const NetLink *link = &g_array_index(tables->links, NetLink, i);

                if (link->guid[0] != '\0' && strcmp(link->guid, guid) == 0)
                        return link;
        }
        return NULL;
}

bool net_address_is_usable(const NetAddress *address) {
        return !(address->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) && address->scope != RT_SCOPE_HOST;
}

bool net_address_is_link_local(const NetAddress *address) {
        return address->family == AF_INET6 && address->scope == RT_SCOPE_LINK;
}
