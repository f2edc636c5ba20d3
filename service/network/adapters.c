/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rtnetlink(7): one socket, joined to the groups of links and addresses before the first dump, so that
 * nothing falls between the dump and the news. The kernel fills a dump while it is asked for and read, it
 * never makes a reader wait. When we were too slow for the news (ENOBUFS) or a dump was interrupted
 * (NLM_F_DUMP_INTR) everything is dumped again; until that is done the old lists are shown.
 *
 * Order of what is reported: addresses the world can use before link-local ones of IPv6, then primary
 * interfaces, then those on the VMBus (IFLA_PARENT_DEV_BUS_NAME, Linux 5.14), then the others, by index. The
 * host shows only the first few.
 */

#include "service/network/adapters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

#define BUFFER_SIZE (32 * 1024)

enum { RANK_PRIMARY, RANK_VMBUS, RANK_OTHER, RANK_HIDDEN };

typedef struct Link {
        unsigned index;
        unsigned flags;
        bool vmbus;
        char name[IFNAMSIZ];
} Link;

typedef struct Address {
        unsigned index;
        uint32_t flags;
        uint8_t family, scope;
        uint8_t bytes[16];
} Address;

typedef enum Phase { PHASE_FOLLOW, PHASE_LINKS, PHASE_ADDRESSES } Phase;

struct Adapters {
        struct mnl_socket *socket;
        sd_event_source *watch;
        char **exclude, **primary;
        void (*changed)(void *userdata);
        void *userdata;

        GArray *links;     /* Link */
        GArray *addresses; /* Address */
        Phase phase;
        unsigned sequence;
        bool interrupted;

        GString *lists[2]; /* IPv4, IPv6: what is shown */
        GString *cut;
        uint8_t *buffer;
};

/* --- what is shown --- */

static bool matches_any(const char *name, char *const *globs) {
        for (char *const *glob = globs; glob && *glob; glob++)
                if (fnmatch(*glob, name, 0) == 0)
                        return true;
        return false;
}

static const Link *find_link(const Adapters *adapters, unsigned index) {
        for (guint i = 0; i < adapters->links->len; i++) {
                const Link *link = &g_array_index(adapters->links, Link, i);

                if (link->index == index)
                        return link;
        }
        return NULL;
}

static int link_rank(const Adapters *adapters, const Link *link) {
        if (!link || !(link->flags & IFF_UP) || (link->flags & IFF_LOOPBACK))
                return RANK_HIDDEN;
        if (matches_any(link->name, adapters->primary))
                return RANK_PRIMARY;
        if (matches_any(link->name, adapters->exclude))
                return RANK_HIDDEN;
        return link->vmbus ? RANK_VMBUS : RANK_OTHER;
}

/* Nobody can reach a tentative address; the kernel sends news when it becomes a real one. */
static bool is_usable(const Address *address) {
        return !(address->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) && address->scope != RT_SCOPE_HOST;
}

static bool is_link_local(const Address *address) {
        return address->family == AF_INET6 && address->scope == RT_SCOPE_LINK;
}

typedef struct Shown {
        const Address *address;
        int rank;
        guint arrival;
} Shown;

static int compare_shown(const void *left, const void *right) {
        const Shown *a = left, *b = right;
        int r;

        r = is_link_local(a->address) - is_link_local(b->address);
        if (r == 0)
                r = a->rank - b->rank;
        if (r == 0)
                r = (a->address->index > b->address->index) - (a->address->index < b->address->index);
        if (r == 0)
                r = (a->arrival > b->arrival) - (a->arrival < b->arrival);
        return r;
}

static GArray *collect_shown(const Adapters *adapters, int family) {
        GArray *shown = g_array_new(FALSE, FALSE, sizeof(Shown));

        for (guint i = 0; i < adapters->addresses->len; i++) {
                const Address *address = &g_array_index(adapters->addresses, Address, i);
                Shown entry = { .address = address, .arrival = i };

                if (address->family != family || !is_usable(address))
                        continue;
                entry.rank = link_rank(adapters, find_link(adapters, address->index));
                if (entry.rank != RANK_HIDDEN)
                        g_array_append_val(shown, entry);
        }
        g_array_sort(shown, compare_shown);
        return shown;
}

static char *format_list(const Adapters *adapters, int family) {
        g_autoptr(GArray) shown = collect_shown(adapters, family);
        GString *list = g_string_new(NULL);
        char text[INET6_ADDRSTRLEN];

        for (guint i = 0; i < shown->len; i++) {
                const Address *address = g_array_index(shown, Shown, i).address;

                if (list->len > 0)
                        g_string_append_c(list, ';');
                g_string_append(list, inet_ntop(family, address->bytes, text, sizeof text));
        }
        return g_string_free(list, FALSE);
}

