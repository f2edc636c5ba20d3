/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs.h"

#include <string.h>

#include "cli/text.h"

#define B(name)   OPTION_BIT(OPTION_##name)
#define JSON      (B(JSON) | B(J))
#define TABLE     (JSON | B(NO_LEGEND) | B(NO_PAGER))
#define ASK       (B(TIMEOUT) | B(NO_ASK_PASSWORD))
#define POOL_FILE (B(POOL) | B(ROOT))

const Verb verbs[] = {
        { NULL, "status", "", "Show channels, pools, and what stands in the way", 0, 0, VERB_ARGUMENT_NONE,
          JSON | B(NO_LEGEND) | B(TIMEOUT) | B(VERBOSE), cmd_status },
        { NULL, "monitor", "", "Print everything that happens, as it happens", 0, 0, VERB_ARGUMENT_NONE,
          JSON | B(TIMEOUT) | B(NO_ASK_PASSWORD), cmd_monitor },
        { "kvp", "list", "[GLOB]", "List keys with their values", 0, 1, VERB_ARGUMENT_KEY,
          TABLE | POOL_FILE | ASK | B(RAW) | B(NULL), cmd_kvp_list },
        { "kvp", "get", "KEY", "Print the value of a key", 1, 1, VERB_ARGUMENT_KEY,
          JSON | POOL_FILE | ASK | B(VERBOSE) | B(EXISTS) | B(NULL), cmd_kvp_get },
        { "kvp", "set", "KEY VALUE|-", "Set a key", 1, 2, VERB_ARGUMENT_KEY,
          JSON | POOL_FILE | ASK | B(FILE) | B(NULL) | B(CREATE_ONLY) | B(EXPECT) | B(LONG), cmd_kvp_set },
        { "kvp", "delete", "KEY...", "Delete keys", 1, VERB_ANY_NUMBER, VERB_ARGUMENT_KEYS, POOL_FILE | ASK,
          cmd_kvp_remove },
        { "kvp", "wait", "GLOB", "Wait until a matching key is there, and print it", 1, 1, VERB_ARGUMENT_KEY,
          JSON | B(POOL) | ASK | B(SINCE) | B(VERBOSE) | B(NULL), cmd_kvp_wait },
        { "kvp", "watch", "[GLOB]", "Print changes as they happen", 0, 1, VERB_ARGUMENT_KEY,
          JSON | B(POOL) | ASK, cmd_kvp_watch },
        { "kvp", "import", "[FILE]", "Set the keys that a file or stdin holds", 0, 1, VERB_ARGUMENT_FILE,
          POOL_FILE | ASK | B(NULL) | B(LONG), cmd_kvp_import },
        { "kvp", "export", "", "Write all pairs for import", 0, 0, VERB_ARGUMENT_NONE,
          POOL_FILE | ASK | B(NULL), cmd_kvp_export },
        { "kvp", "clear", "", "Delete all keys of a pool", 0, 0, VERB_ARGUMENT_NONE, POOL_FILE | ASK | JSON,
          cmd_kvp_clear },
        { "transfer", "list", "", "List files from the host, past and under way", 0, 0, VERB_ARGUMENT_NONE,
          TABLE | B(TIMEOUT), cmd_transfer_list },
        { "transfer", "show", "NUMBER", "Show one file from the host", 1, 1, VERB_ARGUMENT_TRANSFER,
          JSON | B(TIMEOUT) | B(NO_LEGEND), cmd_transfer_show },
        { "transfer", "watch", "", "Follow files while they come", 0, 0, VERB_ARGUMENT_NONE,
          JSON | B(TIMEOUT), cmd_transfer_watch },
        { "transfer", "cancel", "NUMBER", "Give a file up that is under way", 1, 1, VERB_ARGUMENT_TRANSFER,
          ASK, cmd_transfer_cancel },
        { "snapshot", "status", "", "Show whether file systems are frozen", 0, 0, VERB_ARGUMENT_NONE,
          JSON | B(TIMEOUT) | B(NO_LEGEND), cmd_snapshot_status },
        { "snapshot", "plan", "", "Show what a snapshot would freeze", 0, 0, VERB_ARGUMENT_NONE,
          TABLE | B(TIMEOUT), cmd_snapshot_plan },
        { "snapshot", "freeze", "[MOUNT...] [-- CMD...]", "Freeze file systems while a command runs", 0,
          VERB_ANY_NUMBER, VERB_ARGUMENT_FILE, ASK | B(FOR), cmd_snapshot_freeze },
        { "snapshot", "thaw", "[SOCKET]", "End any snapshot at once, as root, without the bus", 0, 1,
          VERB_ARGUMENT_NONE, B(TIMEOUT), cmd_snapshot_thaw },
        { "snapshot", "list", "", "List snapshots, past and running", 0, 0, VERB_ARGUMENT_NONE,
          TABLE | B(TIMEOUT), cmd_snapshot_list },
        { "snapshot", "show", "[NUMBER]", "Show a snapshot, or the last", 0, 1, VERB_ARGUMENT_NONE,
          JSON | B(TIMEOUT) | B(NO_LEGEND), cmd_snapshot_show },
        { "snapshot", "inhibit", "[-- CMD...]", "Delay snapshots while a command runs", 0, VERB_ANY_NUMBER,
          VERB_ARGUMENT_FILE, ASK | B(WHO) | B(WHY), cmd_snapshot_inhibit },
        { "snapshot", "watch", "", "Print snapshots as they happen", 0, 0, VERB_ARGUMENT_NONE,
          JSON | B(TIMEOUT), cmd_snapshot_watch },
        { 0 },
};

