/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of the bus connection. The bus may be absent, may die and come back any number of times, and
 * nothing here ever waits for it: connect() to a socket that is not there yet is left to sd-bus (watch_bind),
 * Hello, matches and the name are asynchronous, and when the connection ends everything that hung on it is
 * dropped and a new one is tried.
 *
 *      bus_start -> connection_try -> (Hello) on_connected -> name asked, followers started
 *                        ^                                         |
 *                        '------- backoff <- connection_drop <-----' on_disconnected, a full write queue, a
 * refused name
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/bus/adapter-object.h"
#include "service/bus/bus-private.h"
#include "service/bus/fqdn.h"
#include "service/bus/pool-object.h"
#include "service/bus/snapshots-object.h"
#include "service/bus/transfers-object.h"
#include "service/bus/tree.h"

#define SYSTEM_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define LOCAL_PATH         "/org/freedesktop/DBus/Local"
#define LOCAL_INTERFACE    "org.freedesktop.DBus.Local"
#define BACKOFF_MIN_USEC   (100 * USEC_PER_MSEC)
#define BACKOFF_MAX_USEC   (1 * USEC_PER_SEC)

enum { REQUEST_NAME_PRIMARY_OWNER = 1, REQUEST_NAME_IN_QUEUE = 2 };

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

/* --- ending --- */

static void connection_drop(Bus *bus) {
        sd_bus *connection = g_steal_pointer(&bus->connection);

        bus->connected = false;
        bus_changes_clear(bus->changes);
        g_hash_table_remove_all(bus->writes);
        g_hash_table_remove_all(bus->listings);
        g_hash_table_remove_all(bus->snapshot_calls);
        g_hash_table_remove_all(bus->freezes);
        object_changes_clear(bus->snapshot_changes);
        g_hash_table_remove_all(bus->transfer_calls);
        object_changes_clear(bus->transfer_changes);
        g_hash_table_remove_all(bus->adapter_jobs);
        if (bus->stacks)
                stack_follow_drop(bus->stacks);
        configurator_calls_drop(bus->configurators);
        question_registry_clear(bus->questions);
        if (connection)
                sd_bus_close_unref(connection);
}

static void connection_retry_later(Bus *bus) {
        uint64_t backoff = bus->backoff_usec;

        bus->backoff_usec = MIN(backoff * 2, BACKOFF_MAX_USEC);
        backoff = (uint64_t) ((double) backoff * bus->setup.time_scale);
        (void) sd_event_source_disable_unref(bus->retry);
        bus->retry = NULL;
        if (sd_event_add_time_relative(bus->event, &bus->retry, CLOCK_MONOTONIC, backoff, 0, on_retry, bus) <
            0)
                log_error("Cannot set a timer, the bus is not tried again");
}

static void connection_restart(Bus *bus) {
        connection_drop(bus);
        connection_retry_later(bus);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;

        log_info("The bus connection ended, trying again; the host is served meanwhile");
        connection_restart(bus);
        return 0;
}

bool bus_may_signal(const Bus *bus) {
        uint64_t queued;

        return bus->connected && sd_bus_get_n_queued_write(bus->connection, &queued) >= 0 &&
               queued <= BUS_QUEUE_MAX;
}

void bus_sending_failed(Bus *bus, int r) {
        if (r != -ENOBUFS || !bus->connection)
                return;
        log_warning("The bus does not read what we send, connecting anew");
        connection_restart(bus);
}

/* --- beginning --- */

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static LogLimit limit;
        Bus *bus = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        uint32_t answer = 0;
        uint64_t suppressed;

        if (e || sd_bus_message_read(m, "u", &answer) < 0) {
                if (log_limit_pass(&limit, now_usec(CLOCK_MONOTONIC), &suppressed))
                        log_error("The bus does not let us have the name %s: %s; trying again. Is its policy "
                                  "installed?",
                                  HVUTILS_BUS_NAME, e && e->message ? e->message : "bad answer");
                connection_restart(bus);
                return 0;
        }
        if (answer == REQUEST_NAME_IN_QUEUE)
                log_warning("Another process owns %s, waiting until it lets go", HVUTILS_BUS_NAME);
        bus->backoff_usec = BACKOFF_MIN_USEC;
        return 0;
}

static int on_connected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        int r;

        bus->connected = true;
        bus->connections++;
        r = sd_bus_request_name_async(bus->connection, NULL, HVUTILS_BUS_NAME, SD_BUS_NAME_QUEUE, on_name,
                                      bus);
        if (r >= 0)
                r = fqdn_follow(bus);
        if (r >= 0 && bus->stacks)
                r = stack_follow_start(bus->stacks);
        if (r < 0) {
                log_errno(LOG_WARNING, r, "Cannot begin to use the bus, connecting anew");
                connection_restart(bus);
        }
        return 0;
}

