/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading a{sv} of others: what is not known, or has another type than expected, is passed over. */

#include <glib.h>
#include <systemd/sd-bus.h>

G_BEGIN_DECLS

/* Called inside the variant with its signature; returns 1 if it read the value, 0 if it left it alone. */
typedef int (*PropertyTake)(sd_bus_message *m, const char *name, const char *signature, void *userdata);
int bus_properties_read(sd_bus_message *m, PropertyTake take, void *userdata);

G_END_DECLS
