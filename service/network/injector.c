/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/injector.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/network/injection-file.h"
#include "service/network/injection.h"

/* The channel gives a request up after 20 s and the driver after 30: ours is a little earlier, and what a configurator may
 * take is less, so that it can put back what was and say so in time. */
#define DEADLINE_USEC         (19500 * USEC_PER_MSEC)
#define BOOTING_DEADLINE_USEC (5 * USEC_PER_SEC)
#define APPLY_MARGIN_USEC     (1500 * USEC_PER_MSEC)
#define APPLY_MIN_USEC        (1 * USEC_PER_SEC)
#define SURVEY_USEC           (4 * USEC_PER_SEC)
#define RETRY_MIN_USEC        (250 * USEC_PER_MSEC)
#define RETRY_MAX_USEC        (2 * USEC_PER_SEC)

typedef struct Entry {
        Injector *injector;
        Injection machine;
        uint8_t message[KVP_MESSAGE_SIZE];
        IpSettings settings; /* adapter is its key */
        uint64_t received_usec, due_usec, retry_usec;
        char *configurator, *reason;
        InjectorDone done;
        void *done_userdata;
        bool of_host; /* who waits is the host, not a person on the bus */
        Survey *survey;
        ConfiguratorCall *call;
        sd_event_source *deadline, *retry;
} Entry;

struct Injector {
        sd_event *event;
        InjectorSetup setup;
        char *directory;
        const Configurators *configurators;
        bool booting;
        GHashTable *entries; /* GUID -> Entry */
        LogLimit refusal_limit;
};

static const Configurators no_configurators;

static void dispatch(Entry *entry, InjectionEvent event, ConfiguratorResult result);

/* --- one entry --- */

static void entry_cancel(Entry *entry) {
        entry->survey = survey_cancel(entry->survey);
        if (entry->call)
                entry->injector->configurators->cancel(g_steal_pointer(&entry->call),
                                                       entry->injector->configurators->userdata);
}

static void entry_disarm(Entry *entry) {
        entry->deadline = sd_event_source_disable_unref(entry->deadline);
        entry->retry = sd_event_source_disable_unref(entry->retry);
}

static void entry_free(void *p) {
        Entry *entry = p;

        entry_cancel(entry);
        entry_disarm(entry);
        g_free(entry->configurator);
        g_free(entry->reason);
        g_free(entry);
}

static Entry *entry_new(Injector *injector, const IpSettings *settings, const uint8_t *message) {
        Entry *entry = g_new0(Entry, 1);

        entry->injector = injector;
        entry->settings = *settings;
        memcpy(entry->message, message, KVP_MESSAGE_SIZE);
        g_hash_table_replace(injector->entries, entry->settings.adapter, entry);
        return entry;
}

static void entry_explain(Entry *entry, const char *configurator, const char *reason) {
        g_free(entry->configurator);
        g_free(entry->reason);
        entry->configurator = g_strdup(configurator);
        entry->reason = g_strdup(reason);
}

static uint64_t scaled(const Injector *injector, uint64_t usec) {
        return (uint64_t) ((double) usec * injector->setup.time_scale);
}

static const NetLink *entry_link(const Entry *entry) {
        return net_tables_find_guid(adapters_get_tables(entry->injector->setup.adapters),
                                    entry->settings.adapter);
}

/* --- effects --- */

static void entry_answer(Entry *entry, WireStatus status) {
        InjectorDone done = entry->done;

        entry->done = NULL;
        if (done)
                done(status, entry->done_userdata);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        dispatch(userdata, INJECTION_EVENT_DEADLINE, CONFIGURATOR_NO);
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        dispatch(userdata, INJECTION_EVENT_RETRY, CONFIGURATOR_NO);
        return 0;
}

static void entry_arm_retry(Entry *entry) {
        entry->retry_usec = CLAMP(entry->retry_usec * 2, RETRY_MIN_USEC, RETRY_MAX_USEC);
        entry->retry = sd_event_source_disable_unref(entry->retry);
        (void) sd_event_add_time_relative(entry->injector->event, &entry->retry, CLOCK_MONOTONIC,
                                          scaled(entry->injector, entry->retry_usec), 0, on_retry, entry);
}

