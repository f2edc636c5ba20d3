/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "configurators/kernel-addresses.h"

/* --- reading --- */

typedef struct Dump {
        int ifindex;
        GArray *found;
} Dump;

typedef struct Attributes {
        const struct nlattr *local, *address, *flags;
} Attributes;

static int note_attribute(const struct nlattr *attribute, void *userdata) {
        Attributes *attributes = userdata;
        unsigned type = mnl_attr_get_type(attribute);

        if (type == IFA_LOCAL)
                attributes->local = attribute;
        else if (type == IFA_ADDRESS)
                attributes->address = attribute;
        else if (type == IFA_FLAGS)
                attributes->flags = attribute;
        return MNL_CB_OK;
}

static int note_address(const struct nlmsghdr *message, void *userdata) {
        Dump *dump = userdata;
        const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
        Attributes attributes = { 0 };
        KernelAddress found = { .address = { .family = header->ifa_family, .prefix = header->ifa_prefixlen },
                                .flags = header->ifa_flags };

        if (message->nlmsg_type != RTM_NEWADDR || (int) header->ifa_index != dump->ifindex ||
            (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
                return MNL_CB_OK;
        (void) mnl_attr_parse(message, sizeof *header, note_attribute, &attributes);

        /* With a peer, IFA_ADDRESS is the other end; IPv6 without one has no IFA_LOCAL. */
        const struct nlattr *own = attributes.local ?: attributes.address;
        size_t size = header->ifa_family == AF_INET ? sizeof found.address.in : sizeof found.address.in6;
        if (!own || mnl_attr_get_payload_len(own) < size)
                return MNL_CB_OK;
        memcpy(&found.address.in6, mnl_attr_get_payload(own), size);
        if (attributes.flags)
                found.flags = mnl_attr_get_u32(attributes.flags);
        g_array_append_val(dump->found, found);
        return MNL_CB_OK;
}

static int ask_for_dump(struct mnl_socket *socket, unsigned sequence) {
        char buffer[256] = { 0 };
        struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
        struct ifaddrmsg *header;

        request->nlmsg_type = RTM_GETADDR;
        request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        request->nlmsg_seq = sequence;
        header = mnl_nlmsg_put_extra_header(request, sizeof *header);
        header->ifa_family = AF_UNSPEC;
        return mnl_socket_sendto(socket, request, request->nlmsg_len) < 0 ? -errno : 0;
}

static int read_dump(struct mnl_socket *socket, unsigned sequence, Dump *dump) {
        char buffer[32768];
        int more = MNL_CB_OK;

        while (more > MNL_CB_STOP) {
                ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
                if (n < 0)
                        return -errno;
                more = mnl_cb_run(buffer, (size_t) n, sequence, mnl_socket_get_portid(socket), note_address,
                                  dump);
        }
        return more < 0 ? -errno : 0;
}

int kernel_addresses_read(int ifindex, GArray **ret) {
        const unsigned sequence = 1;
        g_autoptr(GArray) found = g_array_new(false, false, sizeof(KernelAddress));
        Dump dump = { ifindex, found };
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        int r;

        if (!socket)
                return -errno;
        r = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
        if (r >= 0)
                r = ask_for_dump(socket, sequence);
        if (r >= 0)
                r = read_dump(socket, sequence, &dump);
        (void) mnl_socket_close(socket);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&found);
        return 0;
}

/* --- watching --- */

int kernel_addresses_watch(void) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK,
                                       .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
        auto_fd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        return g_steal_fd(&fd);
}

/* ENOBUFS (events were lost) is an event like the others: whoever is told reads everything again. */
void kernel_addresses_drain(int fd) {
        char buffer[8192];

        while (recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0 || errno == EINTR || errno == ENOBUFS)
                ;
}

/* --- comparing --- */

static const KernelAddress *find(const GArray *kernel, const HostAddress *address) {
        for (unsigned i = 0; kernel && i < kernel->len; i++) {
                const KernelAddress *found = &g_array_index(kernel, KernelAddress, i);
                if (host_address_equal(&found->address, address))
                        return found;
        }
        return NULL;
}

