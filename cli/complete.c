/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/kvp.h"
#include "cli/transfer-facts.h"
#include "cli/verbs.h"
#include "common/units.h"

/* A person waits for the second press of TAB: what the bus cannot tell by then is not worth waiting for. */
#define LIVE_TIMEOUT_USEC (200 * USEC_PER_MSEC)

/* What the words before the one to complete say. */
typedef struct Context {
        const char *current;
        GPtrArray *plain;         /* words that are neither options nor their arguments */
        const OptionRow *pending; /* the option whose argument the current word is */
        bool only_words;          /* after -- */
        char *root;
        char *bus;
        KvpPool pool;
} Context;

static void context_done(Context *context) {
        g_ptr_array_unref(context->plain);
        g_free(context->root);
        g_free(context->bus);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Context, context_done)

/* A key that would not stay on its line cannot be offered. */
static bool has_control(const char *text) {
        for (; *text; text++)
                if (g_ascii_iscntrl(*text))
                        return true;
        return false;
}

static void offer(const Context *context, const char *candidate) {
        if (g_str_has_prefix(candidate, context->current) && !has_control(candidate))
                puts(candidate);
}

static const OptionRow *find_option(const char *word, size_t length) {
        for (int i = 0; i < _OPTION_MAX; i++) {
                const OptionRow *row = &option_rows[i];
                if (length > 2 && strlen(row->name) == length - 2 &&
                    strncmp(word + 2, row->name, length - 2) == 0)
                        return row;
                if (length == 2 && word[1] == row->short_name)
                        return row;
        }
        return NULL;
}

/* The options that say where live keys come from. */
static void context_note(Context *context, const OptionRow *row, const char *argument) {
        if (row == &option_rows[OPTION_ROOT]) {
                g_free(context->root);
                context->root = g_strdup(argument);
        } else if (row == &option_rows[OPTION_BUS]) {
                g_free(context->bus);
                context->bus = g_strdup(argument);
        } else if (row == &option_rows[OPTION_POOL])
                context->pool = kvp_pool_from_argument(argument);
}

static void context_take(Context *context, const char *word) {
        if (context->pending) {
                context_note(context, context->pending, word);
                context->pending = NULL;
        } else if (context->only_words || word[0] != '-' || word[1] == '\0')
                g_ptr_array_add(context->plain, (void *) word);
        else if (strcmp(word, "--") == 0)
                context->only_words = true;
        else {
                const char *equals = strchr(word, '=');
                const OptionRow *row = find_option(word, equals ? (size_t) (equals - word) : strlen(word));
                if (row && row->argument_name && equals)
                        context_note(context, row, equals + 1);
                else if (row && row->argument_name)
                        context->pending = row;
        }
}

static ExitStatus offer_option_argument(Context *context, const OptionRow *row) {
        switch (row->argument) {
        case OPTION_ARGUMENT_POOL:
                for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                        offer(context, kvp_pool_to_string((KvpPool) i));
                offer(context, "host");
                return EXIT_STATUS_OK;
        case OPTION_ARGUMENT_JSON:
                for (int i = 0; i < _JSON_MODE_MAX; i++)
                        offer(context, json_mode_to_string((JsonMode) i));
                return EXIT_STATUS_OK;
        case OPTION_ARGUMENT_FILE:
        case OPTION_ARGUMENT_DIRECTORY:
                return EXIT_STATUS_FILENAME;
        case OPTION_ARGUMENT_NONE:
        case OPTION_ARGUMENT_WORD:
                break;
        }
        return EXIT_STATUS_OK;
}

/* --pool=gu: the shell has split at the = or has not; the answer is only what stands after it. */
static ExitStatus offer_inline_argument(Context *context, const char *equals) {
        const OptionRow *row = find_option(context->current, (size_t) (equals - context->current));
        context->current = equals + 1;
        return row && row->argument_name ? offer_option_argument(context, row) : EXIT_STATUS_OK;
}

static void offer_options(const Context *context, const Verb *verb) {
        uint32_t bits = verb ? verb->options | VERB_COMMON_OPTIONS : OPTION_BIT(_OPTION_MAX) - 1;
        for (int i = 0; i < _OPTION_MAX; i++) {
                const OptionRow *row = &option_rows[i];
                if (!(bits & OPTION_BIT(i)) || !row->name[1])
                        continue;
                g_autofree char *spelled =
                        g_strdup_printf("--%s%s", row->name, row->argument_name ? "=" : "");
                offer(context, spelled);
        }
}

