/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Address settings into a NetworkManager profile and back; nothing here talks to anybody.
 *
 * What is not about addresses (routes, metrics, DHCP options, everything outside the two IP settings) stays as the user wrote it.
 * What was there before the first injection travels in the profile's own user data, so that Revert can put it back on any
 * machine and after any time.
 */

#include <NetworkManager.h>
#include <stdbool.h>

#include "configurators/address-settings.h"

G_BEGIN_DECLS

#define CONNECTION_KEY_ORIGIN      "org.freedesktop.NetworkManager.origin"
#define CONNECTION_ORIGIN          "hvutils"                      /* a profile that we made */
#define CONNECTION_KEY_SKIP        "org.hyperv.utils.skip"        /* the administrator's: hands off */
#define CONNECTION_KEY_BEFORE_IPV4 "org.hyperv.utils.before-ipv4" /* the setting as it was, GVariant text */
#define CONNECTION_KEY_BEFORE_IPV6 "org.hyperv.utils.before-ipv6"

/* A new profile for the interface, marked as ours. */
NMConnection *connection_new_for(const char *interface, const AddressSettings *settings);
/* Makes the connection have these addresses; a family that the settings do not speak about is left alone. */
void connection_set_addresses(NMConnection *connection, const AddressSettings *settings);

/* Notes in the profile what the families were that will be changed, unless an earlier injection did. */
void connection_remember(NMConnection *connection, const AddressSettings *settings);
/* The profile as it was before the first injection, or NULL if it was never changed. */
NMConnection *connection_restored(NMConnection *connection);

bool connection_is_ours(NMConnection *connection);
bool connection_is_opted_out(NMConnection *connection);
bool connection_has_dhcp4(NMConnection *connection);

G_END_DECLS
