/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/transfer-facts.h"

#include <inttypes.h>
#include <string.h>

#include "cli/service-facts.h"
#include "common/cleanup.h"
#include "common/names.h"

TransferFacts *transfer_facts_new(const char *path) {
        TransferFacts *facts = g_new0(TransferFacts, 1);
        const char *number = strrchr(path, '/');

        facts->id = number ? g_ascii_strtoull(number + 1, NULL, 10) : 0;
        return facts;
}

TransferFacts *transfer_facts_free(TransferFacts *facts) {
        if (!facts)
                return NULL;
        g_free(facts->file_name);
        g_free(facts->directory);
        g_free(facts->state);
        g_free(facts->reason);
        g_free(facts);
        return NULL;
}

char *transfer_facts_path(const char *number) {
        guint64 id;
        if (!g_ascii_string_to_unsigned(number, 10, 0, UINT64_MAX, &id, NULL))
                return NULL;
        return g_strdup_printf(HVUTILS_OBJECT_TRANSFERS "/%" PRIu64, id);
}

int transfer_facts_read_property(sd_bus_message *message, const char *name, void *userdata) {
        TransferFacts *facts = userdata;
        if (strcmp(name, "FileName") == 0)
                return facts_read_text(message, &facts->file_name) ?: 1;
        if (strcmp(name, "Directory") == 0)
                return facts_read_text(message, &facts->directory) ?: 1;
        if (strcmp(name, "State") == 0)
                return facts_read_text(message, &facts->state) ?: 1;
        if (strcmp(name, "Reason") == 0)
                return facts_read_text(message, &facts->reason) ?: 1;
        if (strcmp(name, "Size") == 0)
                return sd_bus_message_read(message, "t", &facts->size);
        if (strcmp(name, "Received") == 0)
                return sd_bus_message_read(message, "t", &facts->received);
        return 0;
}

ExitStatus transfer_facts_read(Client *client, const char *path, TransferFacts **ret, Failure *failure) {
        g_autoptr(TransferFacts) facts = transfer_facts_new(path);
        ExitStatus status = facts_read_interface(client, path, HVUTILS_INTERFACE_TRANSFER,
                                                 transfer_facts_read_property, facts, failure);
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
                if (r >= 0 && strcmp(interface, HVUTILS_INTERFACE_TRANSFER) == 0) {
                        TransferFacts *facts = transfer_facts_new(path);
                        g_ptr_array_add(list, facts);
                        r = facts_read_properties(message, transfer_facts_read_property, facts);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(message);
                } else if (r >= 0)
                        r = sd_bus_message_skip(message, "a{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_objects(sd_bus_message *message, GPtrArray *list) {
        const char *path;
        int r = sd_bus_message_enter_container(message, 'a', "{oa{sa{sv}}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "oa{sa{sv}}")) > 0) {
                r = sd_bus_message_read(message, "o", &path);
                if (r >= 0)
                        r = read_interfaces(message, path, list);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r;
}

static int compare_ids(const void *a, const void *b) {
        const TransferFacts *first = *(TransferFacts *const *) a, *second = *(TransferFacts *const *) b;
        return (first->id > second->id) - (first->id < second->id);
}

static void free_element(void *facts) {
        transfer_facts_free(facts);
}

ExitStatus transfer_facts_list(Client *client, GPtrArray **ret, Failure *failure) {
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_element);
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

/* --- what they mean --- */

bool transfer_facts_is_running(const TransferFacts *facts) {
        return g_strcmp0(facts->state, "receiving") == 0 || g_strcmp0(facts->state, "paused") == 0;
}

unsigned transfer_facts_percent(const TransferFacts *facts) {
        if (facts->size == 0)
                return 100;
        return (unsigned) (100.0 * (double) MIN(facts->received, facts->size) / (double) facts->size);
}