static bool was_asked(const AddressSettings *settings, const HostAddress *address) {
        if (address->family == AF_INET && settings->dhcp4)
                return false;
        for (unsigned i = 0; i < settings->addresses->len; i++)
                if (host_address_equal(&g_array_index(settings->addresses, HostAddress, i), address))
                        return true;
        return false;
}

static const HostAddress *first_asked(const AddressSettings *settings, int family) {
        for (unsigned i = 0; i < settings->addresses->len; i++) {
                const HostAddress *address = &g_array_index(settings->addresses, HostAddress, i);
                if (address->family == family)
                        return address;
        }
        return NULL;
}

static bool first_is_primary(const AddressSettings *settings, const GArray *kernel, int family) {
        const HostAddress *first = first_asked(settings, family);

        if (!first || (family == AF_INET && settings->dhcp4))
                return true;
        for (unsigned i = 0; i < kernel->len; i++) {
                const HostAddress *address = &g_array_index(kernel, KernelAddress, i).address;
                if (address->family == family && was_asked(settings, address))
                        return host_address_equal(address, first);
        }
        return false;
}

static AddressVerdict compare_asked(const AddressSettings *settings, const GArray *kernel) {
        AddressVerdict verdict = ADDRESSES_AS_ASKED;

        for (unsigned i = 0; i < settings->addresses->len; i++) {
                const HostAddress *address = &g_array_index(settings->addresses, HostAddress, i);
                if (!address_settings_speak_about(settings, address->family) || !was_asked(settings, address))
                        continue;
                const KernelAddress *found = find(kernel, address);
                if (!found)
                        return ADDRESSES_DIFFERENT;
                if (found->flags & IFA_F_DADFAILED)
                        return ADDRESSES_DUPLICATE;
                if (found->flags & IFA_F_TENTATIVE)
                        verdict = ADDRESSES_TENTATIVE;
        }
        return verdict;
}

static bool is_lease(const HostAddress *address, const HostAddress *lease) {
        HostAddress plain = *address;

        if (!lease || address->family != lease->family)
                return false;
        plain.prefix = lease->prefix;
        return host_address_equal(&plain, lease);
}

static bool has_lease(const GArray *kernel, const HostAddress *lease) {
        for (unsigned i = 0; i < kernel->len; i++)
                if (is_lease(&g_array_index(kernel, KernelAddress, i).address, lease))
                        return true;
        return false;
}

/* Addresses of the old configuration that the new one has not. */
static bool has_leftover(const AddressSettings *settings, const GArray *kernel, const GArray *before,
                         const HostAddress *lease) {
        for (unsigned i = 0; i < kernel->len; i++) {
                const HostAddress *address = &g_array_index(kernel, KernelAddress, i).address;
                if (address_settings_speak_about(settings, address->family) && find(before, address) &&
                    !host_address_is_link_local(address) && !was_asked(settings, address) &&
                    !is_lease(address, lease))
                        return true;
        }
        return false;
}

AddressVerdict address_settings_compare(const AddressSettings *settings, const GArray *kernel,
                                        const GArray *before, const HostAddress *lease, bool carrier) {
        bool dhcp = settings->dhcp4 && address_settings_speak_about(settings, AF_INET);
        AddressVerdict verdict = compare_asked(settings, kernel);

        if (verdict == ADDRESSES_DIFFERENT || verdict == ADDRESSES_DUPLICATE)
                return verdict;
        if (dhcp && carrier && !has_lease(kernel, lease))
                return ADDRESSES_DIFFERENT;
        if (has_leftover(settings, kernel, before, dhcp ? lease : NULL) ||
            !first_is_primary(settings, kernel, AF_INET) || !first_is_primary(settings, kernel, AF_INET6))
                return ADDRESSES_DIFFERENT;
        return carrier ? verdict : ADDRESSES_AS_ASKED;
}

static bool all_of_in(const GArray *a, const GArray *b) {
        for (unsigned i = 0; i < a->len; i++) {
                const HostAddress *address = &g_array_index(a, KernelAddress, i).address;
                if (!host_address_is_link_local(address) && !find(b, address))
                        return false;
        }
        return true;
}

bool kernel_addresses_equal(const GArray *a, const GArray *b) {
        return all_of_in(a, b) && all_of_in(b, a);
}
