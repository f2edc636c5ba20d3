/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every option of hvctl, in one table. Options may stand before or after the verb; each verb names those it
 * takes, and any other is refused with a sentence. Help and completion read the same table.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/complain.h"
#include "common/string-table.h"
#include "wire/record.h"

G_BEGIN_DECLS

typedef enum OptionName {
        OPTION_POOL,
        OPTION_JSON,
        OPTION_J,
        OPTION_NULL,
        OPTION_RAW,
        OPTION_NO_LEGEND,
        OPTION_NO_PAGER,
        OPTION_VERBOSE,
        OPTION_EXISTS,
        OPTION_FILE,
        OPTION_CREATE_ONLY,
        OPTION_EXPECT,
        OPTION_LONG,
        OPTION_SINCE,
        OPTION_TIMEOUT,
        OPTION_NO_ASK_PASSWORD,
        OPTION_FOR,
        OPTION_WHO,
        OPTION_WHY,
        OPTION_ROOT,
        OPTION_BUS,
        OPTION_HELP,
        OPTION_VERSION,
        _OPTION_MAX,
        _OPTION_INVALID = -EINVAL,
} OptionName;

#define OPTION_BIT(name) (UINT32_C(1) << (name))

/* What an option's argument is, for completion. */
typedef enum OptionArgument {
        OPTION_ARGUMENT_NONE,
        OPTION_ARGUMENT_WORD,
        OPTION_ARGUMENT_POOL,
        OPTION_ARGUMENT_JSON,
        OPTION_ARGUMENT_FILE,
        OPTION_ARGUMENT_DIRECTORY,
} OptionArgument;

typedef struct OptionRow {
        const char *name;
        char short_name; /* 0 = none */
        OptionArgument argument;
        const char *argument_name; /* NULL = takes none */
        const char *summary;
} OptionRow;

extern const OptionRow option_rows[_OPTION_MAX];

typedef enum JsonMode {
        JSON_OFF,
        JSON_SHORT,
        JSON_PRETTY,
        _JSON_MODE_MAX,
        _JSON_MODE_INVALID = -EINVAL
} JsonMode;
DECLARE_STRING_TABLE_LOOKUP(json_mode, JsonMode); /* "off", "short", "pretty" */

#define OPTIONS_SINCE_NONE UINT64_MAX

typedef struct Options {
        uint32_t given; /* OPTION_BIT()s */
        KvpPool pool;   /* with OPTION_POOL */
        JsonMode json;
        char *file;
        char *expect;
        uint64_t timeout_usec;  /* USEC_INFINITY = not given */
        uint64_t since;         /* OPTIONS_SINCE_NONE = not given */
        uint64_t for_usec;      /* 0 = not given */
        char *who, *why;        /* NULL = not given */
        char *root;             /* NULL = through the service */
        char *bus;              /* NULL = the system bus */
        char **arguments;       /* the words that are no options: verb first; never NULL */
        size_t n_behind_dashes; /* how many of them, at the end, stood behind -- */
} Options;

void options_done(Options *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_done)

/* Parses argv (which is left as it is). On failure the cause is a whole sentence. */
ExitStatus options_parse(Options *options, int argc, char *const *argv, Failure *failure);

static inline bool options_given(const Options *options, OptionName name) {
        return options->given & OPTION_BIT(name);
}

G_END_DECLS
