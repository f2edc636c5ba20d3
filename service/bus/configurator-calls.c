/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/configurator-calls.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"
#include "service/bus/bus-private.h"

#define CONFIGURATOR_PATH "/org/hyperv/Utils/Configurator"
/* The rollback comes on top of what Apply may take. */
#define ROLLBACK_USEC (10 * USEC_PER_SEC)

struct ConfiguratorCalls {
        Bus *bus;
        GHashTable *pending; /* ConfiguratorCall, a set */
        Configurators table;
};

struct ConfiguratorCall {
        ConfiguratorCalls *calls;
        sd_bus_slot *slot;
        ConfiguratorAnswered answered;
        void *userdata;
};

static void call_free(void *p) {
        ConfiguratorCall *call = p;

        sd_bus_slot_unref(call->slot);
        g_free(call);
}

/* The last thing that happens to a call. */
static void call_answer(ConfiguratorCall *call, ConfiguratorResult result, const char *reason) {
        ConfiguratorAnswered answered = call->answered;
        void *userdata = call->userdata;

        g_hash_table_steal(call->calls->pending, call);
        answered(result, reason, userdata);
        call_free(call);
}

/* --- what it says --- */

static bool means_absent(const sd_bus_error *error) {
        static const char *const names[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_DISCONNECTED,    SD_BUS_ERROR_TIMEOUT,           HVUTILS_ERROR_UNAVAILABLE,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (strcmp(error->name, names[i]) == 0)
                        return true;
        return g_str_has_prefix(error->name, "org.freedesktop.DBus.Error.Spawn.");
}

static void answer_error(ConfiguratorCall *call, const sd_bus_error *error) {
        const char *sentence = error->message && *error->message ? error->message : error->name;

        if (means_absent(error))
                call_answer(call, CONFIGURATOR_ABSENT, sentence);
        else if (strcmp(error->name, HVUTILS_ERROR_BUSY) == 0)
                call_answer(call, CONFIGURATOR_BUSY, sentence);
        else
                call_answer(call, CONFIGURATOR_FAILED, sentence);
}

static int on_probed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *word, *reason;
        ConfiguratorResult result;

        if (sd_bus_message_is_method_error(m, NULL)) {
                answer_error(userdata, sd_bus_message_get_error(m));
                return 0;
        }
        if (sd_bus_message_read(m, "ss", &word, &reason) < 0) {
                call_answer(userdata, CONFIGURATOR_FAILED, "its answer makes no sense");
                return 0;
        }
        result = configurator_result_from_string(word);
        if (result < 0 || result > CONFIGURATOR_ABSENT)
                result = CONFIGURATOR_FAILED;
        call_answer(userdata, result, reason);
        return 0;
}

static int on_done(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        if (sd_bus_message_is_method_error(m, NULL))
                answer_error(userdata, sd_bus_message_get_error(m));
        else
                call_answer(userdata, CONFIGURATOR_YES, "");
        return 0;
}

/* --- what we say --- */

static const char *address_text(const IpAddress *address, char text[INET6_ADDRSTRLEN]) {
        return inet_ntop(address->family,
                         address->family == AF_INET ? (const void *) &address->in
                                                    : (const void *) &address->in6,
                         text, INET6_ADDRSTRLEN);
}

static int append_list(sd_bus_message *m, const char *key, const IpAddress *addresses, size_t n) {
        char text[INET6_ADDRSTRLEN];
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append(m, "s", address_text(&addresses[i], text));
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_addresses(sd_bus_message *m, const IpSettings *settings) {
        char text[INET6_ADDRSTRLEN];
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "addresses");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(su)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(su)");
        for (size_t i = 0; i < settings->n_addresses && r >= 0; i++)
                r = sd_bus_message_append(m, "(su)", address_text(&settings->addresses[i], text),
                                          (uint32_t) settings->addresses[i].prefix);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_settings(sd_bus_message *m, const ConfiguratorWish *wish) {
        const IpSettings *settings = wish->settings;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "adapter", "s", settings->adapter, "mac",
                                          "s", wish->mac, "dhcp4", "b", (int) settings->dhcp, "families", "u",
                                          (uint32_t) settings->families);
        if (r >= 0)
                r = append_addresses(m, settings);
        if (r >= 0)
                r = append_list(m, "gateways", settings->gateways, settings->n_gateways);
        if (r >= 0)
                r = append_list(m, "dns", settings->dns, settings->n_dns);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int message_new(const ConfiguratorCalls *calls, const ConfiguratorWish *wish, const char *member,
                       sd_bus_message **ret) {
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        if (!calls->bus->connected)
                return -ENOTCONN;
        r = sd_bus_message_new_method_call(calls->bus->connection, &m, wish->name, CONFIGURATOR_PATH,
                                           HVUTILS_INTERFACE_CONFIGURATOR, member);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", wish->interface);
        if (r >= 0 && wish->settings)
                r = append_settings(m, wish);
        if (r >= 0 && wish->settings)
                r = sd_bus_message_append(m, "t", wish->timeout_usec);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&m);
        return 0;
}

static ConfiguratorCall *call_send(ConfiguratorCalls *calls, const ConfiguratorWish *wish, const char *member,
                                   sd_bus_message_handler_t handler, uint64_t timeout_usec) {
        g_autoptr(sd_bus_message) m = NULL;
        g_autofree ConfiguratorCall *call = g_new0(ConfiguratorCall, 1);

        call->calls = calls;
        call->answered = wish->answered;
        call->userdata = wish->userdata;
        if (message_new(calls, wish, member, &m) < 0 ||
            sd_bus_call_async(calls->bus->connection, &call->slot, m, handler, call, timeout_usec) < 0)
                return NULL;
        g_hash_table_add(calls->pending, call);
        return g_steal_pointer(&call);
}

static ConfiguratorCall *probe(const ConfiguratorWish *wish, void *userdata) {
        return call_send(userdata, wish, "Probe", on_probed, wish->timeout_usec);
}

static ConfiguratorCall *apply(const ConfiguratorWish *wish, void *userdata) {
        return call_send(userdata, wish, "Apply", on_done, wish->timeout_usec + ROLLBACK_USEC);
}

static ConfiguratorCall *revert(const ConfiguratorWish *wish, void *userdata) {
        return call_send(userdata, wish, "Revert", on_done, wish->timeout_usec);
}

static void cancel(ConfiguratorCall *call, void *userdata) {
        ConfiguratorCalls *calls = userdata;

        (void) g_hash_table_remove(calls->pending, call);
}

/* --- lifecycle --- */

ConfiguratorCalls *configurator_calls_new(Bus *bus) {
        ConfiguratorCalls *calls = g_new0(ConfiguratorCalls, 1);

        calls->bus = bus;
        calls->pending = g_hash_table_new_full(NULL, NULL, call_free, NULL);
        calls->table = (Configurators){ probe, apply, revert, cancel, calls };
        return calls;
}

ConfiguratorCalls *configurator_calls_free(ConfiguratorCalls *calls) {
        if (!calls)
                return NULL;
        g_hash_table_unref(calls->pending);
        g_free(calls);
        return NULL;
}

const Configurators *configurator_calls_table(const ConfiguratorCalls *calls) {
        return &calls->table;
}

void configurator_calls_drop(ConfiguratorCalls *calls) {
        GHashTableIter iter;
        gpointer call;

        for (;;) {
                g_hash_table_iter_init(&iter, calls->pending);
                if (!g_hash_table_iter_next(&iter, &call, NULL))
                        return;
                call_answer(call, CONFIGURATOR_ABSENT, "the bus is gone");
        }
}
