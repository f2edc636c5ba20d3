/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "common/log.h"
#include "configurators/configurator-names.h"
#include "configurators/networkmanager/apply.h"
#include "configurators/networkmanager/configurator-interface.h"
#include "configurators/networkmanager/configurator.h"
#include "configurators/networkmanager/device.h"
#include "configurators/networkmanager/failure.h"
#include "configurators/networkmanager/request.h"
#include "configurators/networkmanager/revert.h"

struct Configurator {
        GDBusConnection *bus;
        NMClient *client;
        double time_scale;
        void (*changed)(void *userdata);
        void *userdata;
        guint registration;
        GHashTable *injections; /* interface -> Injection, the running one */
        unsigned n_pending;
};

/* An Apply that somebody waits for. A newer one for the same interface waits in `next` until this one has gone back. */
typedef struct Injection {
        Configurator *configurator;
        GDBusMethodInvocation *invocation;
        Apply *apply;
        struct Injection *next;
} Injection;

static void count(Configurator *configurator, int by) {
        configurator->n_pending = (unsigned) ((int) configurator->n_pending + by);
        configurator->changed(configurator->userdata);
}

static NMDevice *find_device(Configurator *configurator, const char *interface, GError **error) {
        NMDevice *device = nm_client_get_device_by_iface(configurator->client, interface);

        if (!nm_client_get_nm_running(configurator->client))
                g_set_error(error, FAILURE, FAILURE_UNAVAILABLE, "NetworkManager is not running.");
        else if (!device)
                g_set_error(error, FAILURE, FAILURE_INVALID, "NetworkManager does not know %s.", interface);
        else
                return device;
        return NULL;
}

/* --- Probe, Describe --- */

static void handle_probe(Configurator *configurator, GVariant *parameters,
                         GDBusMethodInvocation *invocation) {
        g_autofree char *reason = NULL;
        const char *interface;
        ProbeResult result;

        g_variant_get(parameters, "(&s)", &interface);
        result = device_probe(configurator->client, interface, &reason);
        g_dbus_method_invocation_return_value(invocation,
                                              g_variant_new("(ss)", probe_result_to_string(result), reason));
}

static void handle_describe(Configurator *configurator, GVariant *parameters,
                            GDBusMethodInvocation *invocation) {
        GError *error = NULL;
        const char *interface;
        NMDevice *device;

        g_variant_get(parameters, "(&s)", &interface);
        device = find_device(configurator, interface, &error);
        if (device)
                g_dbus_method_invocation_return_value(
                        invocation, g_variant_new("(@a{sv})", device_describe(configurator->client, device)));
        else
                g_dbus_method_invocation_take_error(invocation, error);
}

/* --- Apply --- */

static void answer(Injection *injection, const GError *error) {
        const char *interface = apply_interface(injection->apply);

        if (error) {
                log_notice("%s: %s", interface, error->message);
                g_dbus_method_invocation_return_gerror(injection->invocation, error);
        } else {
                log_info("%s has its new addresses.", interface);
                g_dbus_method_invocation_return_value(injection->invocation, NULL);
        }
        apply_unref(injection->apply);
        count(injection->configurator, -1);
        g_free(injection);
}

static void on_applied(Apply *apply, const GError *error, void *userdata) {
        Injection *injection = userdata, *next = injection->next;
        GHashTable *injections = injection->configurator->injections;

        if (next)
                g_hash_table_replace(injections, g_strdup(apply_interface(apply)), next);
        else
                g_hash_table_remove(injections, apply_interface(apply));
        answer(injection, error);
        if (next)
                apply_start(next->apply);
}

static void enqueue(Injection *injection) {
        GHashTable *injections = injection->configurator->injections;
        const char *interface = apply_interface(injection->apply);
        Injection *running = g_hash_table_lookup(injections, interface);
        g_autoptr(GError) superseded = NULL;

        if (!running) {
                g_hash_table_insert(injections, g_strdup(interface), injection);
                apply_start(injection->apply);
                return;
        }
        if (running->next) {
                superseded = g_error_new(FAILURE, FAILURE_BUSY, "A newer injection came.");
                answer(running->next, superseded);
        }
        running->next = injection;
        apply_cancel(running->apply, "A newer injection came.");
}

/* What Probe refuses, Apply does not do either; a checkpoint may be our own of an injection that the new one cancels. */
static bool may_apply(Configurator *configurator, const char *interface, GError **error) {
        g_autofree char *reason = NULL;

        if (g_hash_table_contains(configurator->injections, interface))
                return true;
        switch (device_probe(configurator->client, interface, &reason)) {
        case PROBE_YES:
                return true;
        case PROBE_ABSENT:
                g_set_error_literal(error, FAILURE, FAILURE_UNAVAILABLE, reason);
                return false;
        case PROBE_NO:
        case PROBE_REFUSED:
                g_set_error(error, FAILURE, g_str_has_prefix(reason, "busy") ? FAILURE_BUSY : FAILURE_FAILED,
                            "%s: %s", interface, reason);
                return false;
        case _PROBE_MAX:
                break;
        }
        g_assert_not_reached();
}