static void entry_arm_deadline(Entry *entry) {
        uint64_t usec = entry->injector->booting ? BOOTING_DEADLINE_USEC : DEADLINE_USEC;

        entry->due_usec = now_usec(CLOCK_MONOTONIC) + scaled(entry->injector, usec);
        entry->retry_usec = 0;
        (void) sd_event_add_time(entry->injector->event, &entry->deadline, CLOCK_MONOTONIC, entry->due_usec,
                                 USEC_PER_MSEC, on_deadline, entry);
}

static void on_surveyed(ConfiguratorResult result, const char *name, const char *reason, void *userdata) {
        Entry *entry = userdata;

        entry_explain(entry, name, reason);
        dispatch(entry, INJECTION_EVENT_ANSWER, result);
}

static void entry_ask(Entry *entry) {
        const NetLink *link = entry_link(entry);

        if (!link)
                return on_surveyed(CONFIGURATOR_ABSENT, "", "the adapter is gone", entry);
        injector_survey(entry->injector, link->name, on_surveyed, entry, &entry->survey);
}

static void on_applied(ConfiguratorResult result, const char *reason, void *userdata) {
        Entry *entry = userdata;
        g_autofree char *name = g_strdup(entry->configurator);

        entry->call = NULL;
        entry_explain(entry, name, reason);
        dispatch(entry, INJECTION_EVENT_ANSWER, result);
}

static uint64_t apply_timeout(const Entry *entry) {
        uint64_t now = now_usec(CLOCK_MONOTONIC), margin = scaled(entry->injector, APPLY_MARGIN_USEC);

        if (entry->machine.overdue)
                return scaled(entry->injector, DEADLINE_USEC);
        return MAX(entry->due_usec > now + margin ? entry->due_usec - now - margin : 0,
                   scaled(entry->injector, APPLY_MIN_USEC));
}

static void entry_apply(Entry *entry) {
        const Configurators *configurators = entry->injector->configurators;
        const NetLink *link = entry_link(entry);
        static const uint8_t none[6];
        char mac[18];
        ConfiguratorWish wish = {
                .name = entry->configurator,
                .mac = mac,
                .settings = &entry->settings,
                .timeout_usec = apply_timeout(entry),
                .answered = on_applied,
                .userdata = entry,
        };

        if (link) {
                const uint8_t *m = memcmp(link->permanent, none, 6) != 0 ? link->permanent : link->mac;

                wish.interface = link->name;
                (void) g_snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                                  m[4], m[5]);
                entry->call =
                        configurators->apply ? configurators->apply(&wish, configurators->userdata) : NULL;
        }
        if (!entry->call)
                on_applied(CONFIGURATOR_ABSENT, link ? "there is no bus" : "the adapter is gone", entry);
}

static void entry_log(const Entry *entry) {
        bool applied = entry->machine.state == INJECTION_APPLIED;

        log_event(applied ? LOG_INFO : LOG_WARNING,
                  applied ? HVUTILS_MESSAGE_INJECTED : HVUTILS_MESSAGE_INJECTION_FAILED,
                  LOG_FIELDS(HVUTILS_FIELD_ADAPTER, entry->settings.adapter),
                  "Addresses of the host for adapter %s: %s%s%s%s%s", entry->settings.adapter,
                  injection_word(&entry->machine), entry->configurator && *entry->configurator ? " by " : "",
                  entry->configurator ?: "", entry->reason && *entry->reason ? ": " : "",
                  entry->reason ?: "");
}

static void entry_keep(Entry *entry) {
        int r = injection_file_keep(entry->injector->directory, entry->settings.adapter, entry->message);

        if (r < 0)
                log_errno(LOG_WARNING, r,
                          "Cannot keep the addresses for adapter %s, they are lost if hvutilsd ends",
                          entry->settings.adapter);
}

