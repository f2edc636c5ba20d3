/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Key-value pairs through org.hyperv.Utils.Pool; what each member promises stands in dbus/. */

#include <errno.h>
#include <string.h>

#include "cli/client.h"
#include "cli/offline.h"
#include "common/cleanup.h"
#include "common/names.h"

typedef struct BusBackend {
        KvpBackend backend;
        Client *client;
} BusBackend;

static BusBackend *bus_of(KvpBackend *backend) {
        return (BusBackend *) backend;
}

static sd_bus_message *pool_message_new(Client *client, KvpPool pool, const char *member) {
        g_autofree char *path = client_pool_path(pool);
        return client_message_new(client, path, HVUTILS_INTERFACE_POOL, member);
}

static ExitStatus fail_to_read(Failure *failure, int r) {
        return failure_set(failure, EXIT_STATUS_ERROR, "the service's answer makes no sense: %s",
                           g_strerror(-r));
}

/* On success *ret stands inside the variant. */
static ExitStatus get_property(Client *client, KvpPool pool, const char *name, const char *type,
                               sd_bus_message **ret, Failure *failure) {
        g_autofree char *path = client_pool_path(pool);
        g_autoptr(sd_bus_message) message =
                client_message_new(client, path, "org.freedesktop.DBus.Properties", "Get");
        g_autoptr(sd_bus_message) reply = NULL;
        int r = sd_bus_message_append(message, "ss", HVUTILS_INTERFACE_POOL, name);
        g_assert(r >= 0);

        ExitStatus status = client_call(client, message, CLIENT_CALL_QUIET, &reply, failure);
        if (status)
                return status;
        r = sd_bus_message_enter_container(reply, 'v', type);
        if (r < 0)
                return fail_to_read(failure, r);
        *ret = g_steal_pointer(&reply);
        return EXIT_STATUS_OK;
}

ExitStatus kvp_bus_read_generation(Client *client, KvpPool pool, uint64_t *ret, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        ExitStatus status = get_property(client, pool, "Generation", "t", &reply, failure);
        if (status)
                return status;
        int r = sd_bus_message_read(reply, "t", ret);
        return r < 0 ? fail_to_read(failure, r) : EXIT_STATUS_OK;
}

static ExitStatus read_pairs(sd_bus_message *reply, KvpPool pool, uint64_t generation, KvpEntries *entries,
                             Failure *failure) {
        const char *key, *value;
        int r = sd_bus_message_enter_container(reply, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0)
                kvp_entries_add(entries, pool, generation, key, value);
        return r < 0 ? fail_to_read(failure, r) : EXIT_STATUS_OK;
}

/* The bus shows one value a key. Records as they stand are in the file, which the service names. */
static ExitStatus list_raw(Client *client, KvpPool pool, KvpEntries *entries, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        const char *file;
        ExitStatus status = get_property(client, pool, "File", "s", &reply, failure);
        if (status)
                return status;
        int r = sd_bus_message_read(reply, "s", &file);
        if (r < 0)
                return fail_to_read(failure, r);
        if (!*file)
                return failure_set(failure, EXIT_STATUS_NOT_FOUND,
                                   "pool '%s' has no file, its values are computed",
                                   kvp_pool_to_string(pool));
        return kvp_offline_list_file(file, pool, entries, failure);
}

ExitStatus kvp_bus_read_pool(Client *client, KvpPool pool, unsigned call_flags, KvpEntries *entries,
                             uint64_t *ret_generation, Failure *failure) {
        g_autoptr(sd_bus_message) message = NULL, reply = NULL;
        uint64_t generation = 0;

        /* Before the values: whoever waits for a change since this generation must not miss one in between.
         */
        ExitStatus status = kvp_bus_read_generation(client, pool, &generation, failure);
        if (status)
                return status;
        message = pool_message_new(client, pool, "GetAll");
        status = client_call(client, message, call_flags, &reply, failure);
        if (status)
                return status;
        if (ret_generation)
                *ret_generation = generation;
        return read_pairs(reply, pool, generation, entries, failure);
}

static ExitStatus bus_list(KvpBackend *backend, KvpPool pool, unsigned flags, KvpEntries *entries,
                           Failure *failure) {
        Client *client = bus_of(backend)->client;
        if (flags & KVP_LIST_RAW)
                return list_raw(client, pool, entries, failure);
        return kvp_bus_read_pool(client, pool,
                                 flags & KVP_LIST_ASK ? CLIENT_CALL_INTERACTIVE : CLIENT_CALL_QUIET, entries,
                                 NULL, failure);
}