static int connection_configure(sd_bus *connection, Bus *bus) {
        int r;

        r = sd_bus_set_address(connection, bus->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(connection, true);
        if (r >= 0)
                r = sd_bus_set_watch_bind(connection, true);
        if (r >= 0)
                r = sd_bus_set_connected_signal(connection, true);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(connection, false);
        if (r >= 0)
                r = tree_attach(connection, bus);
        if (r >= 0)
                r = sd_bus_match_signal_async(connection, NULL, LOCAL_INTERFACE, LOCAL_PATH, LOCAL_INTERFACE,
                                              "Connected", on_connected, NULL, bus);
        if (r >= 0)
                r = sd_bus_match_signal_async(connection, NULL, LOCAL_INTERFACE, LOCAL_PATH, LOCAL_INTERFACE,
                                              "Disconnected", on_disconnected, NULL, bus);
        return r;
}

static int connection_open(Bus *bus, sd_bus **ret) {
        g_autoptr(sd_bus) connection = NULL;
        int r;

        r = sd_bus_new(&connection);
        if (r < 0)
                return r;
        r = connection_configure(connection, bus);
        if (r >= 0)
                r = sd_bus_start(connection);
        if (r >= 0)
                r = sd_bus_attach_event(connection, bus->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0) {
                sd_bus_close(connection);
                return r;
        }
        *ret = g_steal_pointer(&connection);
        return 0;
}

static void connection_try(Bus *bus) {
        static LogLimit limit;
        uint64_t suppressed;
        int r;

        r = connection_open(bus, &bus->connection);
        if (r >= 0)
                return;
        if (log_limit_pass(&limit, now_usec(CLOCK_MONOTONIC), &suppressed))
                log_errno(LOG_WARNING, r, "Cannot connect to the bus at %s, trying again", bus->address);
        connection_retry_later(bus);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        connection_try(userdata);
        return 0;
}

/* --- the door --- */

static char *bus_address(const char *wanted) {
        const char *environment = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

        return g_strdup(wanted ?: environment ?: SYSTEM_BUS_ADDRESS);
}

int bus_new(sd_event *event, const BusSetup *setup, Bus **ret) {
        Bus *bus = g_new0(Bus, 1);

        bus->event = sd_event_ref(event);
        bus->address = bus_address(setup->address);
        bus->setup = *setup;
        bus->setup.address = bus->address;
        bus->backoff_usec = BACKOFF_MIN_USEC;
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                pool_object_init(&bus->pools[pool], bus, (KvpPool) pool);
        bus->limits = bus_limits_new();
        bus->questions = question_registry_new(event, bus->limits, setup->time_scale);
        bus->changes = bus_changes_new(bus);
        bus->writes = g_hash_table_new_full(NULL, NULL, pool_write_free, NULL);
        bus->listings = g_hash_table_new_full(NULL, NULL, pool_listing_free, NULL);
        bus->snapshot_changes = object_changes_new(bus, &snapshot_kind);
        bus->snapshot_calls = g_hash_table_new_full(NULL, NULL, snapshot_call_free, NULL);
        bus->transfer_changes = object_changes_new(bus, &transfer_kind);
        bus->transfer_calls = g_hash_table_new_full(NULL, NULL, transfer_call_free, NULL);
        bus->freezes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, freeze_free);
        bus->configurators = configurator_calls_new(bus);
        bus->adapter_objects = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, adapter_object_free);
        bus->adapter_jobs = g_hash_table_new_full(NULL, NULL, adapter_job_free, NULL);
        if (setup->network) {
                bus->stacks = stack_follow_new(bus);
                injector_set_configurators(network_get_injector(setup->network),
                                           configurator_calls_table(bus->configurators));
        }
        *ret = bus;
        return 0;
}

Bus *bus_free(Bus *bus) {
        if (!bus)
                return NULL;
        if (bus->setup.network)
                injector_set_configurators(network_get_injector(bus->setup.network), NULL);
        connection_drop(bus);
        stack_follow_free(bus->stacks);
        g_hash_table_unref(bus->adapter_jobs);
        g_hash_table_unref(bus->adapter_objects);
        configurator_calls_free(bus->configurators);
        sd_event_source_disable_unref(bus->retry);
        bus_changes_free(bus->changes);
        question_registry_free(bus->questions);
        g_hash_table_unref(bus->writes);
        g_hash_table_unref(bus->listings);
        g_hash_table_unref(bus->snapshot_calls);
        g_hash_table_unref(bus->freezes);
        object_changes_free(bus->snapshot_changes);
        g_hash_table_unref(bus->transfer_calls);
        object_changes_free(bus->transfer_changes);
        bus_limits_free(bus->limits);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                pool_object_done(&bus->pools[pool]);
        g_free(bus->fqdn);
        g_free(bus->address);
        sd_event_unref(bus->event);
        g_free(bus);
        return NULL;
}

int bus_start(Bus *bus) {
        if (!bus->connection && !bus->retry)
                connection_try(bus);
        return 0;
}

void bus_kvp_changed(Bus *bus, const KvpChange *change) {
        if (bus && bus->connected)
                bus_changes_add(bus->changes, change);
}

void bus_channel_changed(Bus *bus) {
        if (bus && bus->connected)
                bus_changes_add_channel(bus->changes);
}

void bus_network_changed(Bus *bus) {
        if (!bus || !bus->connected)
                return;
        if (bus->stacks)
                stack_follow_refresh(bus->stacks);
        bus_changes_add_network(bus->changes);
}
