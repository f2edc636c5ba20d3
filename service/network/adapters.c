/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rtnetlink(7): one socket, joined to the groups of links, addresses and routes before the first dump, so that
 * nothing falls between the dump and the news. The kernel fills a dump while it is asked for and read, it
 * never makes a reader wait. When we were too slow for the news (ENOBUFS) or a dump was interrupted
 * (NLM_F_DUMP_INTR) everything is dumped again, into tables of its own; until that is done the old ones are
 * shown.
 *
 * Order of what is reported: addresses the world can use before link-local ones of IPv6, then primary
 * interfaces, then those on the VMBus, then the others, by index. The host shows only the first few.
 */

#include "service/network/adapters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <string.h>

#include "common/cleanup.h"

#define BUFFER_SIZE (32 * 1024)
#define SYSFS       "/sys/class/net"

enum { RANK_PRIMARY, RANK_VMBUS, RANK_OTHER, RANK_HIDDEN };

typedef enum Phase { PHASE_FOLLOW, PHASE_LINKS, PHASE_ADDRESSES, PHASE_ROUTES } Phase;

struct Adapters {
        struct mnl_socket *socket;
        sd_event_source *watch;
        char *sysfs;
        char **exclude, **primary;
        void (*changed)(void *userdata);
        void *userdata;

