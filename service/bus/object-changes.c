/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/object-changes.h"

#include <inttypes.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "service/bus/bus-private.h"

#define ADDITION_INTERVAL_USEC (USEC_PER_SEC / BUS_ADDITIONS_PER_SEC)
#define CHANGE_INTERVAL_USEC   (USEC_PER_SEC / BUS_PROPERTIES_PER_SEC)
#define HELD_INTERVAL_USEC     (250 * USEC_PER_MSEC)

struct ObjectChanges {
        Bus *bus;
        const ObjectKind *kind;
        bool state;
        GQueue added;                                       /* of numbers, oldest first */
        GHashTable *changed;                                /* a set of numbers */
        uint64_t addition_after, change_after, state_after; /* not before, CLOCK_MONOTONIC */
        sd_event_source *timer;
};

static void changes_arm(ObjectChanges *changes);

static void object_path(const ObjectChanges *changes, uint64_t id, char *path, size_t n) {
        (void) g_snprintf(path, n, "%s/%" PRIu64, changes->kind->parent_path, id);
}

static uint64_t *number_new(uint64_t id) {
        uint64_t *number = g_new(uint64_t, 1);

        *number = id;
        return number;
}

static GList *added_find(ObjectChanges *changes, uint64_t id) {
        for (GList *item = changes->added.head; item; item = item->next)
                if (*(const uint64_t *) item->data == id)
                        return item;
        return NULL;
}

/* --- sending --- */

static int flush_state(ObjectChanges *changes, uint64_t now) {
        if (!changes->state || now < changes->state_after)
                return 0;
        changes->state = false;
        changes->state_after = now + CHANGE_INTERVAL_USEC;
        return sd_bus_emit_properties_changed_strv(changes->bus->connection, changes->kind->parent_path,
                                                   changes->kind->parent_interface,
                                                   (char **) changes->kind->parent_properties);
}

static int flush_addition(ObjectChanges *changes, uint64_t now) {
        g_autofree uint64_t *id = NULL;
        char path[64];

        if (g_queue_is_empty(&changes->added) || now < changes->addition_after)
                return 0;
        changes->addition_after = now + ADDITION_INTERVAL_USEC;
        id = g_queue_pop_head(&changes->added);
        g_hash_table_remove(changes->changed, id); /* it is said whole */
        object_path(changes, *id, path, sizeof path);
        return sd_bus_emit_object_added(changes->bus->connection, path);
}

static int flush_changes(ObjectChanges *changes, uint64_t now) {
        GHashTableIter iter;
        gpointer id;
        char path[64];
        int r = 0;

        if (now < changes->change_after)
                return 0;
        if (g_hash_table_size(changes->changed) > 0)
                changes->change_after = now + CHANGE_INTERVAL_USEC;
        g_hash_table_iter_init(&iter, changes->changed);
        while (r >= 0 && g_hash_table_iter_next(&iter, &id, NULL)) {
                object_path(changes, *(const uint64_t *) id, path, sizeof path);
                g_hash_table_iter_remove(&iter);
                r = sd_bus_emit_properties_changed_strv(changes->bus->connection, path,
                                                        changes->kind->interface,
                                                        (char **) changes->kind->properties);
        }
        return r;
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        ObjectChanges *changes = userdata;
        uint64_t now = now_usec(CLOCK_MONOTONIC);
        int r;

        if (!changes->bus->connected)
                return 0;
        if (!bus_may_signal(changes->bus)) {
                changes->addition_after = changes->change_after = changes->state_after =
                        now + HELD_INTERVAL_USEC;
                changes_arm(changes);
                return 0;
        }
        r = flush_state(changes, now);
        if (r >= 0)
                r = flush_addition(changes, now);
        if (r >= 0)
                r = flush_changes(changes, now);
        if (r < 0)
                bus_sending_failed(changes->bus, r);
        else
                changes_arm(changes);
        return 0;
}

static uint64_t changes_due(const ObjectChanges *changes) {
        uint64_t due = USEC_INFINITY;

        if (changes->state)
                due = changes->state_after;
        if (!g_queue_is_empty((GQueue *) &changes->added))
                due = MIN(due, changes->addition_after);
        if (g_hash_table_size(changes->changed) > 0)
                due = MIN(due, changes->change_after);
        return due;
}

static void changes_arm(ObjectChanges *changes) {
        uint64_t due = changes_due(changes);

        if (due == USEC_INFINITY)
                return;
        if (!changes->timer) {
                (void) sd_event_add_time(changes->bus->event, &changes->timer, CLOCK_MONOTONIC, due, 1,
                                         on_due, changes);
                return;
        }
        (void) sd_event_source_set_time(changes->timer, due);
        (void) sd_event_source_set_enabled(changes->timer, SD_EVENT_ONESHOT);
}

/* --- what happened --- */

void object_changes_add_state(ObjectChanges *changes) {
        changes->state = true;
        changes_arm(changes);
}

void object_changes_add(ObjectChanges *changes, uint64_t id, bool is_new) {
        if (is_new)
                g_queue_push_tail(&changes->added, number_new(id));
        else if (!added_find(changes, id))
                g_hash_table_add(changes->changed, number_new(id));
        changes_arm(changes);
}

void object_changes_remove(ObjectChanges *changes, uint64_t id) {
        const char *const interfaces[] = { changes->kind->interface, NULL };
        GList *item = added_find(changes, id);
        char path[64];
        int r;

        g_hash_table_remove(changes->changed, &id);
        if (item) {
                g_free(item->data);
                g_queue_delete_link(&changes->added, item);
                return;
        }
        object_path(changes, id, path, sizeof path);
        r = sd_bus_emit_interfaces_removed_strv(changes->bus->connection, path, (char **) interfaces);
        if (r < 0)
                bus_sending_failed(changes->bus, r);
}

/* --- birth and end --- */

ObjectChanges *object_changes_new(Bus *bus, const ObjectKind *kind) {
        ObjectChanges *changes = g_new0(ObjectChanges, 1);

        changes->bus = bus;
        changes->kind = kind;
        changes->changed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        return changes;
}

void object_changes_clear(ObjectChanges *changes) {
        changes->state = false;
        g_queue_clear_full(&changes->added, g_free);
        g_hash_table_remove_all(changes->changed);
}

ObjectChanges *object_changes_free(ObjectChanges *changes) {
        if (!changes)
                return NULL;
        object_changes_clear(changes);
        g_hash_table_unref(changes->changed);
        sd_event_source_disable_unref(changes->timer);
        g_free(changes);
        return NULL;
}
