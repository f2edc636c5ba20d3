/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/snapshot-facts.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/service-facts.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

static const Column file_system_columns[] = {
        { "MOUNT", "mount", CELL_TEXT, 0 },
        { "SOURCE", "source", CELL_TEXT, 0 },
        { "TYPE", "type", CELL_TEXT, 0 },
        { "USEC", "usec", CELL_NUMBER, 0 },
};

static const Column skipped_columns[] = {
        { "MOUNT", "mount", CELL_TEXT, 0 },
        { "REASON", "reason", CELL_TEXT, 0 },
};

static const Column hook_columns[] = {
        { "HOOK", "name", CELL_TEXT, 0 },
        { "PHASE", "phase", CELL_TEXT, 0 },
        { "OUTCOME", "outcome", CELL_TEXT, 0 },
        { "USEC", "usec", CELL_NUMBER, 0 },
};

static const Column note_columns[] = {
        { "NOTE", "note", CELL_TEXT, 0 },
};

SnapshotFacts *snapshot_facts_new(const char *path) {
        SnapshotFacts *facts = g_new0(SnapshotFacts, 1);
        const char *number = strrchr(path, '/');

        facts->id = number ? g_ascii_strtoull(number + 1, NULL, 10) : 0;
        facts->file_systems = table_new(file_system_columns, G_N_ELEMENTS(file_system_columns));
        facts->skipped = table_new(skipped_columns, G_N_ELEMENTS(skipped_columns));
        facts->hooks = table_new(hook_columns, G_N_ELEMENTS(hook_columns));
        facts->notes = table_new(note_columns, G_N_ELEMENTS(note_columns));
        return facts;
}

SnapshotFacts *snapshot_facts_free(SnapshotFacts *facts) {
        if (!facts)
                return NULL;
        g_free(facts->initiator);
        g_free(facts->state);
        g_free(facts->result);
        table_free(facts->file_systems);
        table_free(facts->skipped);
        table_free(facts->hooks);
        table_free(facts->notes);
        g_free(facts);
        return NULL;
}

static int read_measured(sd_bus_message *message, Table *table) {
        const char *first, *second, *third;
        uint64_t usec;
        int r = sd_bus_message_enter_container(message, 'a', "(ssst)");
        while (r >= 0 && (r = sd_bus_message_read(message, "(ssst)", &first, &second, &third, &usec)) > 0)
                table_add(table, first, second, third, usec);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_skipped(sd_bus_message *message, Table *table) {
        const char *mount, *reason;
        int r = sd_bus_message_enter_container(message, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(message, "(ss)", &mount, &reason)) > 0)
                table_add(table, mount, reason);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_notes(sd_bus_message *message, Table *table) {
        const char *note;
        int r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &note)) > 0)
                table_add(table, note);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int snapshot_facts_read_property(sd_bus_message *message, const char *name, void *userdata) {
        SnapshotFacts *facts = userdata;
        if (strcmp(name, "Initiator") == 0)
                return facts_read_text(message, &facts->initiator) ?: 1;
        if (strcmp(name, "State") == 0)
                return facts_read_text(message, &facts->state) ?: 1;
        if (strcmp(name, "Result") == 0)
                return facts_read_text(message, &facts->result) ?: 1;
        if (strcmp(name, "Started") == 0)
                return sd_bus_message_read(message, "t", &facts->started);
        if (strcmp(name, "FrozenUSec") == 0)
                return sd_bus_message_read(message, "t", &facts->frozen_usec);
        if (strcmp(name, "FileSystems") == 0)
                return read_measured(message, facts->file_systems);
        if (strcmp(name, "Hooks") == 0)
                return read_measured(message, facts->hooks);
        if (strcmp(name, "Skipped") == 0)
                return read_skipped(message, facts->skipped);
        if (strcmp(name, "Notes") == 0)
                return read_notes(message, facts->notes);
        return 0;
}

