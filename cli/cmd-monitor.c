/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl monitor: keys, channels, and the service itself, coming and going. It never ends by itself. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/client.h"
#include "cli/kvp-watch.h"
#include "cli/output.h"
#include "cli/service-facts.h"
#include "cli/verbs.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

static const Column monitor_columns[] = {
        { "TIME", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
        { NULL, "time", CELL_NUMBER, COLUMN_JSON_ONLY }, /* microseconds since 1970 */
        { "SOURCE", "source", CELL_TEXT, 0 },            /* kvp, channel, service */
        { "EVENT", "event", CELL_TEXT, 0 }, /* set, removed; a channel's state; appeared, vanished */
        { "POOL", "pool", CELL_TEXT, 0 },
        { "NAME", "name", CELL_TEXT, 0 }, /* key, channel */
        { "VALUE", "value", CELL_TEXT, 0 },
        { "ORIGIN", "origin", CELL_TEXT, 0 },
};

typedef struct Monitor {
        OutputStyle style;
        Client *client;
        KvpWatch *watch;
        GArray *channels; /* ChannelFacts, as last told; NULL before the first */
        bool running;
} Monitor;

static void monitor_done(Monitor *monitor) {
        kvp_watch_free(monitor->watch);
        client_free(monitor->client);
        g_clear_pointer(&monitor->channels, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Monitor, monitor_done)

static void print_event(const Monitor *monitor, const char *source, const char *event, const char *pool,
                        const char *name, const char *value, const char *origin) {
        uint64_t now = now_usec(CLOCK_REALTIME);
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        struct tm tm;
        char clock[32];

        strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&seconds, &tm));
        g_autofree char *stamp =
                g_strdup_printf("%s.%03u", clock, (unsigned) (now % USEC_PER_SEC / USEC_PER_MSEC));
        g_autoptr(Table) table = table_new(monitor_columns, G_N_ELEMENTS(monitor_columns));
        table_add(table, stamp, now, source, event, pool, name, value, origin);
        output_row(&monitor->style, table);
        fflush(stdout);
}

static bool on_kvp_event(const KvpWatchEvent *event, void *userdata) {
        const Monitor *monitor = userdata;
        if (!event->initial)
                print_event(monitor, "kvp", event->value ? "set" : "removed", kvp_pool_to_string(event->pool),
                            event->key, event->value, event->origin);
        return !ferror(stdout);
}

static const ChannelFacts *find_channel(const GArray *channels, const char *name) {
        for (size_t i = 0; channels && i < channels->len; i++) {
                const ChannelFacts *channel = &g_array_index(channels, ChannelFacts, i);
                if (strcmp(channel->name, name) == 0)
                        return channel;
        }
        return NULL;
}

/* Takes the new channels and tells each whose state is another than before. */
static void tell_channels(Monitor *monitor, GArray *channels) {
        for (size_t i = 0; i < channels->len; i++) {
                const ChannelFacts *now = &g_array_index(channels, ChannelFacts, i);
                const ChannelFacts *before = find_channel(monitor->channels, now->name);
                if (!before || strcmp(before->state, now->state) != 0)
                        print_event(monitor, "channel", now->state, NULL, now->name, NULL, NULL);
        }
        g_clear_pointer(&monitor->channels, g_array_unref);
        monitor->channels = channels;
}

static int on_channels(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Monitor *monitor = userdata;
        GArray *channels = channel_facts_new();
        if (!sd_bus_message_get_error(reply) && sd_bus_message_enter_container(reply, 'v', "a(ssss)") >= 0 &&
            channel_facts_read(reply, channels) >= 0)
                tell_channels(monitor, channels);
        else
                g_array_unref(channels);
        return 0;
}

static void ask_for_channels(Monitor *monitor) {
        g_autoptr(sd_bus_message) message = client_message_new(monitor->client, HVUTILS_OBJECT_ROOT,
                                                               "org.freedesktop.DBus.Properties", "Get");
        int r = sd_bus_message_append(message, "ss", HVUTILS_INTERFACE_MANAGER, "Channels");
        g_assert(r >= 0);
        client_call_async(monitor->client, message, NULL, on_channels, monitor);
}

static int on_manager_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        ask_for_channels(userdata);
        return 0;
}

static void tell_service(Monitor *monitor, bool running) {
        monitor->running = running;
        print_event(monitor, "service", running ? "appeared" : "vanished", NULL, NULL, NULL, NULL);
        if (running)
                ask_for_channels(monitor);
        else
                g_clear_pointer(&monitor->channels, g_array_unref);
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *name, *before, *after;
        if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0)
                tell_service(userdata, *after);
        return 0;
}

static int subscribe(Monitor *monitor) {
        int r = sd_bus_add_match(
                monitor->client->bus, NULL,
                "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                "member='NameOwnerChanged',arg0='" HVUTILS_BUS_NAME "'",
                on_owner_changed, monitor);
        if (r < 0)
                return r;
        return sd_bus_add_match(monitor->client->bus, NULL,
                                "type='signal',sender='" HVUTILS_BUS_NAME "',path='" HVUTILS_OBJECT_ROOT "',"
                                "member='PropertiesChanged',arg0='" HVUTILS_INTERFACE_MANAGER "'",
                                on_manager_changed, monitor);
}

/* Unlike watch, monitor may be started before the service. */
static ExitStatus begin(Monitor *monitor, const Options *options, Failure *failure) {
        static const KvpPool pools[] = { KVP_POOL_ID_EXTERNAL, KVP_POOL_ID_GUEST, KVP_POOL_ID_AUTO,
                                         KVP_POOL_ID_AUTO_EXTERNAL, KVP_POOL_ID_AUTO_INTERNAL };
        bool running = false;

        ExitStatus status = client_new(options, &monitor->client, failure);
        if (status)
                return status;
        monitor->client->timeout_usec = USEC_INFINITY;
        int r = subscribe(monitor);
        if (r < 0)
                return client_failure_errno(failure, r);
        status = client_service_is_running(monitor->client, &running, failure);
        if (status)
                return status;
        tell_service(monitor, running);
        return kvp_watch_new(monitor->client, pools, G_N_ELEMENTS(pools), NULL, KVP_WATCH_MAY_BE_ABSENT,
                             on_kvp_event, monitor, &monitor->watch, failure);
}

ExitStatus cmd_monitor(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_auto(Monitor) monitor = { .style = output_style_for_lines(options) };
        uint64_t deadline = USEC_INFINITY;
        if (options->timeout_usec != USEC_INFINITY)
                deadline = now_usec(CLOCK_MONOTONIC) + options->timeout_usec;

        ExitStatus status = begin(&monitor, options, &failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_watch_run(monitor.watch, deadline, &failure);
        if (status == EXIT_STATUS_TIMEOUT && options_given(options, OPTION_TIMEOUT))
                return EXIT_STATUS_OK;
        return status ? complain(status, &failure, "cannot monitor") : EXIT_STATUS_OK;
}
