/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/properties.h"

static int read_property(sd_bus_message *m, PropertyTake take, void *userdata) {
        const char *name, *signature;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = sd_bus_message_peek_type(m, NULL, &signature);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'v', signature);
        if (r < 0)
                return r;
        r = take(m, name, signature, userdata);
        if (r == 0)
                r = sd_bus_message_skip(m, signature);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int bus_properties_read(sd_bus_message *m, PropertyTake take, void *userdata) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_property(m, take, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}
