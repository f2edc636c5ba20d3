/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/names.h"
#include "configurators/configurator-names.h"
#include "configurators/interface.h"
#include "configurators/networkd/apply.h"
#include "configurators/networkd/configurator.h"
#include "configurators/networkd/file-store.h"
#include "configurators/networkd/network-file.h"
#include "configurators/networkd/reload.h"
#include "configurators/networkd/request.h"

struct Configurator {
        sd_bus *bus;
        sd_bus_slot *object;
        void (*changed)(void *userdata);
        void *userdata;
        GHashTable *injections; /* interface -> Injection, the running one */
        unsigned n_pending;
};

/* An Apply that somebody waits for. A newer one for the same interface waits in `next` until this one has gone back. */
typedef struct Injection {
        Configurator *configurator;
        sd_bus_message *message;
        Apply *apply;
        struct Injection *next;
} Injection;

static void count(Configurator *configurator, int by) {
        configurator->n_pending = (unsigned) ((int) configurator->n_pending + by);
        configurator->changed(configurator->userdata);
}

/* --- Probe --- */

static const char *probe_link(const char *interface, char **ret_reason) {
        g_autofree char *state = interface_networkd_state(interface), *master = interface_master(interface);

        if (!state || strcmp(state, "unmanaged") == 0 || strcmp(state, "linger") == 0) {
                *ret_reason = g_strdup("systemd-networkd does not manage it");
                return "no";
        }
        if (!master) {
                *ret_reason = g_strdup("");
                return "yes";
        }
        *ret_reason = g_strdup_printf("is a port of %s", master);
        return "refused";
}

/* What waits for the answer whether networkd is there. */
typedef struct Question {
        Configurator *configurator;
        sd_bus_message *message;
        char *interface;
        void (*go_on)(struct Question *question, bool present);
} Question;

static void question_free(void *data) {
        Question *question = data;

        count(question->configurator, -1);
        sd_bus_message_unref(question->message);
        g_free(question->interface);
        g_free(question);
}

static int on_presence(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Question *question = userdata;
        int present = 0;

        if (!sd_bus_message_is_method_error(reply, NULL))
                (void) sd_bus_message_read(reply, "b", &present);
        question->go_on(question, present);
        return 0;
}

static int ask_presence(Configurator *configurator, sd_bus_message *message, const char *interface,
                        void (*go_on)(Question *question, bool present)) {
        Question *question = g_new0(Question, 1);
        g_autoptr(sd_bus_slot) slot = NULL;
        int r;

        question->configurator = configurator;
        question->message = sd_bus_message_ref(message);
        question->interface = g_strdup(interface);
        question->go_on = go_on;
        count(configurator, +1);
        r = networkd_ask_presence(configurator->bus, &slot, on_presence, question);
        if (r < 0) {
                question_free(question);
                return r;
        }
        (void) sd_bus_slot_set_destroy_callback(slot, question_free);
        return sd_bus_slot_set_floating(slot, true) < 0 ? r : 1;
}

static void answer_probe(Question *question, bool present) {
        g_autofree char *reason = NULL;
        const char *result = "absent";

        if (present)
                result = probe_link(question->interface, &reason);
        (void) sd_bus_reply_method_return(question->message, "ss", result,
                                          reason ?: "systemd-networkd is not running");
}

static int method_probe(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *interface;
        int r = sd_bus_message_read(message, "s", &interface);

        return r < 0 ? r : ask_presence(userdata, message, interface, answer_probe);
}

/* --- Apply --- */

static void answer(Injection *injection, const char *error, const char *sentence) {
        const char *interface = apply_interface(injection->apply);

        if (error) {
                log_notice("%s: %s", interface, sentence);
                (void) sd_bus_reply_method_errorf(injection->message, error, "%s", sentence);
        } else {
                log_info("%s has its new addresses.", interface);
                (void) sd_bus_reply_method_return(injection->message, NULL);
        }
        sd_bus_message_unref(injection->message);
        apply_free(injection->apply);
        count(injection->configurator, -1);
        g_free(injection);
}

static void on_applied(Apply *apply, const char *error, const char *sentence, void *userdata) {
        Injection *injection = userdata, *next = injection->next;
        GHashTable *injections = injection->configurator->injections;

        if (next)
                g_hash_table_replace(injections, g_strdup(apply_interface(apply)), next);
        else
                g_hash_table_remove(injections, apply_interface(apply));
        answer(injection, error, sentence);
        if (next)
                apply_start(next->apply);
}

static void enqueue(Injection *injection) {
        GHashTable *injections = injection->configurator->injections;
        const char *interface = apply_interface(injection->apply);
        Injection *running = g_hash_table_lookup(injections, interface);

        if (!running) {
                g_hash_table_insert(injections, g_strdup(interface), injection);
                apply_start(injection->apply);
                return;
        }
        if (running->next)
                answer(running->next, HVUTILS_ERROR_BUSY, "A newer injection came.");
        running->next = injection;
        apply_cancel(running->apply, "A newer injection came.");
}

static void begin_injection(Question *question, AddressSettings *settings, uint64_t timeout_usec) {
        Injection *injection = g_new0(Injection, 1);

        injection->configurator = question->configurator;
        injection->message = sd_bus_message_ref(question->message);
        injection->apply = apply_new(question->configurator->bus, question->interface, settings, timeout_usec,
                                     on_applied, injection);
        count(question->configurator, +1);
        enqueue(injection);
}