static bool refresh_list(const Adapters *adapters, int family, GString *list) {
        g_autofree char *text = format_list(adapters, family);

        if (strcmp(list->str, text) == 0)
                return false;
        g_string_assign(list, text);
        return true;
}

static void refresh(Adapters *adapters) {
        bool changed;

        changed = refresh_list(adapters, AF_INET, adapters->lists[0]);
        changed |= refresh_list(adapters, AF_INET6, adapters->lists[1]);
        if (changed && adapters->changed)
                adapters->changed(adapters->userdata);
}

/* --- messages --- */

static void remove_link(Adapters *adapters, unsigned index) {
        for (guint i = adapters->links->len; i-- > 0;)
                if (g_array_index(adapters->links, Link, i).index == index)
                        g_array_remove_index(adapters->links, i);
}

static int take_link_attribute(const struct nlattr *attribute, void *userdata) {
        Link *link = userdata;

        if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
                g_strlcpy(link->name, mnl_attr_get_str(attribute), sizeof link->name);
        if (mnl_attr_get_type(attribute) == IFLA_PARENT_DEV_BUS_NAME &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
                link->vmbus = strcmp(mnl_attr_get_str(attribute), "vmbus") == 0;
        return MNL_CB_OK;
}

static void take_link(Adapters *adapters, const struct nlmsghdr *header) {
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
        Link link = { 0 };

        if (mnl_nlmsg_get_payload_len(header) < sizeof *info || info->ifi_family != AF_UNSPEC)
                return;
        link.index = (unsigned)info->ifi_index;
        link.flags = info->ifi_flags;
        remove_link(adapters, link.index);
        if (header->nlmsg_type == RTM_DELLINK)
                return;
        (void)mnl_attr_parse(header, sizeof *info, take_link_attribute, &link);
        g_array_append_val(adapters->links, link);
}

/* IFA_LOCAL is our end of a point-to-point link, where IFA_ADDRESS is the other. */
static int take_address_attribute(const struct nlattr *attribute, void *userdata) {
        Address *address = userdata;
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

static bool same_address(const Address *a, const Address *b) {
        return a->index == b->index && a->family == b->family &&
               memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static Address *find_address(const Adapters *adapters, const Address *wanted, guint *ret_position) {
        for (guint i = 0; i < adapters->addresses->len; i++) {
                Address *address = &g_array_index(adapters->addresses, Address, i);

                if (same_address(address, wanted)) {
                        *ret_position = i;
                        return address;
                }
        }
        return NULL;
}

static void take_address(Adapters *adapters, const struct nlmsghdr *header) {
        const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
        Address address = { 0 }, *known;
        guint position = 0;

        if (mnl_nlmsg_get_payload_len(header) < sizeof *info ||
            (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
                return;
        address.index = info->ifa_index;
        address.family = info->ifa_family;
        address.scope = info->ifa_scope;
        address.flags = info->ifa_flags;
        (void)mnl_attr_parse(header, sizeof *info, take_address_attribute, &address);

        known = find_address(adapters, &address, &position);
        if (header->nlmsg_type == RTM_DELADDR && known)
                g_array_remove_index(adapters->addresses, position);
        else if (header->nlmsg_type == RTM_NEWADDR && known)
                *known = address;
        else if (header->nlmsg_type == RTM_NEWADDR)
                g_array_append_val(adapters->addresses, address);
}

/* --- the socket --- */

static int ask(Adapters *adapters, uint16_t type, Phase phase) {
        uint8_t bytes[MNL_NLMSG_HDRLEN + sizeof(struct ifinfomsg)] = { 0 };
        struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
        struct rtgenmsg *body = mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));

        header->nlmsg_type = type;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        header->nlmsg_seq = ++adapters->sequence;
        body->rtgen_family = AF_UNSPEC;
        adapters->phase = phase;
        return mnl_socket_sendto(adapters->socket, header, header->nlmsg_len) < 0 ? -errno : 0;
}

static int dump(Adapters *adapters) {
        g_array_set_size(adapters->links, 0);
        g_array_set_size(adapters->addresses, 0);
        adapters->interrupted = false;
        return ask(adapters, RTM_GETLINK, PHASE_LINKS);
}

static void dump_finished(Adapters *adapters) {
        if (adapters->interrupted)
                (void)dump(adapters);
        else if (adapters->phase == PHASE_LINKS)
                (void)ask(adapters, RTM_GETADDR, PHASE_ADDRESSES);
        else
                adapters->phase = PHASE_FOLLOW;
}

static void take_message(Adapters *adapters, const struct nlmsghdr *header) {
        if (header->nlmsg_flags & NLM_F_DUMP_INTR)
                adapters->interrupted = true;

        switch (header->nlmsg_type) {
        case NLMSG_DONE:
        case NLMSG_ERROR:
                if (header->nlmsg_seq == adapters->sequence && adapters->phase != PHASE_FOLLOW)
                        dump_finished(adapters);
                return;
        case RTM_NEWLINK:
        case RTM_DELLINK:
                take_link(adapters, header);
                return;
        case RTM_NEWADDR:
        case RTM_DELADDR:
                take_address(adapters, header);
                return;
        }
}

/* Everything that is there. Only the kernel speaks here: mnl_socket_recvfrom() refuses other senders. */
static void drain(Adapters *adapters) {
        for (;;) {
                ssize_t n = mnl_socket_recvfrom(adapters->socket, adapters->buffer, BUFFER_SIZE);
                const struct nlmsghdr *header = (const struct nlmsghdr *)adapters->buffer;
                int left = (int)n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == ENOBUFS && dump(adapters) >= 0)
                        continue;
                if (n <= 0)
                        return;
                for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
                        take_message(adapters, header);
        }
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Adapters *adapters = userdata;

        drain(adapters);
        if (adapters->phase == PHASE_FOLLOW)
                refresh(adapters);
        return 0;
}

static int open_socket(Adapters *adapters, sd_event *event) {
        adapters->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (!adapters->socket)
                return -errno;
        if (mnl_socket_bind(adapters->socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
                            MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        return sd_event_add_io(event, &adapters->watch, mnl_socket_get_fd(adapters->socket), EPOLLIN,
                               on_readable, adapters);
}

static Adapters *allocate(char *const *exclude, char *const *primary) {
        Adapters *adapters = g_new0(Adapters, 1);

        adapters->exclude = g_strdupv((char **)exclude);
        adapters->primary = g_strdupv((char **)primary);
        adapters->links = g_array_new(FALSE, FALSE, sizeof(Link));
        adapters->addresses = g_array_new(FALSE, FALSE, sizeof(Address));
        adapters->lists[0] = g_string_new(NULL);
        adapters->lists[1] = g_string_new(NULL);
        adapters->cut = g_string_new(NULL);
        adapters->buffer = g_malloc(BUFFER_SIZE);
        return adapters;
}

int adapters_new(sd_event *event, char *const *exclude, char *const *primary, void (*changed)(void *userdata),
                 void *userdata, Adapters **ret) {
        g_autoptr(Adapters) adapters = allocate(exclude, primary);
        int r;

        r = open_socket(adapters, event);
        if (r < 0)
                return r;
        r = dump(adapters);
        if (r < 0)
                return r;
        drain(adapters);
        refresh(adapters);

        adapters->changed = changed;
        adapters->userdata = userdata;
        *ret = g_steal_pointer(&adapters);
        return 0;
}

Adapters *adapters_free(Adapters *adapters) {
        if (!adapters)
                return NULL;

        sd_event_source_disable_unref(adapters->watch);
        if (adapters->socket)
                (void)mnl_socket_close(adapters->socket);
        g_strfreev(adapters->exclude);
        g_strfreev(adapters->primary);
        g_array_unref(adapters->links);
        g_array_unref(adapters->addresses);
        g_string_free(adapters->lists[0], TRUE);
        g_string_free(adapters->lists[1], TRUE);
        g_string_free(adapters->cut, TRUE);
        g_free(adapters->buffer);
        g_free(adapters);
        return NULL;
}

void adapters_set_filters(Adapters *adapters, char *const *exclude, char *const *primary) {
        g_strfreev(adapters->exclude);
        g_strfreev(adapters->primary);
        adapters->exclude = g_strdupv((char **)exclude);
        adapters->primary = g_strdupv((char **)primary);
        if (adapters->phase == PHASE_FOLLOW)
                refresh(adapters);
}

const char *adapters_list_addresses(Adapters *adapters, int family, size_t max) {
        const GString *list = adapters->lists[family == AF_INET6];
        size_t length = list->len;

        if (length <= max)
                return list->str;
        for (length = max; length > 0 && list->str[length] != ';'; length--)
                ;
        g_string_truncate(adapters->cut, 0);
        g_string_append_len(adapters->cut, list->str, (gssize)length);
        return adapters->cut->str;
}
