/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/stack-follow.h"

#include <string.h>

#include "common/cleanup.h"
#include "service/bus/bus-private.h"
#include "service/network/network.h"

#define NM_NAME       "org.freedesktop.NetworkManager"
#define NM_ROOT       "/org/freedesktop"
#define NETWORKD_NAME "org.freedesktop.network1"
#define RESOLVED_NAME "org.freedesktop.resolve1"
#define RESOLVED_PATH "/org/freedesktop/resolve1"
#define SYSTEMD_NAME  "org.freedesktop.systemd1"
#define SYSTEMD_PATH  "/org/freedesktop/systemd1"
#define PROPERTIES    "org.freedesktop.DBus.Properties"

typedef enum Subject { SUBJECT_NETWORK_MANAGER, SUBJECT_RESOLVED, SUBJECT_SYSTEMD, _SUBJECT_MAX } Subject;

/* A question under way; again: something happened since it was asked. */
typedef struct Inquiry {
        StackFollow *follow;
        sd_bus_slot *slot;
        bool again;
} Inquiry;

struct StackFollow {
        Bus *bus;
        Network *network;
        Inquiry inquiries[_SUBJECT_MAX];
};

static void ask(StackFollow *follow, Subject subject);

/* --- answers --- */

static void tell(StackFollow *follow, StackSource source, GArray *entries) {
        network_set_stack(follow->network, source, (const StackEntry *) entries->data, entries->len);
}

static void hear_network_manager(StackFollow *follow, sd_bus_message *m) {
        g_autoptr(GArray) entries = g_array_new(FALSE, TRUE, sizeof(StackEntry));

        if (sd_bus_message_is_method_error(m, NULL) || networkmanager_read(m, entries) < 0)
                g_array_set_size(entries, 0);
        tell(follow, STACK_NETWORK_MANAGER, entries);
}

static StackEntry *entry_of_index(GArray *entries, unsigned index) {
        for (guint i = 0; i < entries->len; i++)
                if (g_array_index(entries, StackEntry, i).index == index)
                        return &g_array_index(entries, StackEntry, i);
        g_array_set_size(entries, entries->len + 1);
        g_array_index(entries, StackEntry, entries->len - 1).index = index;
        return &g_array_index(entries, StackEntry, entries->len - 1);
}

static void add_server(StackEntry *entry, int family, const void *bytes, size_t n) {
        IpAddress *next = &entry->dns[entry->n_dns];

        if (entry->n_dns >= IP_DNS_MAX || n != (family == AF_INET ? 4 : 16))
                return;
        next->family = family;
        memcpy(family == AF_INET ? (void *) &next->in : (void *) &next->in6, bytes, n);
        entry->n_dns++;
}

/* The property DNS: a(iiay), interface (0: all), family, address. */
static int read_resolved(sd_bus_message *m, GArray *entries) {
        int32_t index, family;
        const void *bytes;
        size_t n;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "a(iiay)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(iiay)");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "iiay")) > 0) {
                r = sd_bus_message_read(m, "ii", &index, &family);
                if (r >= 0)
                        r = sd_bus_message_read_array(m, 'y', &bytes, &n);
                if (r >= 0 && index >= 0 && (family == AF_INET || family == AF_INET6))
                        add_server(entry_of_index(entries, (unsigned) index), family, bytes, n);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static void hear_resolved(StackFollow *follow, sd_bus_message *m) {
        g_autoptr(GArray) entries = g_array_new(FALSE, TRUE, sizeof(StackEntry));

        if (sd_bus_message_is_method_error(m, NULL) || read_resolved(m, entries) < 0)
                g_array_set_size(entries, 0);
        tell(follow, STACK_RESOLVED, entries);
}

/* Without systemd nobody can tell; then there is no hurry. */
static void hear_systemd(StackFollow *follow, sd_bus_message *m) {
        const char *state = "";
        bool booting = !sd_bus_message_is_method_error(m, NULL) &&
                       sd_bus_message_read(m, "v", "s", &state) >= 0 &&
                       (strcmp(state, "initializing") == 0 || strcmp(state, "starting") == 0);

        injector_set_booting(network_get_injector(follow->network), booting);
}

/* --- questions --- */

static int new_get(sd_bus *bus, const char *name, const char *path, const char *interface,
                   const char *property, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(bus, ret, name, path, PROPERTIES, "Get");

        return r < 0 ? r : sd_bus_message_append(*ret, "ss", interface, property);
}

static int new_question(StackFollow *follow, Subject subject, sd_bus_message **ret) {
        sd_bus *bus = follow->bus->connection;

        switch (subject) {
        case SUBJECT_NETWORK_MANAGER:
                return sd_bus_message_new_method_call(bus, ret, NM_NAME, NM_ROOT,
                                                      "org.freedesktop.DBus.ObjectManager",
                                                      "GetManagedObjects");
        case SUBJECT_RESOLVED:
                return new_get(bus, RESOLVED_NAME, RESOLVED_PATH, RESOLVED_NAME ".Manager", "DNS", ret);
        case SUBJECT_SYSTEMD:
                return new_get(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "SystemState", ret);
        case _SUBJECT_MAX:
                break;
        }
        g_assert_not_reached();
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static void (*const hear[_SUBJECT_MAX])(StackFollow *, sd_bus_message *) = {
                [SUBJECT_NETWORK_MANAGER] = hear_network_manager,
                [SUBJECT_RESOLVED] = hear_resolved,
                [SUBJECT_SYSTEMD] = hear_systemd,
        };
        Inquiry *inquiry = userdata;
        StackFollow *follow = inquiry->follow;
        Subject subject = (Subject) (inquiry - follow->inquiries);
        bool again = inquiry->again;

        inquiry->again = false;
        inquiry->slot = sd_bus_slot_unref(inquiry->slot);
        hear[subject](follow, m);
        if (again)
                ask(follow, subject);
        return 0;
}

static void ask(StackFollow *follow, Subject subject) {
        Inquiry *inquiry = &follow->inquiries[subject];
        g_autoptr(sd_bus_message) m = NULL;

        if (!follow->bus->connected)
                return;
        if (inquiry->slot) {
                inquiry->again = true;
                return;
        }
        if (new_question(follow, subject, &m) >= 0 && sd_bus_message_set_auto_start(m, false) >= 0)
                (void) sd_bus_call_async(follow->bus->connection, &inquiry->slot, m, on_answer, inquiry, 0);
}

/* --- news --- */

static int on_network_manager(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ask(userdata, SUBJECT_NETWORK_MANAGER);
        return 0;
}

static int on_networkd(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ask(userdata, SUBJECT_RESOLVED);
        return 0;
}

static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ask(userdata, SUBJECT_SYSTEMD);
        return 0;
}

