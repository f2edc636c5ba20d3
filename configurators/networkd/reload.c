/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "configurators/networkd/reload.h"

#define NETWORKD_NAME "org.freedesktop.network1"

int networkd_reload(sd_bus *bus, sd_bus_slot **slot, sd_bus_message_handler_t handler, void *userdata) {
        return sd_bus_call_method_async(bus, slot, NETWORKD_NAME, "/org/freedesktop/network1",
                                        NETWORKD_NAME ".Manager", "Reload", handler, userdata, NULL);
}

int networkd_ask_presence(sd_bus *bus, sd_bus_slot **slot, sd_bus_message_handler_t handler, void *userdata) {
        return sd_bus_call_method_async(bus, slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "NameHasOwner", handler, userdata, "s",
                                        NETWORKD_NAME);
}
