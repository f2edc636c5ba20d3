/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/transfers-object.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/errors.h"
#include "service/bus/tree.h"
#include "service/link/fields.h"

static const char *const state_properties[] = { "AllowedRoots", "Active", NULL };
static const char *const changing_properties[] = { "Directory", "Received", "State", "Reason", NULL };

const ObjectKind transfer_kind = {
        .parent_path = HVUTILS_OBJECT_TRANSFERS,
        .parent_interface = HVUTILS_INTERFACE_TRANSFERS,
        .interface = HVUTILS_INTERFACE_TRANSFER,
        .parent_properties = state_properties,
        .properties = changing_properties,
};

int transfers_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                          void **ret_found, sd_bus_error *error) {
        if (strcmp(path, HVUTILS_OBJECT_TRANSFERS) != 0)
                return 0;
        *ret_found = userdata;
        return 1;
}

/* --- calls that wait --- */

typedef struct TransferCall {
        Bus *bus;
        sd_bus_message *call;
        BusCharge *charge;
} TransferCall;

static TransferCall *transfer_call_new(Bus *bus, sd_bus_message *m, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(m);
        BusCharge *charge = bus_charge_new(bus->limits, BUS_LIMIT_CALLS, sender ? sender : "");
        TransferCall *call;

        if (!charge) {
                (void) bus_error_limit(error, BUS_LIMIT_CALLS);
                return NULL;
        }
        call = g_new0(TransferCall, 1);
        call->bus = bus;
        call->call = sd_bus_message_ref(m);
        call->charge = charge;
        g_hash_table_add(bus->transfer_calls, call);
        return call;
}

void transfer_call_free(void *p) {
        TransferCall *call = p;

        transfers_forget(call->bus->setup.transfers, call);
        bus_charge_free(call->charge);
        sd_bus_message_unref(call->call);
        g_free(call);
}

static int transfer_call_reply(const TransferCall *call, int result, const LinkMessage *answer) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;

        if (result >= 0)
                return sd_bus_reply_method_return(call->call, NULL);
        (void) bus_error_transfer(&error, result, answer ? link_message_get(answer, LINK_FIELD_ERROR) : NULL);
        return sd_bus_reply_method_error(call->call, &error);
}

static void on_cancelled(int result, const LinkMessage *answer, bool more, void *userdata) {
        TransferCall *call = userdata;
        Bus *bus = call->bus;
        int r = transfer_call_reply(call, result, answer);

        g_hash_table_remove(bus->transfer_calls, call);
        if (r < 0)
                bus_sending_failed(bus, r);
}

int transfer_call_cancel(Bus *bus, sd_bus_message *m, uint64_t id, sd_bus_error *error) {
        TransferCall *call = transfer_call_new(bus, m, error);

        if (!call)
                return -EBUSY;
        transfers_cancel(bus->setup.transfers, id, on_cancelled, call);
        return 1;
}

/* --- properties --- */

static int property_get_allowed_roots(sd_bus *connection, const char *path, const char *interface,
                                      const char *property, sd_bus_message *reply, void *userdata,
                                      sd_bus_error *error) {
        const Bus *bus = userdata;
        const char *const *roots = bus->setup.transfers ? transfers_get_roots(bus->setup.transfers) : NULL;

        return sd_bus_message_append_strv(reply, (char **) roots);
}

static int property_get_active(sd_bus *connection, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error) {
        const Bus *bus = userdata;

        return sd_bus_message_append(
                reply, "u", bus->setup.transfers ? transfers_count_running(bus->setup.transfers) : 0);
}

/* --- what happens --- */

void bus_transfers_changed(Bus *bus) {
        if (bus && bus->connected)
                object_changes_add_state(bus->transfer_changes);
}

void bus_transfer_changed(Bus *bus, const Transfer *transfer, bool is_new) {
        if (bus && bus->connected)
                object_changes_add(bus->transfer_changes, transfer->id, is_new);
}

void bus_transfer_removed(Bus *bus, uint64_t id) {
        if (bus && bus->connected)
                object_changes_remove(bus->transfer_changes, id);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable transfers_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("AllowedRoots", "as", property_get_allowed_roots, 0, EMITS),
        SD_BUS_PROPERTY("Active", "u", property_get_active, 0, EMITS),
        SD_BUS_VTABLE_END,
};
