/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text of 05-hyperv-MAC.network. networkd applies one file to a link, the first that matches, and an empty Address= in a
 * drop-in takes nothing back: so it is a whole file that sorts first, made of the one in use with other addresses in it. What is
 * not about the addresses of a family that the settings speak about stays word for word.
 */

#include "configurators/address-settings.h"

G_BEGIN_DECLS

/* base: the file in use and its drop-ins, one after the other; match: the lines of [Match]. g_free. */
char *network_file_text(const char *base, const char *match, const AddressSettings *settings);

/* Does the text say DHCP for IPv4? */
bool network_file_has_dhcp4(const char *text);

G_END_DECLS
