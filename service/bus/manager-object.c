/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <systemd/sd-bus.h>

#include "common/log.h"
#include "common/names.h"
#include "service/bus/authorize.h"
#include "service/bus/bus-private.h"
#include "service/bus/errors.h"
#include "service/bus/tree.h"

static int property_get_version(sd_bus *connection, const char *path, const char *interface,
                                const char *property, sd_bus_message *reply, void *userdata,
                                sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", HVUTILS_VERSION);
}

static int append_channel(sd_bus_message *reply, const Channel *channel) {
        return sd_bus_message_append(
                reply, "(ssss)", channel_get_name(channel), channel_get_transport(channel),
                channel_state_to_string(channel_get_state(channel)), channel_get_version(channel));
}

/* As the sibling told it; nothing while it is not there. */
static int append_sibling_channel(sd_bus_message *reply, const SiblingFacts *facts) {
        SiblingChannel channel = sibling_facts_get_channel(facts);

        if (!channel.name)
                return 0;
        return sd_bus_message_append(reply, "(ssss)", channel.name, channel.transport, channel.state,
                                     channel.version);
}

static int property_get_channels(sd_bus *connection, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error) {
        const Bus *bus = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        if (r < 0)
                return r;
        r = append_channel(reply, kvp_get_channel(bus->setup.kvp));
        if (r >= 0 && bus->setup.snapshots)
                r = append_sibling_channel(reply, snapshots_get_facts(bus->setup.snapshots));
        if (r >= 0 && bus->setup.transfers)
                r = append_sibling_channel(reply, transfers_get_facts(bus->setup.transfers));
        if (r < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

static void append_statistic(const char *name, uint64_t value, void *userdata) {
        (void) sd_bus_message_append(userdata, "{st}", name, value);
}

static int property_get_statistics(sd_bus *connection, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error) {
        const Bus *bus = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{st}");
        if (r < 0)
                return r;
        kvp_visit_statistics(bus->setup.kvp, append_statistic, reply);
        if (bus->setup.snapshots)
                sibling_facts_visit_counters(snapshots_get_facts(bus->setup.snapshots), append_statistic,
                                             reply);
        if (bus->setup.transfers)
                sibling_facts_visit_counters(transfers_get_facts(bus->setup.transfers), append_statistic,
                                             reply);
        append_statistic("bus.connections", bus->connections, reply);
        append_statistic("bus.denied", question_registry_denied(bus->questions), reply);
        append_statistic("log.dropped", log_dropped(), reply);
        return sd_bus_message_close_container(reply);
}

static int method_reload_configuration(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        int r;

        r = bus_authorize(bus, m, HVUTILS_INTERFACE_MANAGER, "ReloadConfiguration", &(AuthorizeTarget){},
                          error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = bus->setup.reload ? bus->setup.reload(bus->setup.userdata) : -EOPNOTSUPP;
        if (r < 0)
                return bus_error_errno(error, r,
                                       "The configuration could not be read, the earlier one stays");
        return sd_bus_reply_method_return(m, NULL);
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", property_get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Channels", "a(ssss)", property_get_channels, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Statistics", "a{st}", property_get_statistics, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("ReloadConfiguration", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
                                method_reload_configuration, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
