/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/question.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "service/bus/errors.h"

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define DBUS_NAME        "org.freedesktop.DBus"
#define DBUS_PATH        "/org/freedesktop/DBus"

enum { POLKIT_ALLOW_USER_INTERACTION = 1 };

typedef enum Verdict { VERDICT_UNKNOWN, VERDICT_ALLOWED, VERDICT_DENIED, VERDICT_CROWDED } Verdict;

typedef struct Question {
        QuestionRegistry *registry;
        sd_bus_message *call;
        char *action, *pool, *adapter, *path;
        GPtrArray *keys;       /* what is asked about in this round; an entry "" means without a key */
        GPtrArray *challenged; /* what needs a password: the next round */
        guint next;            /* index into keys */
        bool interactive;      /* this round may show a prompt */
        sd_bus_slot *reply, *watch;
        uint64_t cancellation; /* number of the CheckAuthorization under way, 0 = none */
        uid_t uid;             /* of the caller, once the bus told it */
        bool frozen;           /* asked while file systems were frozen */
        Verdict verdict;
        BusDenial denial;
        const char *denied_key; /* borrowed from keys */
        BusCharge *call_charge, *question_charge;
} Question;

struct QuestionRegistry {
        sd_event *event;
        BusLimits *limits;
        double time_scale;
        GHashTable *by_call; /* sd_bus_message* -> Question */
        sd_event_source *reaper;
        bool frozen;
        uint64_t cancellations, denied;
};

static void question_ask_next(Question *question);

/* --- lifecycle --- */

static void question_cancel_check(Question *question) {
        g_autoptr(sd_bus_message) cancel = NULL;
        char id[32];

        if (question->cancellation == 0)
                return;
        (void) g_snprintf(id, sizeof id, "hvutils-%" PRIu64, question->cancellation);
        question->cancellation = 0;
        if (sd_bus_message_new_method_call(sd_bus_message_get_bus(question->call), &cancel, POLKIT_NAME,
                                           POLKIT_PATH, POLKIT_INTERFACE, "CancelCheckAuthorization") < 0)
                return;
        if (sd_bus_message_append(cancel, "s", id) < 0 || sd_bus_message_set_expect_reply(cancel, false) < 0)
                return;
        (void) sd_bus_send(NULL, cancel, NULL);
}

static void question_free(void *p) {
        Question *question = p;

        question_cancel_check(question);
        sd_bus_slot_unref(question->reply);
        sd_bus_slot_unref(question->watch);
        bus_charge_free(question->question_charge);
        bus_charge_free(question->call_charge);
        g_ptr_array_unref(question->keys);
        g_ptr_array_unref(question->challenged);
        g_free(question->action);
        g_free(question->pool);
        g_free(question->adapter);
        g_free(question->path);
        sd_bus_message_unref(question->call);
        g_free(question);
}

static Question *question_new(QuestionRegistry *registry, sd_bus_message *call, const QuestionWish *wish) {
        Question *question = g_new0(Question, 1);

        question->registry = registry;
        question->uid = (uid_t) -1;
        question->call = sd_bus_message_ref(call);
        question->action = g_strdup(wish->action);
        question->pool = g_strdup(wish->pool);
        question->adapter = g_strdup(wish->adapter);
        question->path = g_strdup(wish->path);
        question->keys = g_ptr_array_new_with_free_func(g_free);
        question->challenged = g_ptr_array_new_with_free_func(g_free);
        for (size_t i = 0; i < wish->n_keys; i++)
                g_ptr_array_add(question->keys, g_strdup(wish->keys[i]));
        if (wish->n_keys == 0)
                g_ptr_array_add(question->keys, g_strdup(""));
        return question;
}

static gboolean question_is_answered(gpointer key, gpointer value, gpointer userdata) {
        return ((const Question *) value)->verdict != VERDICT_UNKNOWN;
}

static int on_reap(sd_event_source *source, void *userdata) {
        QuestionRegistry *registry = userdata;

        g_hash_table_foreach_remove(registry->by_call, question_is_answered, NULL);
        return 0;
}

QuestionRegistry *question_registry_new(sd_event *event, BusLimits *limits, double time_scale) {
        QuestionRegistry *registry = g_new0(QuestionRegistry, 1);

        registry->event = sd_event_ref(event);
        registry->limits = limits;
        registry->time_scale = time_scale;
        registry->by_call = g_hash_table_new_full(NULL, NULL, NULL, question_free);
        return registry;
}

