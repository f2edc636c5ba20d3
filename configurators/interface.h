/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The bridge, bond, team or switch that the interface is a port of (g_free), or NULL. A VRF is none of them: its ports keep
 * their addresses. */
char *interface_master(const char *interface);

/* networkd's word about the link: "configured", "unmanaged", … (g_free), or NULL if it does not know it or never ran. */
char *interface_networkd_state(const char *interface);

G_END_DECLS