static void handle_apply(Configurator *configurator, GVariant *parameters,
                         GDBusMethodInvocation *invocation) {
        g_autoptr(GVariant) words = NULL;
        g_autoptr(AddressSettings) settings = NULL;
        GError *error = NULL;
        const char *interface;
        guint64 timeout_usec;
        Injection *injection;

        g_variant_get(parameters, "(&s@a{sv}t)", &interface, &words, &timeout_usec);
        settings = request_parse(words, &error);
        if (!settings || !may_apply(configurator, interface, &error)) {
                g_dbus_method_invocation_take_error(invocation, error);
                return;
        }
        injection = g_new0(Injection, 1);
        injection->configurator = configurator;
        injection->invocation = invocation;
        injection->apply = apply_new(
                configurator->client, nm_client_get_device_by_iface(configurator->client, interface),
                g_steal_pointer(&settings), timeout_usec, configurator->time_scale, on_applied, injection);
        count(configurator, +1);
        enqueue(injection);
}

/* --- Revert --- */

typedef struct Reversion {
        Configurator *configurator;
        GDBusMethodInvocation *invocation;
} Reversion;

static void on_reverted(bool reverted, const GError *error, void *userdata) {
        g_autofree Reversion *reversion = userdata;

        if (error)
                g_dbus_method_invocation_return_gerror(reversion->invocation, error);
        else
                g_dbus_method_invocation_return_value(reversion->invocation, g_variant_new("(b)", reverted));
        count(reversion->configurator, -1);
}

static void handle_revert(Configurator *configurator, GVariant *parameters,
                          GDBusMethodInvocation *invocation) {
        GError *error = NULL;
        const char *interface;
        NMDevice *device;

        g_variant_get(parameters, "(&s)", &interface);
        device = find_device(configurator, interface, &error);
        if (device && g_hash_table_contains(configurator->injections, interface))
                error = g_error_new(FAILURE, FAILURE_BUSY, "%s is being configured.", interface);
        if (error) {
                g_dbus_method_invocation_take_error(invocation, error);
                return;
        }
        Reversion *reversion = g_new0(Reversion, 1);
        reversion->configurator = configurator;
        reversion->invocation = invocation;
        count(configurator, +1);
        revert_start(configurator->client, device, on_reverted, reversion);
}

/* --- the object --- */

static void on_method(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                      const char *method, GVariant *parameters, GDBusMethodInvocation *invocation,
                      gpointer userdata) {
        static const struct {
                const char *name;
                void (*handle)(Configurator *configurator, GVariant *parameters,
                               GDBusMethodInvocation *invocation);
        } methods[] = {
                { "Probe", handle_probe },
                { "Apply", handle_apply },
                { "Describe", handle_describe },
                { "Revert", handle_revert },
        };
        Configurator *configurator = userdata;

        count(configurator, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (strcmp(method, methods[i].name) == 0) {
                        methods[i].handle(configurator, parameters, invocation);
                        return;
                }
        g_dbus_method_invocation_return_error(invocation, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD,
                                              "No method %s.", method);
}

Configurator *configurator_new(GDBusConnection *bus, NMClient *client, double time_scale,
                               void (*changed)(void *userdata), void *userdata, GError **error) {
        static const GDBusInterfaceVTable vtable = { .method_call = on_method };
        g_autoptr(Configurator) configurator = g_new0(Configurator, 1);

        configurator->bus = g_object_ref(bus);
        configurator->client = g_object_ref(client);
        configurator->time_scale = time_scale;
        configurator->changed = changed;
        configurator->userdata = userdata;
        configurator->injections = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        configurator->registration = g_dbus_connection_register_object(
                bus, CONFIGURATOR_OBJECT, (GDBusInterfaceInfo *) &org_hyperv_utils_configurator_interface,
                &vtable, configurator, NULL, error);
        if (!configurator->registration)
                return NULL;
        return g_steal_pointer(&configurator);
}

Configurator *configurator_free(Configurator *configurator) {
        if (!configurator)
                return NULL;
        if (configurator->registration)
                g_dbus_connection_unregister_object(configurator->bus, configurator->registration);
        g_assert(g_hash_table_size(configurator->injections) == 0);
        g_hash_table_unref(configurator->injections);
        g_object_unref(configurator->client);
        g_object_unref(configurator->bus);
        g_free(configurator);
        return NULL;
}

unsigned configurator_n_pending(const Configurator *configurator) {
        return configurator->n_pending;
}

void configurator_cancel_all(Configurator *configurator, const char *reason) {
        g_autoptr(GList) running = g_hash_table_get_values(configurator->injections);

        for (GList *item = running; item; item = item->next)
                apply_cancel(((Injection *) item->data)->apply, reason);
}
