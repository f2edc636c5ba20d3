/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/options.h"

#include <string.h>
#include <unistd.h>

#include "common/units.h"

const OptionRow option_rows[_OPTION_MAX] = {
        [OPTION_POOL] = { "pool", 'p', OPTION_ARGUMENT_POOL, "POOL",
                          "external, guest, auto, host (auto_external), auto_internal, or 0 to 4" },
        [OPTION_JSON] = { "json", 0, OPTION_ARGUMENT_JSON, "MODE", "Print JSON: short, pretty, or off" },
        [OPTION_J] = { "j", 'j', OPTION_ARGUMENT_NONE, NULL,
                       "Same as --json=pretty on a terminal, --json=short otherwise" },
        [OPTION_NULL] = { "null", '0', OPTION_ARGUMENT_NONE, NULL,
                          "End keys and values with NUL, not newline" },
        [OPTION_RAW] = { "raw", 0, OPTION_ARGUMENT_NONE, NULL,
                         "Show every record of the file, duplicates too" },
        [OPTION_NO_LEGEND] = { "no-legend", 0, OPTION_ARGUMENT_NONE, NULL, "Print no headings" },
        [OPTION_NO_PAGER] = { "no-pager", 0, OPTION_ARGUMENT_NONE, NULL, "Do not pipe output into a pager" },
        [OPTION_VERBOSE] = { "verbose", 'v', OPTION_ARGUMENT_NONE, NULL, "Print more" },
        [OPTION_EXISTS] = { "exists", 0, OPTION_ARGUMENT_NONE, NULL, "Print nothing, only test for the key" },
        [OPTION_FILE] = { "file", 'f', OPTION_ARGUMENT_FILE, "FILE", "Read the value from this file" },
        [OPTION_CREATE_ONLY] = { "create-only", 0, OPTION_ARGUMENT_NONE, NULL, "Refuse if the key exists" },
        [OPTION_EXPECT] = { "expect", 0, OPTION_ARGUMENT_WORD, "OLD", "Refuse unless the value is OLD now" },
        [OPTION_LONG] = { "long", 0, OPTION_ARGUMENT_NONE, NULL,
                          "Allow up to 511 and 2047 bytes, which the host cannot read" },
        [OPTION_SINCE] = { "since", 0, OPTION_ARGUMENT_WORD, "GENERATION",
                           "Wait for a change after this generation of the pool" },
        [OPTION_TIMEOUT] = { "timeout", 't', OPTION_ARGUMENT_WORD, "TIME",
                             "Give up after this time, as in 5s" },
        [OPTION_NO_ASK_PASSWORD] = { "no-ask-password", 0, OPTION_ARGUMENT_NONE, NULL,
                                     "Never ask for a password" },
        [OPTION_FOR] = { "for", 0, OPTION_ARGUMENT_WORD, "TIME", "Thaw after this time, as in 5s" },
        [OPTION_WHO] = { "who", 0, OPTION_ARGUMENT_WORD, "NAME", "Who delays snapshots" },
        [OPTION_WHY] = { "why", 0, OPTION_ARGUMENT_WORD, "TEXT", "What snapshots are delayed for" },
        [OPTION_ROOT] = { "root", 0, OPTION_ARGUMENT_DIRECTORY, "DIR",
                          "Work on the pool files below DIR, without a service" },
        [OPTION_BUS] = { "bus", 0, OPTION_ARGUMENT_WORD, "ADDRESS", "Use this bus, not the system bus" },
        [OPTION_HELP] = { "help", 'h', OPTION_ARGUMENT_NONE, NULL, "Show this help" },
        [OPTION_VERSION] = { "version", 0, OPTION_ARGUMENT_NONE, NULL, "Show the version" },
};

static const char *const json_mode_table[_JSON_MODE_MAX] = {
        [JSON_OFF] = "off",
        [JSON_SHORT] = "short",
        [JSON_PRETTY] = "pretty",
};
DEFINE_STRING_TABLE_LOOKUP(json_mode, JsonMode)

void options_done(Options *options) {
        g_clear_pointer(&options->file, g_free);
        g_clear_pointer(&options->expect, g_free);
        g_clear_pointer(&options->who, g_free);
        g_clear_pointer(&options->why, g_free);
        g_clear_pointer(&options->root, g_free);
        g_clear_pointer(&options->bus, g_free);
        g_clear_pointer(&options->arguments, g_strfreev);
}

static void replace(char **slot, const char *word) {
        g_free(*slot);
        *slot = g_strdup(word);
}

static bool take_pool(Options *options, const char *word) {
        KvpPool pool = kvp_pool_from_argument(word);
        if (pool < 0)
                return false;
        options->pool = pool;
        return true;
}

static bool take_json(Options *options, const char *word) {
        JsonMode mode = json_mode_from_string(word);
        if (mode < 0)
                return false;
        options->json = mode;
        return true;
}

static bool take_since(Options *options, const char *word) {
        return g_ascii_string_to_unsigned(word, 10, 0, OPTIONS_SINCE_NONE - 1, &options->since, NULL);
}