void question_registry_clear(QuestionRegistry *registry) {
        g_hash_table_remove_all(registry->by_call);
}

QuestionRegistry *question_registry_free(QuestionRegistry *registry) {
        if (!registry)
                return NULL;
        g_hash_table_unref(registry->by_call);
        sd_event_source_disable_unref(registry->reaper);
        sd_event_unref(registry->event);
        g_free(registry);
        return NULL;
}

void question_registry_set_frozen(QuestionRegistry *registry, bool frozen) {
        registry->frozen = frozen;
}

int question_get_uid(const QuestionRegistry *registry, sd_bus_message *call, uid_t *ret) {
        const Question *question = g_hash_table_lookup(registry->by_call, call);

        if (!question || question->uid == (uid_t) -1)
                return -ENODATA;
        *ret = question->uid;
        return 0;
}

uint64_t question_registry_denied(const QuestionRegistry *registry) {
        return registry->denied;
}

/* The entry must outlive the handler that is about to find it, and not much longer. */
static void registry_reap_later(QuestionRegistry *registry) {
        if (registry->reaper) {
                (void) sd_event_source_set_enabled(registry->reaper, SD_EVENT_ONESHOT);
                return;
        }
        if (sd_event_add_defer(registry->event, &registry->reaper, on_reap, registry) < 0)
                return;
        (void) sd_event_source_set_priority(registry->reaper, SD_EVENT_PRIORITY_IDLE);
}

/* --- the verdict --- */

static void question_settle(Question *question, Verdict verdict) {
        sd_bus *bus = sd_bus_message_get_bus(question->call);

        question->verdict = verdict;
        question->reply = sd_bus_slot_unref(question->reply);
        question->watch = sd_bus_slot_unref(question->watch);
        question->question_charge = bus_charge_free(question->question_charge);
        /* Both fail only on a connection that is closing: then nobody waits for the answer any more. */
        if (sd_bus_message_rewind(question->call, true) >= 0)
                (void) sd_bus_enqueue_for_read(bus, question->call);
        registry_reap_later(question->registry);
}

static void question_deny(Question *question, BusDenial denial) {
        const char *key = question->next < question->keys->len
                                  ? g_ptr_array_index(question->keys, question->next)
                                  : NULL;
        const char *sender = sd_bus_message_get_sender(question->call);

        question->denial = denial;
        question->denied_key = key && key[0] ? key : NULL;
        question->registry->denied++;
        log_event(LOG_INFO, HVUTILS_MESSAGE_DENIED,
                  LOG_FIELDS(HVUTILS_FIELD_SENDER, sender, HVUTILS_FIELD_POOL, question->pool,
                             HVUTILS_FIELD_KEY, question->denied_key, HVUTILS_FIELD_OPERATION,
                             sd_bus_message_get_member(question->call)),
                  "Refused %s to %s for want of %s: %s", sd_bus_message_get_member(question->call), sender,
                  question->action, bus_denial_reason(denial));
        question_settle(question, VERDICT_DENIED);
}

static int on_sender_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Question *question = userdata;
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0 || after[0] != '\0')
                return 0;
        g_hash_table_remove(question->registry->by_call, question->call);
        return 0;
}

/* --- polkit --- */

static BusDenial denial_of_error(const Question *question, const sd_bus_error *error) {
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT))
                return question->frozen ? BUS_DENIAL_FROZEN : BUS_DENIAL_TIME;
        return BUS_DENIAL_NOBODY;
}

static void question_judge(Question *question, bool authorized, bool challenge) {
        char *key;

        if (!authorized && (!challenge || question->interactive)) {
                question_deny(question, challenge ? BUS_DENIAL_DISMISSED : BUS_DENIAL_NO);
                return;
        }
        if (!authorized) {
                key = g_ptr_array_index(question->keys, question->next);
                g_ptr_array_add(question->challenged, g_strdup(key));
        }
        question->next++;
        question_ask_next(question);
}