/* Somebody came or went: a stack, a configurator, or any name that Configurator= may mean. */
static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        StackFollow *follow = userdata;
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
                return 0;
        if (strcmp(name, NM_NAME) == 0)
                ask(follow, SUBJECT_NETWORK_MANAGER);
        if (strcmp(name, RESOLVED_NAME) == 0)
                ask(follow, SUBJECT_RESOLVED);
        if (after[0] != '\0')
                injector_wake(network_get_injector(follow->network));
        return 0;
}

static int match(StackFollow *follow, const char *rule, sd_bus_message_handler_t handler) {
        return sd_bus_add_match_async(follow->bus->connection, NULL, rule, handler, NULL, follow);
}

#define OWNER_OF(argument, name)                                                                             \
        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"                      \
        "member='NameOwnerChanged'," argument "='" name "'"
#define CHANGED_OF(name, interface)                                                                          \
        "type='signal',sender='" name "',interface='" PROPERTIES                                             \
        "',member='PropertiesChanged',arg0='" interface "'"

static int match_configured(StackFollow *follow) {
        const char *name = network_get_configuration(follow->network)->network.configurator;
        g_autofree char *rule = NULL;

        if (!name || strcmp(name, "auto") == 0 || !sd_bus_service_name_is_valid(name))
                return 0;
        rule = g_strdup_printf(OWNER_OF("arg0", "%s"), name);
        return match(follow, rule, on_owner);
}

int stack_follow_start(StackFollow *follow) {
        static const struct {
                const char *rule;
                sd_bus_message_handler_t handler;
        } matches[] = {
                { OWNER_OF("arg0", NM_NAME), on_owner },
                { OWNER_OF("arg0", NETWORKD_NAME), on_owner },
                { OWNER_OF("arg0", RESOLVED_NAME), on_owner },
                { OWNER_OF("arg0namespace", "org.hyperv.Utils.Configurator"), on_owner },
                { CHANGED_OF(NM_NAME, NM_NAME ".Device"), on_network_manager },
                { CHANGED_OF(NM_NAME, NM_NAME ".IP4Config"), on_network_manager },
                { CHANGED_OF(NM_NAME, NM_NAME ".IP6Config"), on_network_manager },
                { CHANGED_OF(NETWORKD_NAME, NETWORKD_NAME ".Link"), on_networkd },
                { "type='signal',sender='" SYSTEMD_NAME "',member='StartupFinished'", on_started },
        };
        int r = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(matches) && r >= 0; i++)
                r = match(follow, matches[i].rule, matches[i].handler);
        if (r >= 0)
                r = match_configured(follow);
        for (int subject = 0; subject < _SUBJECT_MAX; subject++)
                ask(follow, (Subject) subject);
        injector_wake(network_get_injector(follow->network));
        return r;
}

void stack_follow_drop(StackFollow *follow) {
        for (int subject = 0; subject < _SUBJECT_MAX; subject++) {
                follow->inquiries[subject].slot = sd_bus_slot_unref(follow->inquiries[subject].slot);
                follow->inquiries[subject].again = false;
        }
}

void stack_follow_refresh(StackFollow *follow) {
        ask(follow, SUBJECT_RESOLVED);
}

StackFollow *stack_follow_new(Bus *bus) {
        StackFollow *follow = g_new0(StackFollow, 1);

        follow->bus = bus;
        follow->network = bus->setup.network;
        for (int subject = 0; subject < _SUBJECT_MAX; subject++)
                follow->inquiries[subject].follow = follow;
        return follow;
}

StackFollow *stack_follow_free(StackFollow *follow) {
        if (!follow)
                return NULL;
        stack_follow_drop(follow);
        g_free(follow);
        return NULL;
}