/* Stores one option. False: its argument makes no sense. */
static bool options_take(Options *options, OptionName name, const char *word) {
        switch (name) {
        case OPTION_POOL:
                return take_pool(options, word);
        case OPTION_JSON:
                return take_json(options, word);
        case OPTION_J:
                options->json = isatty(STDOUT_FILENO) ? JSON_PRETTY : JSON_SHORT;
                return true;
        case OPTION_FILE:
                replace(&options->file, word);
                return true;
        case OPTION_EXPECT:
                replace(&options->expect, word);
                return true;
        case OPTION_SINCE:
                return take_since(options, word);
        case OPTION_TIMEOUT:
                return parse_time(word, &options->timeout_usec) >= 0;
        case OPTION_FOR:
                return parse_time(word, &options->for_usec) >= 0 && options->for_usec > 0;
        case OPTION_WHO:
                replace(&options->who, word);
                return word[0] != '\0';
        case OPTION_WHY:
                replace(&options->why, word);
                return true;
        case OPTION_ROOT:
                replace(&options->root, word);
                return word[0] != '\0';
        case OPTION_BUS:
                replace(&options->bus, word);
                return word[0] != '\0';
        case OPTION_NULL:
        case OPTION_RAW:
        case OPTION_NO_LEGEND:
        case OPTION_NO_PAGER:
        case OPTION_VERBOSE:
        case OPTION_EXISTS:
        case OPTION_CREATE_ONLY:
        case OPTION_LONG:
        case OPTION_NO_ASK_PASSWORD:
        case OPTION_HELP:
        case OPTION_VERSION:
        case _OPTION_MAX:
        case _OPTION_INVALID:
                break;
        }
        return true;
}

static OptionName option_find(const char *spelled) {
        for (int i = 0; i < _OPTION_MAX; i++) {
                const OptionRow *row = &option_rows[i];
                if (g_str_has_prefix(spelled, "--") && strcmp(spelled + 2, row->name) == 0)
                        return (OptionName) i;
                if (spelled[1] == row->short_name && spelled[2] == '\0')
                        return (OptionName) i;
        }
        return _OPTION_INVALID;
}

/* GLib's callback: spelled is "--pool" or "-p". */
static gboolean on_option(const char *spelled, const char *word, void *userdata, GError **error) {
        Options *options = userdata;
        OptionName name = option_find(spelled);
        g_assert(name >= 0);

        options->given |= OPTION_BIT(name);
        if (options_take(options, name, word))
                return true;

        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "option %s does not take '%s' (%s)",
                    spelled, word, option_rows[name].summary);
        return false;
}

/* GLib speaks of "Unknown option --foo"; complaints start in lower case after `hvctl: `. */
static ExitStatus fail_with(Failure *failure, const GError *error) {
        g_autofree char *sentence = g_strdup(error->message);
        if (g_ascii_isupper(sentence[0]) && g_ascii_islower(sentence[1]))
                sentence[0] = g_ascii_tolower(sentence[0]);
        return failure_set(failure, EXIT_STATUS_USAGE, "%s", sentence);
}

static GOptionGroup *option_group_new(Options *options) {
        GOptionEntry entries[_OPTION_MAX + 2] = { 0 };
        for (int i = 0; i < _OPTION_MAX; i++)
                entries[i] = (GOptionEntry){
                        .long_name = option_rows[i].name,
                        .short_name = option_rows[i].short_name,
                        .flags = option_rows[i].argument_name ? G_OPTION_FLAG_FILENAME : G_OPTION_FLAG_NO_ARG,
                        .arg = G_OPTION_ARG_CALLBACK,
                        .arg_data = (void *) on_option,
                };
        /* As bytes: whether they are UTF-8 is for the verb to say, not for the locale. */
        entries[_OPTION_MAX] = (GOptionEntry){
                .long_name = G_OPTION_REMAINING,
                .arg = G_OPTION_ARG_FILENAME_ARRAY,
                .arg_data = &options->arguments,
        };

        GOptionGroup *group = g_option_group_new("hvctl", "", "", options, NULL);
        g_option_group_add_entries(group, entries);
        return group;
}

/* Only a command that a verb runs needs to know it. */
static size_t count_behind_dashes(int argc, char *const *argv) {
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--") == 0)
                        return (size_t) (argc - i - 1);
        return 0;
}

ExitStatus options_parse(Options *options, int argc, char *const *argv, Failure *failure) {
        *options = (Options){ .pool = _KVP_POOL_ID_INVALID,
                              .timeout_usec = USEC_INFINITY,
                              .since = OPTIONS_SINCE_NONE,
                              .n_behind_dashes = count_behind_dashes(argc, argv) };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_option_context_set_help_enabled(context, false);
        g_option_context_set_main_group(context, option_group_new(options));

        g_autofree char **words = g_new0(char *, (size_t) argc + 1);
        memcpy(words, argv, (size_t) argc * sizeof(char *));
        g_autoptr(GError) error = NULL;
        if (!g_option_context_parse(context, &argc, &words, &error))
                return fail_with(failure, error);
        if (!options->arguments)
                options->arguments = g_new0(char *, 1);
        return EXIT_STATUS_OK;
}