/* Everything the machine wants, in this order; what may call back at once stands last. */
static void entry_act(Entry *entry, unsigned effects) {
        Injector *injector = entry->injector;

        if (effects & INJECTION_CANCEL)
                entry_cancel(entry);
        if (effects & INJECTION_KEEP)
                entry_keep(entry);
        if (effects & INJECTION_UNKEEP) {
                injection_file_finish(injector->directory, entry->settings.adapter,
                                      entry->machine.state == INJECTION_APPLIED);
                entry_disarm(entry);
        }
        if (effects & (INJECTION_UNKEEP | INJECTION_FAIL))
                entry_log(entry);
        if (effects & INJECTION_ASK_SOON)
                entry_arm_retry(entry);
        if (effects & INJECTION_SUCCEED)
                entry_answer(entry, WIRE_STATUS_OK);
        if (effects & INJECTION_FAIL)
                entry_answer(entry, WIRE_STATUS_FAIL);
        if (injector->setup.changed)
                injector->setup.changed(entry->settings.adapter, injector->setup.userdata);
        if (effects & INJECTION_ASK)
                entry_ask(entry);
        if (effects & INJECTION_APPLY)
                entry_apply(entry);
}

static void dispatch(Entry *entry, InjectionEvent event, ConfiguratorResult result) {
        bool apply_late = entry->injector->setup.configuration->network.late == LATE_APPLY;
        InjectionState before = entry->machine.state;
        unsigned effects = injection_decide(&entry->machine, event, result, apply_late);

        if (effects != 0 || entry->machine.state != before)
                entry_act(entry, effects);
}

/* --- requests --- */

static Entry *entry_begin(Injector *injector, const IpSettings *settings, const uint8_t *message) {
        Entry *before = g_hash_table_lookup(injector->entries, settings->adapter), *entry;

        if (before)
                dispatch(before, INJECTION_EVENT_FORGET, CONFIGURATOR_NO);
        entry = entry_new(injector, settings, message);
        entry->received_usec = now_usec(CLOCK_REALTIME);
        entry_arm_deadline(entry);
        return entry;
}

static void entry_start(Entry *entry, InjectorDone done, void *userdata) {
        entry->done = done;
        entry->done_userdata = userdata;
        dispatch(entry, INJECTION_EVENT_REQUEST, CONFIGURATOR_NO);
}

static void log_refusal(Injector *injector, IpRefusal refusal, const char *item) {
        uint64_t more;

        if (log_limit_pass(&injector->refusal_limit, now_usec(CLOCK_MONOTONIC), &more))
                log_event(LOG_WARNING, HVUTILS_MESSAGE_HOSTILE, LOG_FIELDS(HVUTILS_FIELD_CHANNEL, "kvp"),
                          "Refused addresses of the host: bad %s \"%s\" (and %" G_GUINT64_FORMAT
                          " like it not logged before).",
                          ip_refusal_to_string(refusal), item, more);
}

static WireStatus check(Injector *injector, const uint8_t *message, IpSettings *ret) {
        WireStatus status = WIRE_STATUS_FAIL;
        char item[64];
        int r;

        r = ip_wire_parse_set(message, ret, &status, item);
        if (r != 0) {
                log_refusal(injector, (IpRefusal) r, item);
                return status;
        }
        if (!net_tables_find_guid(adapters_get_tables(injector->setup.adapters), ret->adapter)) {
                log_event(LOG_WARNING, HVUTILS_MESSAGE_INJECTION_FAILED,
                          LOG_FIELDS(HVUTILS_FIELD_ADAPTER, ret->adapter),
                          "The host has addresses for adapter %s, which this guest does not have.",
                          ret->adapter);
                return WIRE_STATUS_NO_ADAPTER;
        }
        if (injector->setup.configuration->network.injection == INJECTION_DENY) {
                log_event(LOG_NOTICE, HVUTILS_MESSAGE_INJECTION_FAILED,
                          LOG_FIELDS(HVUTILS_FIELD_ADAPTER, ret->adapter),
                          "Refused addresses of the host for adapter %s: Injection=deny.", ret->adapter);
                return WIRE_STATUS_FAIL;
        }
        return WIRE_STATUS_OK;
}

void injector_inject(Injector *injector, const uint8_t *message, InjectorDone done, void *userdata) {
        IpSettings settings;
        WireStatus status = check(injector, message, &settings);
        Entry *entry;

        if (status != WIRE_STATUS_OK)
                return done(status, userdata);
        entry = entry_begin(injector, &settings, message);
        entry->of_host = true;
        entry_start(entry, done, userdata);
}

void injector_abandon(Injector *injector) {
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, injector->entries);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (((Entry *) value)->of_host)
                        ((Entry *) value)->done = NULL;
}