        NetTables shown, filling; /* the second one while a dump is under way */
        Phase phase;
        unsigned sequence;
        bool interrupted, dirty;

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

bool adapters_is_reported(const Adapters *adapters, const NetLink *link) {
        return matches_any(link->name, adapters->primary) || !matches_any(link->name, adapters->exclude);
}

static int link_rank(const Adapters *adapters, const NetLink *link) {
        if (!link || !(link->flags & IFF_UP) || (link->flags & IFF_LOOPBACK))
                return RANK_HIDDEN;
        if (matches_any(link->name, adapters->primary))
                return RANK_PRIMARY;
        if (matches_any(link->name, adapters->exclude))
                return RANK_HIDDEN;
        return link->vmbus ? RANK_VMBUS : RANK_OTHER;
}

typedef struct Shown {
        const NetAddress *address;
        int rank;
        guint arrival;
} Shown;

static int compare_shown(const void *left, const void *right) {
        const Shown *a = left, *b = right;
        int r;

        r = net_address_is_link_local(a->address) - net_address_is_link_local(b->address);
        if (r == 0)
                r = a->rank - b->rank;
        if (r == 0)
                r = (a->address->index > b->address->index) - (a->address->index < b->address->index);
        if (r == 0)
                r = (a->arrival > b->arrival) - (a->arrival < b->arrival);
        return r;
}

static GArray *collect_shown(const Adapters *adapters, int family) {
        const NetTables *tables = &adapters->shown;
        GArray *shown = g_array_new(FALSE, FALSE, sizeof(Shown));

        for (guint i = 0; i < tables->addresses->len; i++) {
                const NetAddress *address = &g_array_index(tables->addresses, NetAddress, i);
                Shown entry = { .address = address, .arrival = i };

                if (address->family != family || !net_address_is_usable(address))
                        continue;
                entry.rank = link_rank(adapters, net_tables_find(tables, address->index));
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
                const NetAddress *address = g_array_index(shown, Shown, i).address;

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
        bool changed = adapters->dirty;

        adapters->dirty = false;
        changed |= refresh_list(adapters, AF_INET, adapters->lists[0]);
        changed |= refresh_list(adapters, AF_INET6, adapters->lists[1]);
        if (changed && adapters->changed)
                adapters->changed(adapters->userdata);
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
        net_tables_clear(&adapters->filling);
        adapters->interrupted = false;
        return ask(adapters, RTM_GETLINK, PHASE_LINKS);
}

static void show_dumped(Adapters *adapters) {
        NetTables before = adapters->shown;

        adapters->shown = adapters->filling;
        adapters->filling = before;
        net_tables_clear(&adapters->filling);
        adapters->phase = PHASE_FOLLOW;
        adapters->dirty = true;
}

static void dump_finished(Adapters *adapters) {
        if (adapters->interrupted)
                (void) dump(adapters);
        else if (adapters->phase == PHASE_LINKS)
                (void) ask(adapters, RTM_GETADDR, PHASE_ADDRESSES);
        else if (adapters->phase == PHASE_ADDRESSES)
                (void) ask(adapters, RTM_GETROUTE, PHASE_ROUTES);
        else
                show_dumped(adapters);
}

static void take_message(Adapters *adapters, const struct nlmsghdr *header) {
        bool dumping = adapters->phase != PHASE_FOLLOW;

        if (header->nlmsg_flags & NLM_F_DUMP_INTR)
                adapters->interrupted = true;
        if (header->nlmsg_type != NLMSG_DONE && header->nlmsg_type != NLMSG_ERROR)
                adapters->dirty |= net_tables_take(dumping ? &adapters->filling : &adapters->shown, header,
                                                   adapters->sysfs);
        else if (dumping && header->nlmsg_seq == adapters->sequence)
                dump_finished(adapters);
}

/* Everything that is there. Only the kernel speaks here: mnl_socket_recvfrom() refuses other senders. */
static void drain(Adapters *adapters) {
        for (;;) {
                ssize_t n = mnl_socket_recvfrom(adapters->socket, adapters->buffer, BUFFER_SIZE);
                const struct nlmsghdr *header = (const struct nlmsghdr *) adapters->buffer;
                int left = (int) n;

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
        if (mnl_socket_bind(adapters->socket,
                            RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                                    RTMGRP_IPV6_ROUTE,
                            MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        return sd_event_add_io(event, &adapters->watch, mnl_socket_get_fd(adapters->socket), EPOLLIN,
                               on_readable, adapters);
}

static Adapters *allocate(const AdaptersSetup *setup) {
        Adapters *adapters = g_new0(Adapters, 1);

        adapters->sysfs = g_strdup(setup->sysfs ?: SYSFS);
        adapters->exclude = g_strdupv((char **) setup->exclude);
        adapters->primary = g_strdupv((char **) setup->primary);
        net_tables_init(&adapters->shown);
        net_tables_init(&adapters->filling);
        adapters->lists[0] = g_string_new(NULL);
        adapters->lists[1] = g_string_new(NULL);
        adapters->cut = g_string_new(NULL);
        adapters->buffer = g_malloc(BUFFER_SIZE);
        return adapters;
}

int adapters_new(sd_event *event, const AdaptersSetup *setup, Adapters **ret) {
        g_autoptr(Adapters) adapters = allocate(setup);
        int r;

        r = open_socket(adapters, event);
        if (r < 0)
                return r;
        r = dump(adapters);
        if (r < 0)
                return r;
        drain(adapters);
        refresh(adapters);

        adapters->changed = setup->changed;
        adapters->userdata = setup->userdata;
        *ret = g_steal_pointer(&adapters);
        return 0;
}

Adapters *adapters_free(Adapters *adapters) {
        if (!adapters)
                return NULL;

        sd_event_source_disable_unref(adapters->watch);
        if (adapters->socket)
                (void) mnl_socket_close(adapters->socket);
        g_strfreev(adapters->exclude);
        g_strfreev(adapters->primary);
        net_tables_done(&adapters->shown);
        net_tables_done(&adapters->filling);
        g_string_free(adapters->lists[0], TRUE);
        g_string_free(adapters->lists[1], TRUE);
        g_string_free(adapters->cut, TRUE);
        g_free(adapters->buffer);
        g_free(adapters->sysfs);
        g_free(adapters);
        return NULL;
}

void adapters_set_filters(Adapters *adapters, char *const *exclude, char *const *primary) {
        g_strfreev(adapters->exclude);
        g_strfreev(adapters->primary);
        adapters->exclude = g_strdupv((char **) exclude);
        adapters->primary = g_strdupv((char **) primary);
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
        g_string_append_len(adapters->cut, list->str, (gssize) length);
        return adapters->cut->str;
}

const NetTables *adapters_get_tables(const Adapters *adapters) {
        return &adapters->shown;
}