/* --- find: all pools are asked at once, so that a search costs one round trip --- */

typedef struct Question {
        KvpPool pool;
        sd_bus_slot *slot;
        bool answered;
        ExitStatus status;
        char *value;
        Failure failure;
} Question;

static void question_done(Question *question) {
        sd_bus_slot_unref(question->slot);
        g_free(question->value);
        failure_done(&question->failure);
}

static void question_take(Question *question, sd_bus_message *reply) {
        const char *value;
        int r = sd_bus_message_read(reply, "s", &value);
        if (r < 0)
                question->status = fail_to_read(&question->failure, r);
        else {
                question->status = EXIT_STATUS_OK;
                question->value = g_strdup(value);
        }
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Question *question = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        question->answered = true;
        if (error)
                question->status = client_failure(&question->failure, error);
        else
                question_take(question, reply);
        return 0;
}

static void question_send(Question *question, Client *client, const char *key) {
        g_autoptr(sd_bus_message) message = pool_message_new(client, question->pool, "Get");
        int r = sd_bus_message_append(message, "s", key);
        g_assert(r >= 0);
        client_call_async(client, message, &question->slot, on_answer, question);
}

/* With a password if need be. */
static void question_ask_again(Question *question, Client *client, const char *key) {
        g_autoptr(sd_bus_message) message = pool_message_new(client, question->pool, "Get"), reply = NULL;
        int r = sd_bus_message_append(message, "s", key);
        g_assert(r >= 0);
        question->status = client_call(client, message, CLIENT_CALL_INTERACTIVE, &reply, &question->failure);
        if (question->status == EXIT_STATUS_OK)
                question_take(question, reply);
}

static ExitStatus wait_for_answers(Client *client, const Question *questions, size_t n, Failure *failure) {
        for (size_t i = 0; i < n; i++)
                while (!questions[i].answered) {
                        int r = sd_bus_process(client->bus, NULL);
                        /* A time-out answers a question and counts as nothing processed. */
                        if (r == 0 && !questions[i].answered)
                                r = sd_bus_wait(client->bus, UINT64_MAX);
                        if (r < 0 && r != -EINTR)
                                return client_failure_errno(failure, r);
                }
        return EXIT_STATUS_OK;
}

/* The question whose answer counts: the first that has the key. One that could not be answered hides the
 * pools after it, except a pool that may not be read. NULL: nobody has the key. */
static Question *choose(Question *questions, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (questions[i].status != EXIT_STATUS_NOT_FOUND && questions[i].status != EXIT_STATUS_DENIED)
                        return &questions[i];
        return NULL;
}

static Question *choose_with_password(Question *questions, size_t n, Client *client, const char *key) {
        Question *denied = NULL;
        for (size_t i = 0; i < n; i++) {
                if (questions[i].status != EXIT_STATUS_DENIED)
                        continue;
                question_ask_again(&questions[i], client, key);
                if (questions[i].status == EXIT_STATUS_OK)
                        return &questions[i];
                if (questions[i].status != EXIT_STATUS_NOT_FOUND)
                        denied = &questions[i];
        }
        return denied ?: &questions[0];
}

static ExitStatus take_answer(Client *client, Question *question, const char *key, bool generation,
                              KvpEntry *ret, Failure *failure) {
        uint64_t number = 0;
        if (question->status) {
                *failure = question->failure;
                question->failure = (Failure){ 0 };
                return question->status;
        }
        if (generation) {
                ExitStatus status = kvp_bus_read_generation(client, question->pool, &number, failure);
                if (status)
                        return status;
        }
        *ret = (KvpEntry){
                .pool = question->pool,
                .generation = number,
                .key = g_strdup(key),
                .value = g_steal_pointer(&question->value),
        };
        return EXIT_STATUS_OK;
}

static ExitStatus bus_find(KvpBackend *backend, const KvpPool *pools, size_t n, const char *key,
                           bool generation, KvpEntry *ret, Failure *failure) {
        Client *client = bus_of(backend)->client;
        Question questions[_KVP_POOL_ID_MAX] = { 0 };
        g_assert(n >= 1 && n <= G_N_ELEMENTS(questions));

        for (size_t i = 0; i < n; i++) {
                questions[i].pool = pools[i];
                question_send(&questions[i], client, key);
        }
        ExitStatus status = wait_for_answers(client, questions, n, failure);
        if (status == EXIT_STATUS_OK) {
                Question *chosen = choose(questions, n) ?: choose_with_password(questions, n, client, key);
                status = take_answer(client, chosen, key, generation, ret, failure);
        }
        for (size_t i = 0; i < n; i++)
                question_done(&questions[i]);
        return status;
}

