/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* …/transfers/N: one file from the host, under way or past, as transferd reported it. What is found at a path
 * is the Bus; Cancel() needs it, and the number is in the path. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/authorize.h"
#include "service/bus/errors.h"
#include "service/bus/transfers-object.h"
#include "service/bus/tree.h"

/* A number, written as we write it: no second path leads to the same object. */
static const Transfer *transfer_at(const Bus *bus, const char *path) {
        char canonical[64];
        uint64_t id;

        if (!bus->setup.transfers || !g_str_has_prefix(path, HVUTILS_OBJECT_TRANSFERS "/") ||
            !g_ascii_string_to_unsigned(path + strlen(HVUTILS_OBJECT_TRANSFERS "/"), 10, 0, UINT64_MAX, &id,
                                        NULL))
                return NULL;
        (void) g_snprintf(canonical, sizeof canonical, HVUTILS_OBJECT_TRANSFERS "/%" PRIu64, id);
        return strcmp(canonical, path) == 0 ? transfers_find(bus->setup.transfers, id) : NULL;
}

int transfer_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                         void **ret_found, sd_bus_error *error) {
        if (!transfer_at(userdata, path))
                return 0;
        *ret_found = userdata;
        return 1;
}

/* The list and its strings are sd-bus's to free(). */
int transfer_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                              sd_bus_error *error) {
        const Bus *bus = userdata;
        guint n = bus->setup.transfers ? transfers_count(bus->setup.transfers) : 0;
        char **nodes = calloc(n + 1, sizeof *nodes);

        if (!nodes)
                return -ENOMEM;
        for (guint i = 0; i < n; i++)
                if (asprintf(&nodes[i], HVUTILS_OBJECT_TRANSFERS "/%" PRIu64,
                             transfers_get_nth(bus->setup.transfers, i)->id) < 0) {
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
        const Transfer *transfer = transfer_at(userdata, path);

        if (strcmp(property, "FileName") == 0)
                return sd_bus_message_append(reply, "s", transfer->file_name);
        if (strcmp(property, "Directory") == 0)
                return sd_bus_message_append(reply, "s", transfer->directory);
        if (strcmp(property, "State") == 0)
                return sd_bus_message_append(reply, "s", transfer->state);
        return sd_bus_message_append(reply, "s", transfer->reason);
}

static int property_get_number(sd_bus *connection, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error) {
        const Transfer *transfer = transfer_at(userdata, path);

        return sd_bus_message_append(reply, "t",
                                     strcmp(property, "Size") == 0 ? transfer->size : transfer->received);
}

/* --- Cancel --- */

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        const Transfer *transfer = transfer_at(bus, sd_bus_message_get_path(m));
        g_autofree char *path = g_build_filename(transfer->directory, transfer->file_name, NULL);
        int r;

        r = bus_authorize(bus, m, HVUTILS_INTERFACE_TRANSFER, "Cancel", &(AuthorizeTarget){ .path = path },
                          error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return transfer_call_cancel(bus, m, transfer->id, error);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST

const sd_bus_vtable transfer_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("FileName", "s", property_get_text, 0, CONST),
        SD_BUS_PROPERTY("Size", "t", property_get_number, 0, CONST),
        SD_BUS_PROPERTY("Directory", "s", property_get_text, 0, EMITS),
        SD_BUS_PROPERTY("Received", "t", property_get_number, 0, EMITS),
        SD_BUS_PROPERTY("State", "s", property_get_text, 0, EMITS),
        SD_BUS_PROPERTY("Reason", "s", property_get_text, 0, EMITS),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