static void offer_pool_keys(const Context *context, KvpBackend *backend, KvpPool pool) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(KvpEntries) entries = kvp_entries_new();
        if (backend->operations->list(backend, pool, 0, entries, &failure))
                return;
        for (size_t i = 0; i < kvp_entries_count(entries); i++)
                offer(context, kvp_entries_get(entries, i)->key);
}

static void offer_keys(const Context *context, const Verb *verb) {
        Options options = {
                .given = OPTION_BIT(OPTION_NO_ASK_PASSWORD),
                .timeout_usec = LIVE_TIMEOUT_USEC,
                .root = context->root,
                .bus = context->bus,
        };
        g_auto(Failure) failure = { 0 };
        g_autoptr(KvpBackend) backend = NULL;
        bool changes = verb->run == cmd_kvp_set || verb->run == cmd_kvp_remove;
        uint64_t deadline = now_usec(CLOCK_MONOTONIC) + LIVE_TIMEOUT_USEC;

        if (kvp_backend_new(&options, &backend, &failure))
                return;
        if (context->pool >= 0)
                offer_pool_keys(context, backend, context->pool);
        else if (changes)
                offer_pool_keys(context, backend, KVP_POOL_ID_GUEST);
        else
                for (size_t i = 0; i < kvp_search_order_count && now_usec(CLOCK_MONOTONIC) < deadline; i++)
                        offer_pool_keys(context, backend, kvp_search_order[i]);
}

/* Only what runs can be cancelled. */
static void offer_transfers(const Context *context, const Verb *verb) {
        const Options options = {
                .given = OPTION_BIT(OPTION_NO_ASK_PASSWORD),
                .timeout_usec = LIVE_TIMEOUT_USEC,
                .bus = context->bus,
        };
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_autoptr(GPtrArray) transfers = NULL;

        if (client_new(&options, &client, &failure) || transfer_facts_list(client, &transfers, &failure))
                return;
        for (guint i = 0; i < transfers->len; i++) {
                const TransferFacts *facts = g_ptr_array_index(transfers, i);
                g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, facts->id);
                if (verb->run != cmd_transfer_cancel || transfer_facts_is_running(facts))
                        offer(context, number);
        }
}

static ExitStatus offer_arguments(const Context *context, const Verb *verb, size_t position) {
        switch (verb->argument) {
        case VERB_ARGUMENT_KEY:
                if (position == 0)
                        offer_keys(context, verb);
                return EXIT_STATUS_OK;
        case VERB_ARGUMENT_KEYS:
                offer_keys(context, verb);
                return EXIT_STATUS_OK;
        case VERB_ARGUMENT_TRANSFER:
                if (position == 0)
                        offer_transfers(context, verb);
                return EXIT_STATUS_OK;
        case VERB_ARGUMENT_FILE:
                return EXIT_STATUS_FILENAME;
        case VERB_ARGUMENT_NONE:
                break;
        }
        return EXIT_STATUS_OK;
}

static void offer_each(const Context *context, const char *const *words) {
        for (; *words; words++)
                offer(context, *words);
}

static ExitStatus offer_words(Context *context) {
        g_auto(Failure) failure = { 0 };
        VerbWords found = { 0 };
        size_t n = context->plain->len;
        g_ptr_array_add(context->plain, NULL);
        bool known =
                n > 0 && verb_find((char *const *) context->plain->pdata, &found, &failure) == EXIT_STATUS_OK;
        const char *equals = strchr(context->current, '=');

        if (!context->only_words && context->current[0] == '-') {
                if (equals)
                        return offer_inline_argument(context, equals);
                offer_options(context, known ? found.verb : NULL);
                return EXIT_STATUS_OK;
        }
        if (known)
                return offer_arguments(context, found.verb, n - found.used);
        g_autofree const char **words =
                n == 0 ? verb_first_words() : verb_names_in(n == 1 ? context->plain->pdata[0] : "");
        offer_each(context, words);
        return EXIT_STATUS_OK;
}

ExitStatus complete_args(int argc, char *const *argv) {
        guint64 index;
        if (argc < 1 || !g_ascii_string_to_unsigned(argv[0], 10, 1, INT32_MAX, &index, NULL))
                return EXIT_STATUS_USAGE;

        char *const *words = argv + 1;
        size_t n = (size_t) argc - 1;
        g_auto(Context) context = {
                .current = index < n ? words[index] : "",
                .plain = g_ptr_array_new(),
                .pool = _KVP_POOL_ID_INVALID,
        };
        for (size_t i = 1; i < MIN((size_t) index, n); i++)
                context_take(&context, words[i]);

        if (context.pending)
                return offer_option_argument(&context, context.pending);
        return offer_words(&context);
}
