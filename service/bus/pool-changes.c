/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/pool-changes.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"
#include "common/utf16.h"
#include "service/bus/adapter-object.h"
#include "service/bus/bus-private.h"

#define SIGNAL_INTERVAL_USEC   (USEC_PER_SEC / BUS_SIGNALS_PER_SEC)
#define PROPERTY_INTERVAL_USEC (USEC_PER_SEC / BUS_PROPERTIES_PER_SEC)
#define HELD_INTERVAL_USEC     (250 * USEC_PER_MSEC) /* how often to look whether a stopped bus goes on */

/* --- names --- */

void change_set_init(ChangeSet *set) {
        for (int origin = 0; origin < _KVP_ORIGIN_MAX; origin++) {
                set->names[origin] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
                set->all[origin] = false;
        }
}

void change_set_done(ChangeSet *set) {
        for (int origin = 0; origin < _KVP_ORIGIN_MAX; origin++)
                g_clear_pointer(&set->names[origin], g_hash_table_unref);
}

void change_set_clear(ChangeSet *set) {
        for (int origin = 0; origin < _KVP_ORIGIN_MAX; origin++) {
                g_hash_table_remove_all(set->names[origin]);
                set->all[origin] = false;
        }
}

bool change_set_is_empty(const ChangeSet *set) {
        for (int origin = 0; origin < _KVP_ORIGIN_MAX; origin++)
                if (set->all[origin] || g_hash_table_size(set->names[origin]) > 0)
                        return false;
        return true;
}

static void change_set_note(ChangeSet *set, KvpOrigin origin, const char *key, bool removed) {
        g_autofree char *buffer = NULL;
        const char *name = utf8_mend(key, strlen(key), &buffer);

        for (int other = 0; other < _KVP_ORIGIN_MAX; other++)
                if (other != (int)origin)
                        g_hash_table_remove(set->names[other], name);
        g_hash_table_replace(set->names[origin], g_strdup(name), GINT_TO_POINTER(removed));
}

void change_set_add(ChangeSet *set, const KvpChange *change) {
        GHashTable *names = set->names[change->origin];

        for (const char *const *key = change->keys; key && *key && !change->all; key++)
                change_set_note(set, change->origin, *key, false);
        for (const char *const *key = change->removed; key && *key && !change->all; key++)
                change_set_note(set, change->origin, *key, true);
        if (change->all || g_hash_table_size(names) > KVP_CHANGE_NAMES_MAX)
                set->all[change->origin] = true;
        if (set->all[change->origin])
                g_hash_table_remove_all(names);
}

/* --- what waits --- */

typedef struct PoolPending {
        ChangeSet set;
        bool properties;
        uint64_t signal_after, properties_after; /* not before, CLOCK_MONOTONIC */
        KvpPoolInfo sent;                        /* file and problem are not used */
        char *sent_problem;
} PoolPending;

struct BusChanges {
        Bus *bus;
        PoolPending pools[_KVP_POOL_ID_MAX];
        bool channel;
        uint64_t channel_after;
        bool network;
        uint64_t network_after;
        sd_event_source *timer;
        uint64_t due; /* when the timer goes off; USEC_INFINITY = it is off */
};

BusChanges *bus_changes_new(Bus *bus) {
        BusChanges *changes = g_new0(BusChanges, 1);

        changes->bus = bus;
        changes->due = USEC_INFINITY;
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                change_set_init(&changes->pools[pool].set);
        return changes;
}

BusChanges *bus_changes_free(BusChanges *changes) {
        if (!changes)
                return NULL;
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++) {
                change_set_done(&changes->pools[pool].set);
                g_free(changes->pools[pool].sent_problem);
        }
        sd_event_source_disable_unref(changes->timer);
        g_free(changes);
        return NULL;
}

void bus_changes_clear(BusChanges *changes) {
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++) {
                change_set_clear(&changes->pools[pool].set);
                changes->pools[pool].properties = false;
        }
        changes->channel = changes->network = false;
        changes->due = USEC_INFINITY;
        if (changes->timer)
                (void)sd_event_source_set_enabled(changes->timer, SD_EVENT_OFF);
}

/* --- sending --- */

