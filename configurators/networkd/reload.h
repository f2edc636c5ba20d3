/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two things that are asked of others on the bus. */

#include <systemd/sd-bus.h>

#include "common/cleanup.h"

G_BEGIN_DECLS

/* Has networkd read its files again; 252 applies what changed by itself. */
int networkd_reload(sd_bus *bus, sd_bus_slot **slot, sd_bus_message_handler_t handler, void *userdata);
/* NameHasOwner: is networkd there? The reply is a boolean. */
int networkd_ask_presence(sd_bus *bus, sd_bus_slot **slot, sd_bus_message_handler_t handler, void *userdata);

G_END_DECLS