ExitStatus snapshot_facts_read(Client *client, const char *path, SnapshotFacts **ret, Failure *failure) {
        g_autoptr(SnapshotFacts) facts = snapshot_facts_new(path);
        ExitStatus status = facts_read_interface(client, path, HVUTILS_INTERFACE_SNAPSHOT,
                                                 snapshot_facts_read_property, facts, failure);
        if (status)
                return status;
        *ret = g_steal_pointer(&facts);
        return EXIT_STATUS_OK;
}

/* --- all of them --- */

static int read_interfaces(sd_bus_message *message, const char *path, GPtrArray *list) {
        const char *interface;
        int r = sd_bus_message_enter_container(message, 'a', "{sa{sv}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sa{sv}")) > 0) {
                r = sd_bus_message_read(message, "s", &interface);
                if (r >= 0 && strcmp(interface, HVUTILS_INTERFACE_SNAPSHOT) == 0) {
                        SnapshotFacts *facts = snapshot_facts_new(path);
                        g_ptr_array_add(list, facts);
                        r = facts_read_properties(message, snapshot_facts_read_property, facts);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(message);
                } else if (r >= 0)
                        r = sd_bus_message_skip(message, "a{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int snapshot_facts_read_object(sd_bus_message *message, GPtrArray *list) {
        const char *path;
        int r = sd_bus_message_read(message, "o", &path);
        return r < 0 ? r : read_interfaces(message, path, list);
}

static int read_objects(sd_bus_message *message, GPtrArray *list) {
        int r = sd_bus_message_enter_container(message, 'a', "{oa{sa{sv}}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "oa{sa{sv}}")) > 0) {
                r = snapshot_facts_read_object(message, list);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r;
}

static void free_element(void *p) {
        snapshot_facts_free(p);
}

GPtrArray *snapshot_facts_list_new(void) {
        return g_ptr_array_new_with_free_func(free_element);
}

static int compare_ids(const void *a, const void *b) {
        const SnapshotFacts *first = *(SnapshotFacts *const *) a, *second = *(SnapshotFacts *const *) b;
        return (first->id > second->id) - (first->id < second->id);
}

ExitStatus snapshot_facts_list(Client *client, GPtrArray **ret, Failure *failure) {
        g_autoptr(GPtrArray) list = snapshot_facts_list_new();
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus_message) message = client_message_new(
                client, HVUTILS_OBJECT_ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
        ExitStatus status = client_call(client, message, CLIENT_CALL_QUIET, &reply, failure);
        if (status)
                return status;
        int r = read_objects(reply, list);
        if (r < 0)
                return failure_set(failure, EXIT_STATUS_ERROR, "the list makes no sense: %s", g_strerror(-r));
        g_ptr_array_sort(list, compare_ids);
        *ret = g_steal_pointer(&list);
        return EXIT_STATUS_OK;
}

/* --- the state --- */

void snapshots_state_done(SnapshotsState *state) {
        g_clear_pointer(&state->state, g_free);
}

static int read_state_property(sd_bus_message *message, const char *name, void *userdata) {
        SnapshotsState *state = userdata;
        if (strcmp(name, "State") == 0)
                return facts_read_text(message, &state->state) ?: 1;
        if (strcmp(name, "FrozenSince") == 0)
                return sd_bus_message_read(message, "t", &state->frozen_since);
        return 0;
}

ExitStatus snapshots_state_read(Client *client, SnapshotsState *ret, Failure *failure) {
        return facts_read_interface(client, HVUTILS_OBJECT_SNAPSHOTS, HVUTILS_INTERFACE_SNAPSHOTS,
                                    read_state_property, ret, failure);
}

/* --- times for people --- */

char *snapshot_format_date(uint64_t usec) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        char text[32];
        struct tm tm;
        if (usec == 0)
                return NULL;
        strftime(text, sizeof text, "%F %T", localtime_r(&seconds, &tm));
        return g_strdup(text);
}

char *snapshot_format_duration(uint64_t usec) {
        return g_strdup_printf("%" PRIu64 ".%03u ms", usec / USEC_PER_MSEC,
                               (unsigned) (usec % USEC_PER_MSEC));
}