/* --- changes --- */

static ExitStatus call_change(Client *client, sd_bus_message *message, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        return client_call(client, message, CLIENT_CALL_INTERACTIVE, &reply, failure);
}

static ExitStatus bus_set(KvpBackend *backend, KvpPool pool, const char *key, const char *value,
                          const char *expected, unsigned flags, Failure *failure) {
        Client *client = bus_of(backend)->client;
        g_autoptr(sd_bus_message) message = pool_message_new(client, pool, flags ? "SetIf" : "Set");
        int r = flags ? sd_bus_message_append(message, "sssu", key, value, expected ?: "", (uint32_t) flags)
                      : sd_bus_message_append(message, "ss", key, value);
        g_assert(r >= 0);
        return call_change(client, message, failure);
}

/* A dictionary holds each key once: the last one. */
static ExitStatus bus_set_many(KvpBackend *backend, KvpPool pool, const KvpEntries *entries,
                               Failure *failure) {
        Client *client = bus_of(backend)->client;
        g_autoptr(sd_bus_message) message = pool_message_new(client, pool, "SetMany");
        g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);
        for (size_t i = 0; i < kvp_entries_count(entries); i++)
                g_hash_table_replace(last, kvp_entries_get(entries, i)->key,
                                     (void *) kvp_entries_get(entries, i));

        int r = sd_bus_message_open_container(message, 'a', "{ss}");
        for (size_t i = 0; r >= 0 && i < kvp_entries_count(entries); i++) {
                const KvpEntry *entry = kvp_entries_get(entries, i);
                if (g_hash_table_lookup(last, entry->key) == entry)
                        r = sd_bus_message_append(message, "{ss}", entry->key, entry->value);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        g_assert(r >= 0);
        return call_change(client, message, failure);
}

static ExitStatus bus_remove(KvpBackend *backend, KvpPool pool, const char *key, Failure *failure) {
        Client *client = bus_of(backend)->client;
        g_autoptr(sd_bus_message) message = pool_message_new(client, pool, "Remove");
        int r = sd_bus_message_append(message, "s", key);
        g_assert(r >= 0);
        return call_change(client, message, failure);
}

static ExitStatus bus_clear(KvpBackend *backend, KvpPool pool, uint32_t *ret_count, Failure *failure) {
        Client *client = bus_of(backend)->client;
        g_autoptr(sd_bus_message) message = pool_message_new(client, pool, "Clear"), reply = NULL;
        ExitStatus status = client_call(client, message, CLIENT_CALL_INTERACTIVE, &reply, failure);
        if (status)
                return status;
        int r = sd_bus_message_read(reply, "u", ret_count);
        return r < 0 ? fail_to_read(failure, r) : EXIT_STATUS_OK;
}

static KvpBackend *bus_free(KvpBackend *backend) {
        BusBackend *bus = bus_of(backend);
        client_free(bus->client);
        g_free(bus);
        return NULL;
}

static const KvpOperations bus_operations = {
        .free = bus_free,
        .list = bus_list,
        .find = bus_find,
        .set = bus_set,
        .set_many = bus_set_many,
        .remove = bus_remove,
        .clear = bus_clear,
};

ExitStatus kvp_bus_new(const Options *options, KvpBackend **ret, Failure *failure) {
        Client *client;
        ExitStatus status = client_new(options, &client, failure);
        if (status)
                return status;
        BusBackend *bus = g_new0(BusBackend, 1);
        bus->backend.operations = &bus_operations;
        bus->client = client;
        *ret = &bus->backend;
        return EXIT_STATUS_OK;
}

ExitStatus kvp_bus_read_key(Client *client, KvpPool pool, const char *key, char **ret, Failure *failure) {
        g_autoptr(sd_bus_message) message = pool_message_new(client, pool, "Get"), reply = NULL;
        const char *value;
        int r = sd_bus_message_append(message, "s", key);
        g_assert(r >= 0);
        ExitStatus status = client_call(client, message, CLIENT_CALL_QUIET, &reply, failure);
        if (status)
                return status;
        r = sd_bus_message_read(reply, "s", &value);
        if (r < 0)
                return fail_to_read(failure, r);
        *ret = g_strdup(value);
        return EXIT_STATUS_OK;
}
