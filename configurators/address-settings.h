/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What Apply asks for, as a checked value: the a{sv} of dbus/org.hyperv.Utils.Configurator.xml. Each configurator reads the
 * message with the D-Bus library of its own and fills the value through the functions below.
 */

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct HostAddress {
        int family; /* AF_INET or AF_INET6 */
        union {
                struct in_addr in;
                struct in6_addr in6;
        };
        uint8_t prefix; /* addresses only */
} HostAddress;

#define FAMILY_IPV4 1u
#define FAMILY_IPV6 2u

typedef struct AddressSettings {
        bool dhcp4;
        unsigned families; /* FAMILY_*; the other one is left alone */
        GArray *addresses; /* HostAddress, the host's order */
        GArray *gateways;
        GArray *dns;
} AddressSettings;

AddressSettings *address_settings_new(void);
AddressSettings *address_settings_free(AddressSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AddressSettings, address_settings_free)

/* -EINVAL: not an address, or a prefix that no address of the family has. */
int address_settings_add_address(AddressSettings *settings, const char *text, unsigned prefix);
int address_settings_add_gateway(AddressSettings *settings, const char *text);
int address_settings_add_dns(AddressSettings *settings, const char *text);

/* What the host can get wrong although every word of it is right. Returns a sentence (g_free) or NULL. */
char *address_settings_complaint(const AddressSettings *settings);

/* Will this family (AF_INET, AF_INET6) be configured? */
bool address_settings_speak_about(const AddressSettings *settings, int family);

int host_address_parse(const char *text, HostAddress *ret);
bool host_address_equal(const HostAddress *a, const HostAddress *b); /* prefix included */
bool host_address_is_on_link(const HostAddress *neighbour, const HostAddress *address);
bool host_address_is_link_local(const HostAddress *address);
const char *host_address_text(const HostAddress *address,
                              char buffer[INET6_ADDRSTRLEN]); /* without the prefix */

G_END_DECLS
