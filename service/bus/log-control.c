/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <systemd/sd-bus.h>

#include "common/log.h"
#include "common/names.h"
#include "service/bus/authorize.h"
#include "service/bus/errors.h"
#include "service/bus/tree.h"

#define SYSLOG_IDENTIFIER "hvutilsd"

/*
 * A property's setter cannot ask polkit and be called again: when it returns, sd-bus has answered. So a gate
 * sees the call first, checks and authorizes it, and lets it through to the setter, which finds the same
 * verdict once more: nobody comes to a setter past the gate.
 */

static int check_level(const char *word, sd_bus_error *error) {
        if (log_level_from_string(word) < 0)
                return bus_error_invalid(
                        error, "A log level is emerg, alert, crit, err, warning, notice, info or debug.");
        return 0;
}

static int check_target(const char *word, sd_bus_error *error) {
        if (log_target_from_string(word) < 0)
                return bus_error_invalid(error, "A log target is auto, journal or stderr.");
        return 0;
}

static const struct {
        const char *property;
        int (*check)(const char *word, sd_bus_error *error);
} writable[] = {
        { "LogLevel", check_level },
        { "LogTarget", check_target },
};

static int authorize_property(Bus *bus, sd_bus_message *m, const char *property, sd_bus_error *error) {
        return bus_authorize(bus, m, LOG_CONTROL_INTERFACE, property, &(AuthorizeTarget){}, error);
}

static int gate_property(Bus *bus, sd_bus_message *m, size_t i, sd_bus_error *error) {
        const char *word;
        int r;

        r = sd_bus_message_read(m, "v", "s", &word);
        if (r < 0)
                return bus_error_invalid(error, "The value must be a string.");
        r = writable[i].check(word, error);
        if (r < 0)
                return r;
        r = authorize_property(bus, m, writable[i].property, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_rewind(m, true);
        return r < 0 ? r : 0; /* 0: on to the vtable */
}

int log_control_gate(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *interface, *property;
        int r;

        if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Set"))
                return 0;
        r = sd_bus_message_read(m, "ss", &interface, &property);
        if (r < 0)
                return r;
        if (strcmp(interface, LOG_CONTROL_INTERFACE) == 0)
                for (size_t i = 0; i < G_N_ELEMENTS(writable); i++)
                        if (strcmp(property, writable[i].property) == 0)
                                return gate_property(userdata, m, i, error);
        r = sd_bus_message_rewind(m, true);
        return r < 0 ? r : 0;
}

static int property_get_level(sd_bus *connection, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", log_level_to_string(log_get_max_level()));
}

static int property_set_level(sd_bus *connection, const char *path, const char *interface,
                              const char *property, sd_bus_message *value, void *userdata,
                              sd_bus_error *error) {
        const char *word;
        int r;

        r = authorize_property(userdata, value, property, error);
        if (r <= 0)
                return r < 0 ? r : -EACCES;
        r = sd_bus_message_read(value, "s", &word);
        if (r < 0)
                return r;
        r = check_level(word, error);
        if (r < 0)
                return r;
        log_set_max_level(log_level_from_string(word));
        return 0;
}

static int property_get_target(sd_bus *connection, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", log_target_name());
}

static int property_set_target(sd_bus *connection, const char *path, const char *interface,
                               const char *property, sd_bus_message *value, void *userdata,
                               sd_bus_error *error) {
        const char *word;
        int r;

        r = authorize_property(userdata, value, property, error);
        if (r <= 0)
                return r < 0 ? r : -EACCES;
        r = sd_bus_message_read(value, "s", &word);
        if (r < 0)
                return r;
        r = check_target(word, error);
        if (r < 0)
                return r;
        r = log_set_target(log_target_from_string(word));
        return r < 0 ? bus_error_errno(error, r, "The log target cannot be used") : 0;
}

static int property_get_identifier(sd_bus *connection, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", SYSLOG_IDENTIFIER);
}

const sd_bus_vtable log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", property_get_level, property_set_level, 0,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", property_get_target, property_set_target, 0,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", property_get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
