/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verb table: what hvctl can do, how many words each verb takes, which options, and who does it.
 * Dispatch, --help, "did you mean" and completion read it; nothing else knows the verbs.
 */

#include <glib.h>
#include <stdint.h>

#include "cli/complain.h"
#include "cli/options.h"

G_BEGIN_DECLS

/* What a verb's words are, for completion. */
typedef enum VerbArgument {
        VERB_ARGUMENT_NONE,
        VERB_ARGUMENT_KEY,  /* the first word */
        VERB_ARGUMENT_KEYS, /* every word */
        VERB_ARGUMENT_FILE,
        VERB_ARGUMENT_TRANSFER, /* the number of a transfer */
} VerbArgument;

#define VERB_ANY_NUMBER UINT8_MAX

typedef struct Verb {
        const char *group; /* NULL: stands alone */
        const char *name;
        const char *synopsis; /* of the arguments; "" = none */
        const char *summary;
        uint8_t min, max; /* arguments after the name */
        VerbArgument argument;
        uint32_t options; /* OPTION_BIT()s, besides the common ones */
        /* options->arguments starts after the verb's name. */
        ExitStatus (*run)(const Options *options);
} Verb;

/* Ends with a row without a name. */
extern const Verb verbs[];

/* Options that every verb takes. */
#define VERB_COMMON_OPTIONS (OPTION_BIT(OPTION_BUS) | OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))

typedef struct VerbWords {
        const Verb *verb;
        size_t used; /* words that name it: 0 (bare hvctl), 1 or 2 */
} VerbWords;

/* The verb that the words name; without any words, the first of the table. On failure the cause is a
 * sentence, with a hint. */
ExitStatus verb_find(char *const *words, VerbWords *ret, Failure *failure);
/* Whether words and options suit the verb. */
ExitStatus verb_check(const Verb *verb, const Options *options, size_t n_arguments, Failure *failure);
/* "kvp get" (g_free) */
char *verb_full_name(const Verb *verb);
/* The names that may stand first: verbs without group, and groups; NULL-terminated, in the table's order
 * (g_free the array). */
const char **verb_first_words(void);
/* The verbs of a group; empty if there is no such group. */
const char **verb_names_in(const char *group);

/* --help: all of it, or of one verb. */
void verb_print_help(const Verb *verb);

/* The cmd-*.c files. */
ExitStatus cmd_status(const Options *options);
ExitStatus cmd_monitor(const Options *options);
ExitStatus cmd_kvp_list(const Options *options);
ExitStatus cmd_kvp_get(const Options *options);
ExitStatus cmd_kvp_set(const Options *options);
ExitStatus cmd_kvp_remove(const Options *options);
ExitStatus cmd_kvp_wait(const Options *options);
ExitStatus cmd_kvp_watch(const Options *options);
ExitStatus cmd_kvp_import(const Options *options);
ExitStatus cmd_kvp_export(const Options *options);
ExitStatus cmd_kvp_clear(const Options *options);
ExitStatus cmd_transfer_list(const Options *options);
ExitStatus cmd_transfer_show(const Options *options);
ExitStatus cmd_transfer_watch(const Options *options);
ExitStatus cmd_transfer_cancel(const Options *options);
ExitStatus cmd_snapshot_status(const Options *options);
ExitStatus cmd_snapshot_plan(const Options *options);
ExitStatus cmd_snapshot_freeze(const Options *options);
ExitStatus cmd_snapshot_thaw(const Options *options);
ExitStatus cmd_snapshot_list(const Options *options);
ExitStatus cmd_snapshot_show(const Options *options);
ExitStatus cmd_snapshot_inhibit(const Options *options);
ExitStatus cmd_snapshot_watch(const Options *options);

G_END_DECLS