static int append_names(sd_bus_message *m, GHashTable *names, bool removed) {
        GHashTableIter iter;
        gpointer key, value;
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        g_hash_table_iter_init(&iter, names);
        while (r >= 0 && g_hash_table_iter_next(&iter, &key, &value))
                if ((GPOINTER_TO_INT(value) != 0) == removed)
                        r = sd_bus_message_append(m, "s", key);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int send_changed(const PoolObject *object, const ChangeSet *set, KvpOrigin origin) {
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_signal(object->bus->connection, &m, object->path, HVUTILS_INTERFACE_POOL,
                                      "Changed");
        if (r >= 0)
                r = append_names(m, set->names[origin], false);
        if (r >= 0)
                r = append_names(m, set->names[origin], true);
        if (r >= 0)
                r = sd_bus_message_append(m, "bs", (int)set->all[origin], kvp_origin_to_string(origin));
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static int flush_names(const PoolObject *object, PoolPending *pending) {
        KvpPoolInfo info;
        int r = 0;

        kvp_get_pool_info(object->bus->setup.kvp, object->pool, &info);
        for (int origin = 0; origin < _KVP_ORIGIN_MAX && r >= 0; origin++)
                if (!info.private_names &&
                    (pending->set.all[origin] || g_hash_table_size(pending->set.names[origin]) > 0))
                        r = send_changed(object, &pending->set, (KvpOrigin)origin);
        change_set_clear(&pending->set);
        return r;
}

static int flush_properties(const PoolObject *object, PoolPending *pending) {
        KvpPoolInfo info;
        char *names[5] = {};
        size_t n = 0;

        kvp_get_pool_info(object->bus->setup.kvp, object->pool, &info);
        if (info.count != pending->sent.count)
                names[n++] = (char *)"Count";
        if (info.generation != pending->sent.generation)
                names[n++] = (char *)"Generation";
        if (info.writable != pending->sent.writable)
                names[n++] = (char *)"Writable";
        if (g_strcmp0(info.problem, pending->sent_problem) != 0)
                names[n++] = (char *)"Problem";

        pending->sent = info;
        g_free(pending->sent_problem);
        pending->sent_problem = g_strdup(info.problem);
        pending->properties = false;
        if (n == 0)
                return 0;
        return sd_bus_emit_properties_changed_strv(object->bus->connection, object->path,
                                                   HVUTILS_INTERFACE_POOL, names);
}

static int flush_pool(BusChanges *changes, KvpPool pool, uint64_t now) {
        PoolPending *pending = &changes->pools[pool];
        const PoolObject *object = &changes->bus->pools[pool];
        int r = 0;

        if (!change_set_is_empty(&pending->set) && now >= pending->signal_after) {
                r = flush_names(object, pending);
                pending->signal_after = now + SIGNAL_INTERVAL_USEC;
        }
        if (r >= 0 && pending->properties && now >= pending->properties_after) {
                r = flush_properties(object, pending);
                pending->properties_after = now + PROPERTY_INTERVAL_USEC;
        }
        return r;
}

static int flush_channel(BusChanges *changes, uint64_t now) {
        if (!changes->channel || now < changes->channel_after)
                return 0;
        changes->channel = false;
        changes->channel_after = now + PROPERTY_INTERVAL_USEC;
        return sd_bus_emit_properties_changed(changes->bus->connection, HVUTILS_OBJECT_ROOT,
                                              HVUTILS_INTERFACE_MANAGER, "Channels", NULL);
}

static int flush_network(BusChanges *changes, uint64_t now) {
        Bus *bus = changes->bus;
        GHashTableIter iter;
        gpointer value;
        int r = 0;

        if (!changes->network || now < changes->network_after)
                return 0;
        changes->network = false;
        changes->network_after = now + PROPERTY_INTERVAL_USEC;
        g_hash_table_iter_init(&iter, bus->adapter_objects);
        while (r >= 0 && g_hash_table_iter_next(&iter, NULL, &value))
                r = sd_bus_emit_properties_changed(bus->connection, ((const AdapterObject *)value)->path,
                                                   HVUTILS_INTERFACE_ADAPTER, "Addresses", "Gateways", "Dns",
                                                   "Dhcp", "LastInjection", NULL);
        return r == -ENOENT ? 0 : r; /* an adapter that has just gone */
}

/* When something that waits may go out, USEC_INFINITY when nothing waits. */
static uint64_t changes_next_due(const BusChanges *changes) {
        uint64_t due = changes->channel ? changes->channel_after : USEC_INFINITY;

        if (changes->network)
                due = MIN(due, changes->network_after);

        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++) {
                const PoolPending *pending = &changes->pools[pool];

                if (!change_set_is_empty(&pending->set))
                        due = MIN(due, pending->signal_after);
                if (pending->properties)
                        due = MIN(due, pending->properties_after);
        }
        return due;
}

static void changes_arm(BusChanges *changes, uint64_t due);

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        BusChanges *changes = userdata;
        uint64_t now = now_usec(CLOCK_MONOTONIC), next;
        int r;

        changes->due = USEC_INFINITY;
        if (!changes->bus->connected)
                return 0;
        if (!bus_may_signal(changes->bus)) {
                changes_arm(changes, now + HELD_INTERVAL_USEC);
                return 0;
        }
        r = flush_channel(changes, now);
        if (r >= 0)
                r = flush_network(changes, now);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX && r >= 0; pool++)
                r = flush_pool(changes, (KvpPool)pool, now);
        if (r < 0) {
                bus_sending_failed(changes->bus, r);
                return 0;
        }
        next = changes_next_due(changes);
        if (next != USEC_INFINITY)
                changes_arm(changes, next);
        return 0;
}

static void changes_arm(BusChanges *changes, uint64_t due) {
        if (due >= changes->due)
                return;
        changes->due = due;
        if (!changes->timer) {
                (void)sd_event_add_time(changes->bus->event, &changes->timer, CLOCK_MONOTONIC, due, 1, on_due,
                                        changes);
                return;
        }
        (void)sd_event_source_set_time(changes->timer, due);
        (void)sd_event_source_set_enabled(changes->timer, SD_EVENT_ONESHOT);
}

void bus_changes_add(BusChanges *changes, const KvpChange *change) {
        PoolPending *pending = &changes->pools[change->pool];

        /* The names are the engine's for the length of this call: it is not asked anything here, not even
         * whether the file is private; flush_names() looks. */
        change_set_add(&pending->set, change);
        if (!change_set_is_empty(&pending->set))
                changes_arm(changes, pending->signal_after);
        pending->properties = true;
        changes_arm(changes, pending->properties_after);
}

void bus_changes_add_channel(BusChanges *changes) {
        changes->channel = true;
        changes_arm(changes, changes->channel_after);
}

void bus_changes_add_network(BusChanges *changes) {
        changes->network = true;
        changes_arm(changes, changes->network_after);
}
