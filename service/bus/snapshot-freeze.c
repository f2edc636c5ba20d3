/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Freeze and Thaw for people on the bus. A local freeze belongs to the connection that asked for it: from the
 * moment the command goes out we watch for that name to vanish, and then tell snapshotd to release what it
 * holds for it. Thaw asks nobody: polkit may itself wait for the frozen disk.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/authorize.h"
#include "service/bus/errors.h"
#include "service/bus/snapshots-object.h"
#include "service/link/fields.h"

typedef struct Freeze {
        Bus *bus;
        char *owner;
        uint64_t id; /* 0 until snapshotd answered */
        bool over;   /* nothing to release any more */
        sd_bus_slot *watch, *question;
} Freeze;

static void cleanup_strv_libc(char ***list) {
        for (char **word = *list; word && *word; word++)
                free(*word);
        free(*list);
}
#define auto_strv_libc __attribute__((cleanup(cleanup_strv_libc))) char **

/* --- the owner --- */

void freeze_free(void *p) {
        Freeze *freeze = p;

        if (!freeze->over)
                snapshots_release(freeze->bus->setup.snapshots, freeze->owner);
        sd_bus_slot_unref(freeze->watch);
        sd_bus_slot_unref(freeze->question);
        g_free(freeze->owner);
        g_free(freeze);
}

static void freeze_end(Freeze *freeze) {
        freeze->over = true;
        g_hash_table_remove(freeze->bus->freezes, freeze->owner);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Freeze *freeze = userdata;
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && after[0] == '\0')
                g_hash_table_remove(freeze->bus->freezes, freeze->owner);
        return 0;
}

static int on_owner_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Freeze *freeze = userdata;
        int there = 1;

        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "b", &there) >= 0 && !there)
                g_hash_table_remove(freeze->bus->freezes, freeze->owner);
        return 0;
}

/* The match first, then the question: who went away before the match was in place is noticed by the answer,
 * because the bus serves us in order. */
static int freeze_watch(Freeze *freeze) {
        g_autofree char *match =
                g_strdup_printf("type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                                freeze->owner);
        int r;

        r = sd_bus_add_match_async(freeze->bus->connection, &freeze->watch, match, on_owner_changed, NULL,
                                   freeze);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(freeze->bus->connection, &freeze->question, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
                                        on_owner_answer, freeze, "s", freeze->owner);
}

/* In bus->freezes, until the owner or the snapshot is gone. */
static Freeze *freeze_new(Bus *bus, const char *owner) {
        Freeze *freeze = g_new0(Freeze, 1);

        freeze->bus = bus;
        freeze->owner = g_strdup(owner);
        g_hash_table_insert(bus->freezes, freeze->owner, freeze);
        return freeze;
}

void freeze_forget(Bus *bus, const Snapshot *snapshot) {
        Freeze *freeze = snapshot->owner[0] ? g_hash_table_lookup(bus->freezes, snapshot->owner) : NULL;

        if (freeze && freeze->id == snapshot->id &&
            (snapshot->state == SNAPSHOT_STATE_IDLE || snapshot->state == SNAPSHOT_STATE_FAILED))
                freeze_end(freeze);
}

/* --- Freeze --- */

static int reply_path(sd_bus_message *call, uint64_t id) {
        g_autofree char *path = g_strdup_printf(HVUTILS_OBJECT_SNAPSHOTS "/%" PRIu64, id);

        return sd_bus_reply_method_return(call, "o", path);
}

static void on_freeze(int result, const LinkMessage *answer, bool more, void *userdata) {
        SnapshotCall *call = userdata;
        const char *sender = sd_bus_message_get_sender(call->call);
        Freeze *freeze = g_hash_table_lookup(call->bus->freezes, sender);
        uint64_t id;

        if (result >= 0 && link_message_get_u64(answer, LINK_FIELD_ID, &id) < 0)
                result = -EBADMSG;
        if (result < 0) {
                /* Refused: there is nothing to release. With a time-out nobody knows, and it is released. */
                if (freeze && result != -ETIMEDOUT)
                        freeze_end(freeze);
                else if (freeze)
                        g_hash_table_remove(call->bus->freezes, sender);
                snapshot_call_fail(call, result, answer);
                return;
        }
        if (freeze)
                freeze->id = id;
        snapshot_call_end(call, reply_path(call->call, id));
}

static int freeze_send(SnapshotCall *call, const char *const *mounts, uint64_t limit, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(call->call);
        Freeze *freeze = freeze_new(call->bus, sender);
        int r;

        r = freeze_watch(freeze);
        if (r >= 0)
                r = snapshots_freeze(call->bus->setup.snapshots, sender, mounts, limit, on_freeze, call);
        if (r >= 0)
                return 1;
        freeze_end(freeze);
        g_hash_table_remove(call->bus->snapshot_calls, call);
        return r == -EMSGSIZE ? bus_error_invalid(error, "These are too many mount points for one call.")
                              : bus_error_errno(error, r, "Cannot ask hvutils-snapshotd");
}

static int freeze_check(const Bus *bus, const char *sender, sd_bus_error *error) {
        if (!bus->setup.snapshots || snapshots_get_state(bus->setup.snapshots) == SNAPSHOT_STATE_UNAVAILABLE)
                return bus_error_snapshot_unavailable(error);
        if (sender && g_hash_table_contains(bus->freezes, sender))
                return bus_error_snapshot(error, -EBUSY, "You have a snapshot already; thaw that first.");
        return 0;
}

int method_snapshots_freeze(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        auto_strv_libc mounts = NULL;
        SnapshotCall *call;
        uint64_t limit;
        int r;

        r = sd_bus_message_read_strv(m, &mounts);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &limit);
        if (r >= 0)
                r = freeze_check(bus, sd_bus_message_get_sender(m), error);
        if (r < 0)
                return r;
        r = bus_authorize(bus, m, HVUTILS_INTERFACE_SNAPSHOTS, "Freeze", &(AuthorizeTarget){}, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        call = snapshot_call_new(bus, m, error);
        if (!call)
                return -EBUSY;
        return freeze_send(call, (const char *const *) mounts, limit, error);
}

/* --- Thaw --- */

static void on_thaw(int result, const LinkMessage *answer, bool more, void *userdata) {
        SnapshotCall *call = userdata;

        if (result < 0)
                snapshot_call_fail(call, result, answer);
        else
                snapshot_call_end(call, sd_bus_reply_method_return(call->call, NULL));
}

int method_snapshots_thaw(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        const char *sender = sd_bus_message_get_sender(m);
        SnapshotCall *call;

        if (!bus->setup.snapshots || snapshots_get_state(bus->setup.snapshots) == SNAPSHOT_STATE_UNAVAILABLE)
                return bus_error_snapshot_unavailable(error);
        if (!sender || !g_hash_table_contains(bus->freezes, sender))
                return bus_error_not_owner(error);
        call = snapshot_call_new(bus, m, error);
        if (!call)
                return -EBUSY;
        snapshots_thaw(bus->setup.snapshots, sender, on_thaw, call);
        return 1;
}