/* Read a second time: what the message said is certain since it was asked for the first time. */
static void go_on_applying(Question *question, bool present) {
        g_autoptr(AddressSettings) settings = NULL;
        g_autofree char *sentence = NULL, *reason = NULL;
        uint64_t timeout_usec = 0;
        bool may = present && strcmp(probe_link(question->interface, &reason), "yes") == 0;

        if (!present) {
                (void) sd_bus_reply_method_errorf(question->message, HVUTILS_ERROR_UNAVAILABLE,
                                                  "systemd-networkd is not running.");
        } else if (!may) {
                (void) sd_bus_reply_method_errorf(question->message, HVUTILS_ERROR_FAILED, "%s: %s",
                                                  question->interface, reason);
        } else if (sd_bus_message_rewind(question->message, true) >= 0 &&
                   sd_bus_message_skip(question->message, "s") >= 0 &&
                   request_read(question->message, &settings, &sentence) >= 0 &&
                   sd_bus_message_read(question->message, "t", &timeout_usec) >= 0) {
                begin_injection(question, g_steal_pointer(&settings), timeout_usec);
        }
}

static int method_apply(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        g_autoptr(AddressSettings) settings = NULL;
        g_autofree char *sentence = NULL;
        const char *interface;
        int r = sd_bus_message_read(message, "s", &interface);

        if (r >= 0)
                r = request_read(message, &settings, &sentence);
        if (sentence)
                return sd_bus_error_set(ret_error, HVUTILS_ERROR_INVALID, sentence);
        return r < 0 ? r : ask_presence(userdata, message, interface, go_on_applying);
}

/* --- Describe --- */

static int append_words(sd_bus_message *reply, const char *interface) {
        g_autofree char *file = interface_networkd_word(interface, "NETWORK_FILE"), *text = NULL,
                        *state = interface_networkd_state(interface),
                        *dns = interface_networkd_word(interface, "DNS");
        g_auto(GStrv) servers = g_strsplit(dns ?: "", " ", -1);
        bool managed = state && strcmp(state, "unmanaged") != 0;
        int r;

        if (file)
                (void) g_file_get_contents(file, &text, NULL, NULL);
        r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "dhcp4", "b",
                                  (int) (text && network_file_has_dhcp4(text)), "profile", "s", file ?: "",
                                  "managed", "b", (int) managed);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "dns");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, servers);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int method_describe(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        g_autoptr(sd_bus_message) reply = NULL;
        const char *interface;
        int r = sd_bus_message_read(message, "s", &interface);

        count(userdata, 0);
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_words(reply, interface);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* --- Revert --- */

static int on_reverted(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        sd_bus_message *message = userdata;

        if (sd_bus_message_is_method_error(reply, NULL))
                return sd_bus_reply_method_errorf(message, HVUTILS_ERROR_UNAVAILABLE, "%s",
                                                  sd_bus_message_get_error(reply)->message);
        return sd_bus_reply_method_return(message, "b", true);
}

static void drop_message(void *message) {
        sd_bus_message_unref(message);
}

static int method_revert(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        Configurator *configurator = userdata;
        g_autofree char *match = NULL, *path = NULL;
        g_autoptr(sd_bus_slot) slot = NULL;
        const char *interface;
        int r = sd_bus_message_read(message, "s", &interface);

        count(configurator, 0);
        if (r < 0)
                return r;
        if (g_hash_table_contains(configurator->injections, interface))
                return sd_bus_error_setf(ret_error, HVUTILS_ERROR_BUSY, "%s is being configured.", interface);
        r = file_store_identify(interface, &match, &path);
        if (r < 0)
                return sd_bus_error_setf(ret_error, HVUTILS_ERROR_INVALID, "There is no %s.", interface);
        if (unlink(path) < 0)
                return errno == ENOENT ? sd_bus_reply_method_return(message, "b", false) : -errno;
        r = networkd_reload(configurator->bus, &slot, on_reverted, sd_bus_message_ref(message));
        if (r < 0) {
                sd_bus_message_unref(message);
                return r;
        }
        (void) sd_bus_slot_set_destroy_callback(slot, drop_message);
        return sd_bus_slot_set_floating(slot, true) < 0 ? -EINVAL : 1;
}

/* --- the object --- */

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Probe", SD_BUS_ARGS("s", interface), SD_BUS_RESULT("s", result, "s", reason),
                                method_probe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Apply", SD_BUS_ARGS("s", interface, "a{sv}", settings, "t", timeout_usec),
                                SD_BUS_NO_RESULT, method_apply, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("s", interface), SD_BUS_RESULT("a{sv}", description),
                                method_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Revert", SD_BUS_ARGS("s", interface), SD_BUS_RESULT("b", reverted),
                                method_revert, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int configurator_new(sd_bus *bus, void (*changed)(void *userdata), void *userdata, Configurator **ret) {
        g_autoptr(Configurator) configurator = g_new0(Configurator, 1);
        int r;

        configurator->bus = sd_bus_ref(bus);
        configurator->changed = changed;
        configurator->userdata = userdata;
        configurator->injections = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        r = sd_bus_add_object_vtable(bus, &configurator->object, CONFIGURATOR_OBJECT,
                                     HVUTILS_INTERFACE_CONFIGURATOR, vtable, configurator);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&configurator);
        return 0;
}

Configurator *configurator_free(Configurator *configurator) {
        if (!configurator)
                return NULL;
        sd_bus_slot_unref(configurator->object);
        g_hash_table_unref(configurator->injections);
        sd_bus_unref(configurator->bus);
        g_free(configurator);
        return NULL;
}

unsigned configurator_n_pending(const Configurator *configurator) {
        return configurator->n_pending;
}

void configurator_cancel_all(Configurator *configurator, const char *sentence) {
        g_autoptr(GList) running = g_hash_table_get_values(configurator->injections);

        for (GList *item = running; item; item = item->next)
                apply_cancel(((Injection *) item->data)->apply, sentence);
}
