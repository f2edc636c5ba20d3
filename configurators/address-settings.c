/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "configurators/address-settings.h"

AddressSettings *address_settings_new(void) {
        AddressSettings *settings = g_new0(AddressSettings, 1);

        settings->addresses = g_array_new(false, false, sizeof(HostAddress));
        settings->gateways = g_array_new(false, false, sizeof(HostAddress));
        settings->dns = g_array_new(false, false, sizeof(HostAddress));
        return settings;
}

AddressSettings *address_settings_free(AddressSettings *settings) {
        if (!settings)
                return NULL;
        g_array_unref(settings->addresses);
        g_array_unref(settings->gateways);
        g_array_unref(settings->dns);
        g_free(settings);
        return NULL;
}

/* --- one address --- */

static unsigned bits_of(int family) {
        return family == AF_INET ? 32 : 128;
}

static const uint8_t *bytes_of(const HostAddress *address) {
        return address->family == AF_INET ? (const uint8_t *) &address->in : address->in6.s6_addr;
}

int host_address_parse(const char *text, HostAddress *ret) {
        HostAddress address = { .family = AF_INET };

        if (inet_pton(AF_INET, text, &address.in) != 1) {
                address.family = AF_INET6;
                if (inet_pton(AF_INET6, text, &address.in6) != 1)
                        return -EINVAL;
        }
        address.prefix = (uint8_t) bits_of(address.family);
        *ret = address;
        return 0;
}

static bool same_bits(const HostAddress *a, const HostAddress *b, unsigned n) {
        const uint8_t *x = bytes_of(a), *y = bytes_of(b);
        uint8_t mask = (uint8_t) (0xff00u >> (n % 8));

        if (a->family != b->family || memcmp(x, y, n / 8) != 0)
                return false;
        return n % 8 == 0 || ((x[n / 8] ^ y[n / 8]) & mask) == 0;
}

bool host_address_equal(const HostAddress *a, const HostAddress *b) {
        return a->prefix == b->prefix && same_bits(a, b, bits_of(a->family));
}

bool host_address_is_on_link(const HostAddress *neighbour, const HostAddress *address) {
        return same_bits(neighbour, address, address->prefix);
}

bool host_address_is_link_local(const HostAddress *address) {
        if (address->family == AF_INET6)
                return IN6_IS_ADDR_LINKLOCAL(&address->in6);
        return (ntohl(address->in.s_addr) & 0xffff0000u) == 0xa9fe0000u;
}

const char *host_address_text(const HostAddress *address, char buffer[INET6_ADDRSTRLEN]) {
        return inet_ntop(address->family, bytes_of(address), buffer, INET6_ADDRSTRLEN);
}

/* --- the settings --- */

int address_settings_add_address(AddressSettings *settings, const char *text, unsigned prefix) {
        HostAddress address;

        if (host_address_parse(text, &address) < 0 || prefix == 0 || prefix > bits_of(address.family))
                return -EINVAL;
        address.prefix = (uint8_t) prefix;
        g_array_append_val(settings->addresses, address);
        return 0;
}

static int add_plain(GArray *list, const char *text) {
        HostAddress address;
        int r = host_address_parse(text, &address);

        if (r >= 0)
                g_array_append_val(list, address);
        return r;
}

int address_settings_add_gateway(AddressSettings *settings, const char *text) {
        return add_plain(settings->gateways, text);
}

int address_settings_add_dns(AddressSettings *settings, const char *text) {
        return add_plain(settings->dns, text);
}

static bool has_address(const AddressSettings *settings, int family) {
        for (unsigned i = 0; i < settings->addresses->len; i++)
                if (g_array_index(settings->addresses, HostAddress, i).family == family)
                        return true;
        return false;
}

bool address_settings_speak_about(const AddressSettings *settings, int family) {
        unsigned bit = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;

        return (settings->families & bit) &&
               ((family == AF_INET && settings->dhcp4) || has_address(settings, family));
}

static bool is_reachable(const AddressSettings *settings, const HostAddress *gateway) {
        if (gateway->family == AF_INET && settings->dhcp4)
                return true;
        if (host_address_is_link_local(gateway))
                return true;
        for (unsigned i = 0; i < settings->addresses->len; i++)
                if (host_address_is_on_link(gateway, &g_array_index(settings->addresses, HostAddress, i)))
                        return true;
        return false;
}

char *address_settings_complaint(const AddressSettings *settings) {
        char text[INET6_ADDRSTRLEN];

        if (!address_settings_speak_about(settings, AF_INET) &&
            !address_settings_speak_about(settings, AF_INET6))
                return g_strdup("There is neither an address nor DHCP in the settings.");
        for (unsigned i = 0; i < settings->gateways->len; i++) {
                const HostAddress *gateway = &g_array_index(settings->gateways, HostAddress, i);
                if (address_settings_speak_about(settings, gateway->family) &&
                    !is_reachable(settings, gateway))
                        return g_strdup_printf("The gateway %s is not on the link of any address.",
                                               host_address_text(gateway, text));
        }
        return NULL;
}
