/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* …/snapshots/N: one snapshot, running or past, as snapshotd reported it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/bus-private.h"
#include "service/bus/tree.h"

#define COLUMNS_MAX 4

/* A number, written as we write it: no second path leads to the same object. */
static bool path_parse(const char *path, uint64_t *ret) {
        const char *text = path + strlen(HVUTILS_OBJECT_SNAPSHOTS "/");
        char canonical[24];
        uint64_t id;

        if (!g_str_has_prefix(path, HVUTILS_OBJECT_SNAPSHOTS "/") ||
            !g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, &id, NULL))
                return false;
        (void) g_snprintf(canonical, sizeof canonical, "%" PRIu64, id);
        if (strcmp(canonical, text) != 0)
                return false;
        *ret = id;
        return true;
}

int snapshot_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                         void **ret_found, sd_bus_error *error) {
        const Bus *bus = userdata;
        const Snapshot *snapshot;
        uint64_t id;

        if (!bus->setup.snapshots || !path_parse(path, &id))
                return 0;
        snapshot = snapshots_find(bus->setup.snapshots, id);
        if (!snapshot)
                return 0;
        *ret_found = (void *) snapshot;
        return 1;
}

/* The list and its strings are sd-bus's to free(). */
int snapshot_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                              sd_bus_error *error) {
        const Bus *bus = userdata;
        guint n = bus->setup.snapshots ? snapshots_count(bus->setup.snapshots) : 0;
        char **nodes = calloc(n + 1, sizeof *nodes);

        if (!nodes)
                return -ENOMEM;
        for (guint i = 0; i < n; i++)
                if (asprintf(&nodes[i], HVUTILS_OBJECT_SNAPSHOTS "/%" PRIu64,
                             snapshots_get_nth(bus->setup.snapshots, i)->id) < 0) {
                        while (i-- > 0)
                                free(nodes[i]);
                        free(nodes);
                        return -ENOMEM;
                }
        *ret_nodes = nodes;
        return 0;
}

/* --- properties --- */

static int property_get_text(sd_bus *connection, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error) {
        const Snapshot *snapshot = userdata;

        if (strcmp(property, "Initiator") == 0)
                return sd_bus_message_append(reply, "s", snapshot->initiator);
        if (strcmp(property, "State") == 0)
                return sd_bus_message_append(reply, "s", snapshot_state_to_string(snapshot->state));
        return sd_bus_message_append(reply, "s", snapshot->result);
}

static int property_get_time(sd_bus *connection, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error) {
        const Snapshot *snapshot = userdata;

        return sd_bus_message_append(reply, "t",
                                     strcmp(property, "Started") == 0 ? snapshot->started_usec
                                                                      : snapshot->frozen_usec);
}

static uint64_t column_number(const char *text) {
        return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

/* A row of a report, by columns; missing ones are "". Returned list is g_strfreev's. */
static char **row_split(const char *row, const char *ret_columns[static COLUMNS_MAX]) {
        char **columns = g_strsplit(row, "\t", COLUMNS_MAX);
        guint n = g_strv_length(columns);

        for (guint i = 0; i < COLUMNS_MAX; i++)
                ret_columns[i] = i < n ? columns[i] : "";
        return columns;
}

static int append_file_system(sd_bus_message *reply, const char *const *c) {
        return sd_bus_message_append(reply, "(ssst)", c[0], c[1], c[2], column_number(c[3]));
}

static int append_skipped(sd_bus_message *reply, const char *const *c) {
        return sd_bus_message_append(reply, "(ss)", c[0], c[1]);
}

static int append_hook(sd_bus_message *reply, const char *const *c) {
        return sd_bus_message_append(reply, "(ssst)", c[0], c[1], c[2], column_number(c[3]));
}

static int append_rows(sd_bus_message *reply, const char *type, char *const *rows,
                       int (*append)(sd_bus_message *reply, const char *const *columns)) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', type);
        for (; rows && *rows && r >= 0; rows++) {
                const char *columns[COLUMNS_MAX];
                g_auto(GStrv) held = row_split(*rows, columns);

                r = append(reply, columns);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_get_rows(sd_bus *connection, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error) {
        const Snapshot *snapshot = userdata;

        if (strcmp(property, "FileSystems") == 0)
                return append_rows(reply, "(ssst)", snapshot->file_systems, append_file_system);
        if (strcmp(property, "Skipped") == 0)
                return append_rows(reply, "(ss)", snapshot->skipped, append_skipped);
        return append_rows(reply, "(ssst)", snapshot->hooks, append_hook);
}

static int property_get_notes(sd_bus *connection, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error) {
        return sd_bus_message_append_strv(reply, ((const Snapshot *) userdata)->notes);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST

const sd_bus_vtable snapshot_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Initiator", "s", property_get_text, 0, CONST),
        SD_BUS_PROPERTY("Started", "t", property_get_time, 0, CONST),
        SD_BUS_PROPERTY("State", "s", property_get_text, 0, EMITS),
        SD_BUS_PROPERTY("FrozenUSec", "t", property_get_time, 0, EMITS),
        SD_BUS_PROPERTY("FileSystems", "a(ssst)", property_get_rows, 0, EMITS),
        SD_BUS_PROPERTY("Skipped", "a(ss)", property_get_rows, 0, EMITS),
        SD_BUS_PROPERTY("Hooks", "a(ssst)", property_get_rows, 0, EMITS),
        SD_BUS_PROPERTY("Notes", "as", property_get_notes, 0, EMITS),
        SD_BUS_PROPERTY("Result", "s", property_get_text, 0, EMITS),
        SD_BUS_VTABLE_END,
};