static int on_authorization(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Question *question = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        int authorized, challenge;

        if (e) {
                if (denial_of_error(question, e) != BUS_DENIAL_NOBODY)
                        question_cancel_check(question);
                question->cancellation = 0;
                question_deny(question, denial_of_error(question, e));
                return 0;
        }
        question->cancellation = 0;
        if (!sd_bus_message_has_signature(m, "(bba{ss})") ||
            sd_bus_message_enter_container(m, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(m, "bb", &authorized, &challenge) < 0) {
                question_deny(question, BUS_DENIAL_NOBODY);
                return 0;
        }
        question_judge(question, authorized, challenge);
        return 0;
}

/* The policy's sentences name a key. When the whole pool is meant there is none to name (rules see ""), so
 * polkit is told what to show instead; it takes that from uid 0 and from the owner of the action. */
static const char *whole_pool_message(const char *action) {
        static const struct {
                const char *action, *message;
        } messages[] = {
                { HVUTILS_ACTION_KVP_READ_PRIVATE,
                  "Authentication is required to read all keys of the private Hyper-V pool '$(pool)'" },
                { HVUTILS_ACTION_KVP_WRITE,
                  "Authentication is required to change all keys in Hyper-V pool '$(pool)', which the host "
                  "reads" },
                { HVUTILS_ACTION_KVP_WRITE_HOST_POOL,
                  "Authentication is required to change all keys in Hyper-V pool '$(pool)', which belongs to "
                  "the host" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
                if (strcmp(messages[i].action, action) == 0)
                        return messages[i].message;
        return NULL;
}

static int append_details(sd_bus_message *m, const Question *question, const char *key) {
        const char *message = key[0] == '\0' ? whole_pool_message(question->action) : NULL;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{ss}");
        if (r >= 0 && question->adapter)
                r = sd_bus_message_append(m, "{ss}", "adapter", question->adapter);
        if (r >= 0 && question->path)
                r = sd_bus_message_append(m, "{ss}", "path", question->path);
        if (r >= 0 && question->pool)
                r = sd_bus_message_append(m, "{ss}", "pool", question->pool);
        if (r >= 0 && question->pool)
                r = sd_bus_message_append(m, "{ss}", "key", key);
        if (r >= 0 && message)
                r = sd_bus_message_append(m, "{ss}", "polkit.message", message);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static uint64_t question_timeout(Question *question) {
        question->frozen = question->registry->frozen;
        if (question->frozen)
                return QUESTION_FROZEN_TIMEOUT_USEC;
        return question->interactive ? QUESTION_INTERACTIVE_TIMEOUT_USEC : QUESTION_TIMEOUT_USEC;
}

static int question_check(Question *question, const char *key) {
        g_autoptr(sd_bus_message) m = NULL;
        sd_bus *bus = sd_bus_message_get_bus(question->call);
        uint64_t timeout = question_timeout(question);
        uint32_t flags = question->interactive ? POLKIT_ALLOW_USER_INTERACTION : 0;
        char id[32];
        int r;

        question->cancellation = ++question->registry->cancellations;
        (void) g_snprintf(id, sizeof id, "hvutils-%" PRIu64, question->cancellation);

        r = sd_bus_message_new_method_call(bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                           "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                          sd_bus_message_get_sender(question->call), question->action);
        if (r >= 0)
                r = append_details(m, question, key);
        if (r >= 0)
                r = sd_bus_message_append(m, "us", flags, id);
        if (r < 0)
                return r;
        question->reply = sd_bus_slot_unref(question->reply);
        return sd_bus_call_async(bus, &question->reply, m, on_authorization, question,
                                 (uint64_t) ((double) timeout * question->registry->time_scale));
}

/* The quiet round is over: everybody was asked, and nobody said no. */
static void question_next_round(Question *question) {
        int may_prompt = sd_bus_message_get_allow_interactive_authorization(question->call);

        if (question->challenged->len == 0) {
                question_settle(question, VERDICT_ALLOWED);
                return;
        }
        g_ptr_array_unref(question->keys);
        question->keys = g_steal_pointer(&question->challenged);
        question->challenged = g_ptr_array_new_with_free_func(g_free);
        question->next = 0;
        if (may_prompt <= 0) {
                question_deny(question, BUS_DENIAL_PASSWORD);
                return;
        }
        question->interactive = true;
        question_ask_next(question);
}

static void question_ask_next(Question *question) {
        if (question->next >= question->keys->len) {
                question_next_round(question);
                return;
        }
        if (question_check(question, g_ptr_array_index(question->keys, question->next)) < 0)
                question_deny(question, BUS_DENIAL_NOBODY);
}

/* --- who is it? --- */

/* Only now it is one of polkit's questions, of which there are few: uid 0 never waits for them. */
static void question_ask_polkit(Question *question) {
        const char *sender = sd_bus_message_get_sender(question->call);
        bool may_prompt = sd_bus_message_get_allow_interactive_authorization(question->call) > 0;

        question->question_charge = bus_charge_new(question->registry->limits, BUS_LIMIT_QUESTIONS, sender);
        if (!question->question_charge) {
                question_settle(question, VERDICT_CROWDED);
                return;
        }
        question->interactive =
                may_prompt && question->keys->len == 1; /* a single one needs no quiet round */
        question_ask_next(question);
}

static int on_uid(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Question *question = userdata;
        uint32_t uid;

        if (sd_bus_message_is_method_error(m, NULL) ||
            g_strcmp0(sd_bus_message_get_sender(m), DBUS_NAME) != 0 || sd_bus_message_read(m, "u", &uid) < 0)
                question_deny(question, BUS_DENIAL_NOBODY);
        else {
                question->uid = uid;
                if (uid == 0)
                        question_settle(question, VERDICT_ALLOWED);
                else
                        question_ask_polkit(question);
        }
        return 0;
}

static int question_watch_sender(Question *question, const char *sender) {
        g_autofree char *match =
                g_strdup_printf("type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH
                                "',interface='" DBUS_NAME "',member='NameOwnerChanged',arg0='%s'",
                                sender);

        return sd_bus_add_match_async(sd_bus_message_get_bus(question->call), &question->watch, match,
                                      on_sender_gone, NULL, question);
}

static int question_start(Question *question) {
        sd_bus *bus = sd_bus_message_get_bus(question->call);
        const char *sender = sd_bus_message_get_sender(question->call);
        double timeout = (double) QUESTION_TIMEOUT_USEC * question->registry->time_scale;
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = question_watch_sender(question, sender);
        if (r >= 0)
                r = sd_bus_message_new_method_call(bus, &m, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                                                   "GetConnectionUnixUser");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", sender);
        if (r >= 0)
                r = sd_bus_call_async(bus, &question->reply, m, on_uid, question, (uint64_t) timeout);
        return r;
}

static int question_answer(const Question *question, const QuestionWish *wish, sd_bus_error *error) {
        /* The handler runs again and wants something else: the world moved, the verdict is not about this. */
        if (strcmp(question->action, wish->action) != 0)
                return bus_error_denied(error, BUS_DENIAL_NO, wish->action, wish->pool, NULL);
        switch (question->verdict) {
        case VERDICT_ALLOWED:
                return 1;
        case VERDICT_DENIED:
                return bus_error_denied(error, question->denial, question->action, question->pool,
                                        question->denied_key);
        case VERDICT_CROWDED:
                return bus_error_limit(error, BUS_LIMIT_QUESTIONS);
        case VERDICT_UNKNOWN:
                break;
        }
        return 0;
}

static int question_begin(QuestionRegistry *registry, sd_bus_message *call, const QuestionWish *wish,
                          sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(call);
        g_autoptr(BusCharge) charge = NULL;
        Question *question;
        int r;

        if (!sender) /* not a bus: nobody can tell who this is */
                return bus_error_denied(error, BUS_DENIAL_NOBODY, wish->action, wish->pool, NULL);
        charge = bus_charge_new(registry->limits, BUS_LIMIT_CALLS, sender);
        if (!charge)
                return bus_error_limit(error, BUS_LIMIT_CALLS);

        question = question_new(registry, call, wish);
        question->call_charge = g_steal_pointer(&charge);
        g_hash_table_insert(registry->by_call, call, question);
        r = question_start(question);
        if (r < 0) {
                g_hash_table_remove(registry->by_call, call);
                return bus_error_errno(error, r, "Cannot ask who the caller is");
        }
        return 0;
}

int question_ask(QuestionRegistry *registry, sd_bus_message *call, const QuestionWish *wish,
                 sd_bus_error *error) {
        const Question *question = g_hash_table_lookup(registry->by_call, call);

        if (question)
                return question_answer(question, wish, error);
        return question_begin(registry, call, wish, error);
}