void injector_disown(Injector *injector, const void *userdata) {
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, injector->entries);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (!((Entry *) value)->of_host && ((Entry *) value)->done_userdata == userdata)
                        ((Entry *) value)->done = NULL;
}

int injector_reapply(Injector *injector, const char *guid, InjectorDone done, void *userdata) {
        Entry *entry = g_hash_table_lookup(injector->entries, guid);
        g_autofree Entry *copy = NULL;

        if (!entry)
                return -ENOENT;
        if (!entry_link(entry))
                return -ENODEV;
        if (!injection_is_over(&entry->machine) && !entry->machine.overdue)
                return -EBUSY;

        copy = g_memdup2(entry, sizeof *entry); /* only its request is used; the entry is replaced */
        entry_start(entry_begin(injector, &copy->settings, copy->message), done, userdata);
        return 0;
}

void injector_forget(Injector *injector, const char *guid) {
        Entry *entry = g_hash_table_lookup(injector->entries, guid);

        if (entry)
                dispatch(entry, INJECTION_EVENT_FORGET, CONFIGURATOR_NO);
        g_hash_table_remove(injector->entries, guid);
        injection_file_forget(injector->directory, guid);
        if (injector->setup.changed)
                injector->setup.changed(guid, injector->setup.userdata);
}

bool injector_get_record(const Injector *injector, const char *guid, InjectionRecord *ret) {
        const Entry *entry = g_hash_table_lookup(injector->entries, guid);

        if (!entry)
                return false;
        *ret = (InjectionRecord){
                .state = injection_word(&entry->machine),
                .over = injection_is_over(&entry->machine),
                .received_usec = entry->received_usec,
                .configurator = entry->configurator ?: "",
                .reason = entry->reason ?: "",
                .settings = &entry->settings,
        };
        return true;
}

void injector_survey(Injector *injector, const char *interface, SurveyDone done, void *userdata,
                     Survey **ret) {
        survey_start(injector->configurators, injector->setup.configuration->network.configurator, interface,
                     scaled(injector, SURVEY_USEC), done, userdata, ret);
}

/* --- what happens around --- */

static void wake(void *key, void *value, void *userdata) {
        g_ptr_array_add(userdata, value);
}

/* An entry under way is never removed by an answer: a list of them stays right. */
void injector_wake(Injector *injector) {
        g_autoptr(GPtrArray) entries = g_ptr_array_new();

        g_hash_table_foreach(injector->entries, wake, entries);
        for (guint i = 0; i < entries->len; i++)
                dispatch(entries->pdata[i], INJECTION_EVENT_APPEARED, CONFIGURATOR_NO);
}

void injector_set_configurators(Injector *injector, const Configurators *configurators) {
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, injector->entries);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                entry_cancel(value);
        injector->configurators = configurators ?: &no_configurators;
}

void injector_set_booting(Injector *injector, bool booting) {
        injector->booting = booting;
}

void injector_reload(Injector *injector, const Configuration *configuration) {
        injector->setup.configuration = configuration;
}

/* --- birth and end --- */

static void on_kept(const InjectionFile *file, void *userdata) {
        Injector *injector = userdata;
        Entry *entry = entry_new(injector, &file->settings, file->message);

        entry->received_usec = file->received_usec;
        if (file->applied)
                entry->machine.state = INJECTION_APPLIED;
        else
                dispatch(entry, INJECTION_EVENT_KEPT, CONFIGURATOR_NO);
}

int injector_new(sd_event *event, const InjectorSetup *setup, Injector **ret) {
        Injector *injector = g_new0(Injector, 1);

        injector->event = sd_event_ref(event);
        injector->setup = *setup;
        injector->setup.runtime_directory = NULL;
        injector->directory = g_build_filename(setup->runtime_directory, HVUTILS_RUNTIME_KVP, NULL);
        injector->configurators = &no_configurators;
        injector->booting = true;
        injector->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
        injector->setup.changed = NULL; /* what was kept is no news, and nobody is ready to hear any */
        injection_file_visit(injector->directory, on_kept, injector);
        injector->setup.changed = setup->changed;
        *ret = injector;
        return 0;
}

Injector *injector_free(Injector *injector) {
        if (!injector)
                return NULL;
        g_hash_table_unref(injector->entries);
        sd_event_unref(injector->event);
        g_free(injector->directory);
        g_free(injector);
        return NULL;
}