char *verb_full_name(const Verb *verb) {
        return verb->group ? g_strdup_printf("%s %s", verb->group, verb->name) : g_strdup(verb->name);
}

static bool is_listed(GPtrArray *words, const char *word) {
        for (size_t i = 0; i < words->len; i++)
                if (strcmp(words->pdata[i], word) == 0)
                        return true;
        return false;
}

const char **verb_first_words(void) {
        GPtrArray *words = g_ptr_array_new();
        for (const Verb *verb = verbs; verb->name; verb++) {
                const char *word = verb->group ?: verb->name;
                if (!is_listed(words, word))
                        g_ptr_array_add(words, (void *) word);
        }
        g_ptr_array_add(words, NULL);
        return (const char **) g_ptr_array_free(words, false);
}

const char **verb_names_in(const char *group) {
        GPtrArray *words = g_ptr_array_new();
        for (const Verb *verb = verbs; verb->name; verb++)
                if (g_strcmp0(verb->group, group) == 0)
                        g_ptr_array_add(words, (void *) verb->name);
        g_ptr_array_add(words, NULL);
        return (const char **) g_ptr_array_free(words, false);
}

static const Verb *find_in_group(const char *group, const char *name) {
        for (const Verb *verb = verbs; verb->name; verb++)
                if (g_strcmp0(verb->group, group) == 0 && strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}

/* The group of a verb that was named without it, as in `hvctl get`. */
static const char *group_that_has(const char *name) {
        for (const Verb *verb = verbs; verb->name; verb++)
                if (verb->group && strcmp(verb->name, name) == 0)
                        return verb->group;
        return NULL;
}

static ExitStatus fail_unknown(const char *group, const char *word, const char *const *candidates,
                               Failure *failure) {
        const char *prefix = group ?: "", *blank = group ? " " : "";
        const char *other = group ? NULL : group_that_has(word);
        const char *meant = text_suggest(word, candidates);

        failure_set(failure, EXIT_STATUS_USAGE, "unknown verb '%s%s%s'", prefix, blank, word);
        if (other)
                failure_set_hint(failure, "did you mean 'hvctl %s %s'?", other, word);
        else if (meant)
                failure_set_hint(failure, "did you mean 'hvctl %s%s%s'?", prefix, blank, meant);
        else
                failure_set_hint(failure, "hvctl --help lists the verbs");
        return EXIT_STATUS_USAGE;
}

static ExitStatus find_second(char *const *words, VerbWords *ret, Failure *failure) {
        g_autofree const char **names = verb_names_in(words[0]);
        if (!words[1]) {
                g_autofree char *list = g_strjoinv(", ", (char **) names);
                failure_set(failure, EXIT_STATUS_USAGE, "'%s' needs a verb: %s", words[0], list);
                failure_set_hint(failure, "hvctl --help explains them");
                return EXIT_STATUS_USAGE;
        }
        const Verb *verb = find_in_group(words[0], words[1]);
        if (!verb)
                return fail_unknown(words[0], words[1], names, failure);
        *ret = (VerbWords){ .verb = verb, .used = 2 };
        return EXIT_STATUS_OK;
}

ExitStatus verb_find(char *const *words, VerbWords *ret, Failure *failure) {
        if (!words[0]) {
                *ret = (VerbWords){ .verb = &verbs[0], .used = 0 };
                return EXIT_STATUS_OK;
        }
        const Verb *verb = find_in_group(NULL, words[0]);
        if (verb) {
                *ret = (VerbWords){ .verb = verb, .used = 1 };
                return EXIT_STATUS_OK;
        }
        g_autofree const char **names = verb_names_in(words[0]);
        if (names[0])
                return find_second(words, ret, failure);
        g_autofree const char **first = verb_first_words();
        return fail_unknown(NULL, words[0], first, failure);
}

static ExitStatus fail_with_synopsis(const Verb *verb, Failure *failure, const char *sentence) {
        g_autofree char *name = verb_full_name(verb);
        failure_set(failure, EXIT_STATUS_USAGE, "%s: %s", name, sentence);
        failure_set_hint(failure, "usage: hvctl %s [OPTIONS] %s", name, verb->synopsis);
        return EXIT_STATUS_USAGE;
}

ExitStatus verb_check(const Verb *verb, const Options *options, size_t n_arguments, Failure *failure) {
        uint32_t refused = options->given & ~(verb->options | VERB_COMMON_OPTIONS);
        if (refused) {
                g_autofree char *name = verb_full_name(verb);
                const OptionRow *row = &option_rows[g_bit_nth_lsf(refused, -1)];
                const char *dashes = row->name[1] ? "--" : "-";
                failure_set(failure, EXIT_STATUS_USAGE, "%s does not take %s%s", name, dashes, row->name);
                failure_set_hint(failure, "hvctl %s --help shows its options", name);
                return EXIT_STATUS_USAGE;
        }
        if (n_arguments < verb->min)
                return fail_with_synopsis(verb, failure, "an argument is missing");
        if (verb->max != VERB_ANY_NUMBER && n_arguments > verb->max)
                return fail_with_synopsis(verb, failure, "too many arguments");
        return EXIT_STATUS_OK;
}
