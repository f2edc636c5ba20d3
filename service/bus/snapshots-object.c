/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/snapshots-object.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "common/utf16.h"
#include "service/bus/authorize.h"
#include "service/bus/errors.h"
#include "service/bus/tree.h"
#include "service/link/fields.h"

static const char *const state_properties[] = { "State", "FrozenSince", NULL };
static const char *const changing_properties[] = { "State", "FrozenUSec", "FileSystems", "Skipped",
                                                   "Hooks", "Notes",      "Result",      NULL };

const ObjectKind snapshot_kind = {
        .parent_path = HVUTILS_OBJECT_SNAPSHOTS,
        .parent_interface = HVUTILS_INTERFACE_SNAPSHOTS,
        .interface = HVUTILS_INTERFACE_SNAPSHOT,
        .parent_properties = state_properties,
        .properties = changing_properties,
};

/* --- calls that wait --- */

SnapshotCall *snapshot_call_new(Bus *bus, sd_bus_message *m, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(m);
        SnapshotCall *call = g_new0(SnapshotCall, 1);

        call->bus = bus;
        call->call = sd_bus_message_ref(m);
        call->entries = g_ptr_array_new_with_free_func(g_free);
        call->charge = bus_charge_new(bus->limits, BUS_LIMIT_CALLS, sender ? sender : "");
        if (!call->charge) {
                (void) bus_error_limit(error, BUS_LIMIT_CALLS);
                snapshot_call_free(call);
                return NULL;
        }
        g_hash_table_add(bus->snapshot_calls, call);
        return call;
}

void snapshot_call_free(void *p) {
        SnapshotCall *call = p;

        snapshots_forget(call->bus->setup.snapshots, call);
        bus_charge_free(call->charge);
        g_ptr_array_unref(call->entries);
        sd_bus_message_unref(call->call);
        g_free(call);
}

void snapshot_call_end(SnapshotCall *call, int r) {
        Bus *bus = call->bus;

        g_hash_table_remove(bus->snapshot_calls, call);
        if (r < 0)
                bus_sending_failed(bus, r);
}

void snapshot_call_fail(SnapshotCall *call, int result, const LinkMessage *answer) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;

        (void) bus_error_snapshot(&error, result, answer ? link_message_get(answer, LINK_FIELD_ERROR) : NULL);
        snapshot_call_end(call, sd_bus_reply_method_error(call->call, &error));
}

int snapshots_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                          void **ret_found, sd_bus_error *error) {
        if (strcmp(path, HVUTILS_OBJECT_SNAPSHOTS) != 0)
                return 0;
        *ret_found = userdata;
        return 1;
}

/* --- properties --- */

static int property_get_state(sd_bus *connection, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error) {
        const Bus *bus = userdata;
        SnapshotState state =
                bus->setup.snapshots ? snapshots_get_state(bus->setup.snapshots) : SNAPSHOT_STATE_UNAVAILABLE;

        return sd_bus_message_append(reply, "s", snapshot_state_to_string(state));
}

static int property_get_frozen_since(sd_bus *connection, const char *path, const char *interface,
                                     const char *property, sd_bus_message *reply, void *userdata,
                                     sd_bus_error *error) {
        const Bus *bus = userdata;

        return sd_bus_message_append(reply, "t",
                                     bus->setup.snapshots ? snapshots_get_frozen_since(bus->setup.snapshots)
                                                          : UINT64_C(0));
}

/* --- Plan --- */

static int append_plan_entry(sd_bus_message *reply, const char *entry) {
        g_autofree char *mended = NULL;
        g_auto(GStrv) columns = g_strsplit(utf8_mend(entry, strlen(entry), &mended), "\t", 3);
        guint n = g_strv_length(columns);

        return sd_bus_message_append(reply, "(sss)", n > 0 ? columns[0] : "", n > 1 ? columns[1] : "",
                                     n > 2 ? columns[2] : "");
}

static int plan_reply(const SnapshotCall *call) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sss)");
        for (guint i = 0; i < call->entries->len && r >= 0; i++)
                r = append_plan_entry(reply, g_ptr_array_index(call->entries, i));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void on_plan(int result, const LinkMessage *answer, bool more, void *userdata) {
        SnapshotCall *call = userdata;
        const char *entry;

        if (result < 0) {
                snapshot_call_fail(call, result, answer);
                return;
        }
        for (size_t i = 0; (entry = link_message_get_nth(answer, LINK_FIELD_ENTRY, i)); i++)
                g_ptr_array_add(call->entries, g_strdup(entry));
        if (!more)
                snapshot_call_end(call, plan_reply(call));
}

