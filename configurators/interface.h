/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The bridge, bond, team or switch that the interface is a port of (g_free), or NULL. A VRF is none of them: its ports keep
 * their addresses. */
char *interface_master(const char *interface);

/* networkd's word about the link: "configured", "unmanaged", … (g_free), or NULL if it does not know it or never ran. */
char *interface_networkd_state(const char *interface);
/* Another word of the same file: NETWORK_FILE, NETWORK_FILE_DROPINS, DNS, … */
char *interface_networkd_word(const char *interface, const char *name);
/* The address of its lease (g_free), or NULL. */
char *interface_networkd_lease(const char *interface);

G_END_DECLS