static int method_plan(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        SnapshotCall *call;

        if (!bus->setup.snapshots)
                return bus_error_snapshot_unavailable(error);
        call = snapshot_call_new(bus, m, error);
        if (!call)
                return -EBUSY;
        snapshots_plan(bus->setup.snapshots, on_plan, call);
        return 1;
}

/* --- inhibitors --- */

static int inhibit_check(const Bus *bus, const char *who, const char *why, sd_bus_error *error) {
        if (who[0] == '\0')
                return bus_error_invalid(error, "Who delays must not be empty.");
        if (strlen(who) > INHIBITOR_TEXT_MAX || strlen(why) > INHIBITOR_TEXT_MAX)
                return bus_error_invalid(error, "Who and why have at most 256 bytes.");
        if (!bus->setup.snapshots)
                return bus_error_snapshot_unavailable(error);
        if (snapshots_is_preparing(bus->setup.snapshots))
                return bus_error_preparing(error);
        return 0;
}

static int method_inhibit(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        const char *who, *why;
        auto_fd fd = -1;
        uid_t uid;
        int r;

        r = sd_bus_message_read(m, "ss", &who, &why);
        if (r >= 0)
                r = inhibit_check(bus, who, why, error);
        if (r < 0)
                return r;
        r = bus_authorize(bus, m, HVUTILS_INTERFACE_SNAPSHOTS, "Inhibit", &(AuthorizeTarget){}, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = question_get_uid(bus->questions, m, &uid);
        if (r < 0)
                return bus_error_errno(error, r, "Cannot tell who the caller is");
        fd = inhibitors_add(snapshots_get_inhibitors(bus->setup.snapshots), who, why, uid);
        if (fd == -EDQUOT)
                return bus_error_inhibitors(error);
        if (fd < 0)
                return bus_error_errno(error, fd, "Cannot make the lock");
        return sd_bus_reply_method_return(m, "h", fd);
}

static int method_list_inhibitors(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Bus *bus = userdata;
        const Inhibitors *inhibitors =
                bus->setup.snapshots ? snapshots_get_inhibitors(bus->setup.snapshots) : NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssut)");
        for (guint i = 0; inhibitors && i < inhibitors_count(inhibitors) && r >= 0; i++) {
                const Inhibitor *inhibitor = inhibitors_get(inhibitors, i);

                r = sd_bus_message_append(reply, "(ssut)", inhibitor->who, inhibitor->why,
                                          (uint32_t) inhibitor->uid, inhibitor->since_usec);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* --- what happens --- */

void bus_prepare_for_snapshot(Bus *bus, bool beginning) {
        int r;

        if (!bus || !bus->connected)
                return;
        r = sd_bus_emit_signal(bus->connection, HVUTILS_OBJECT_SNAPSHOTS, HVUTILS_INTERFACE_SNAPSHOTS,
                               "PrepareForSnapshot", "b", (int) beginning);
        if (r < 0)
                bus_sending_failed(bus, r);
}

void bus_snapshots_changed(Bus *bus) {
        if (!bus)
                return;
        question_registry_set_frozen(bus->questions, snapshots_is_frozen(bus->setup.snapshots));
        if (bus->connected)
                object_changes_add_state(bus->snapshot_changes);
}

void bus_snapshot_changed(Bus *bus, const Snapshot *snapshot, bool is_new) {
        if (!bus)
                return;
        freeze_forget(bus, snapshot);
        if (bus->connected)
                object_changes_add(bus->snapshot_changes, snapshot->id, is_new);
}

void bus_snapshot_removed(Bus *bus, uint64_t id) {
        if (bus && bus->connected)
                object_changes_remove(bus->snapshot_changes, id);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define OPEN  SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable snapshots_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("State", "s", property_get_state, 0, EMITS),
        SD_BUS_PROPERTY("FrozenSince", "t", property_get_frozen_since, 0, EMITS),
        SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sss)", entries), method_plan, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Freeze", SD_BUS_ARGS("as", mounts, "t", limit), SD_BUS_RESULT("o", snapshot),
                                method_snapshots_freeze, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Thaw", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_snapshots_thaw, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Inhibit", SD_BUS_ARGS("s", who, "s", why), SD_BUS_RESULT("h", lock),
                                method_inhibit, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ListInhibitors", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssut)", inhibitors),
                                method_list_inhibitors, OPEN),
        SD_BUS_SIGNAL_WITH_ARGS("PrepareForSnapshot", SD_BUS_ARGS("b", start), 0),
        SD_BUS_VTABLE_END,
};
