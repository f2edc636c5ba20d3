/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl kvp set, delete, clear */

#include <string.h>

#include "cli/input.h"
#include "cli/kvp-print.h"
#include "cli/kvp.h"
#include "cli/verbs.h"

/* Enough to name the count of a value that is far too long. */
#define VALUE_INPUT_MAX (1024 * 1024)

static KvpPool pool_to_change(const Options *options) {
        return options_given(options, OPTION_POOL) ? options->pool : KVP_POOL_ID_GUEST;
}

/* What `get` added to the value, `set -` takes off: one newline, or with -0 one NUL. Nothing else is touched.
 */
static void strip_terminator(char *text, size_t *size, char terminator) {
        if (*size > 0 && text[*size - 1] == terminator)
                text[--*size] = '\0';
}

static ExitStatus read_value(const Options *options, const char *path, char **ret, Failure *failure) {
        g_autofree char *text = NULL;
        size_t size;
        ExitStatus status = input_read(path, VALUE_INPUT_MAX, &text, &size, failure);
        if (status)
                return status;
        strip_terminator(text, &size, options_given(options, OPTION_NULL) ? '\0' : '\n');
        if (strlen(text) != size)
                return failure_set(failure, EXIT_STATUS_INVALID, "the value contains NUL");
        *ret = g_steal_pointer(&text);
        return EXIT_STATUS_OK;
}

/* The value stands in the second word, or comes from --file, or with `-` from stdin. */
static ExitStatus take_value(const Options *options, char **ret, Failure *failure) {
        const char *word = options->arguments[1];
        if (!word == !options->file) {
                failure_set(failure, EXIT_STATUS_USAGE,
                            word ? "a value and --file were given, one is needed" : "a value is missing");
                failure_set_hint(
                        failure,
                        "usage: hvctl kvp set KEY VALUE, or KEY - to read stdin, or --file=FILE KEY");
                return EXIT_STATUS_USAGE;
        }
        if (options->file || strcmp(word, "-") == 0)
                return read_value(options, options->file, ret, failure);
        *ret = g_strdup(word);
        return EXIT_STATUS_OK;
}

static unsigned set_flags(const Options *options) {
        unsigned flags = 0;
        if (options_given(options, OPTION_CREATE_ONLY))
                flags |= KVP_SET_CREATE_ONLY;
        if (options_given(options, OPTION_EXPECT))
                flags |= KVP_SET_EXPECT;
        if (options_given(options, OPTION_LONG))
                flags |= KVP_SET_LONG;
        return flags;
}

static ExitStatus set(const Options *options, const char *key, Failure *failure) {
        g_autoptr(KvpBackend) backend = NULL;
        g_autofree char *value = NULL;
        unsigned flags = set_flags(options);

        if ((flags & KVP_SET_CREATE_ONLY) && (flags & KVP_SET_EXPECT))
                return failure_set(failure, EXIT_STATUS_USAGE,
                                   "--create-only and --expect exclude each other");
        ExitStatus status = take_value(options, &value, failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_check_key(key, flags, failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_check_value(value, flags, failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_backend_new(options, &backend, failure);
        if (status)
                return status;
        return backend->operations->set(backend, pool_to_change(options), key, value, options->expect, flags,
                                        failure);
}

static const Column done_columns[] = {
        { NULL, "pool", CELL_TEXT, COLUMN_JSON_ONLY },
        { NULL, "key", CELL_TEXT, COLUMN_JSON_ONLY },
};

ExitStatus cmd_kvp_set(const Options *options) {
        g_auto(Failure) failure = { 0 };
        OutputStyle style = output_style(options);
        const char *key = options->arguments[0], *pool = kvp_pool_to_string(pool_to_change(options));

        ExitStatus status = set(options, key, &failure);
        if (status)
                return complain(status, &failure, "cannot set '%s' in pool '%s'", key, pool);
        if (style.json != JSON_OFF) {
                g_autoptr(Table) table = table_new(done_columns, G_N_ELEMENTS(done_columns));
                table_add(table, pool, key);
                output_row(&style, table);
        }
        return EXIT_STATUS_OK;
}

static ExitStatus remove_one(KvpBackend *backend, KvpPool pool, const char *key) {
        g_auto(Failure) failure = { 0 };
        ExitStatus status = kvp_check_key(key, KVP_SET_LONG, &failure);
        if (status == EXIT_STATUS_OK)
                status = backend->operations->remove(backend, pool, key, &failure);
        if (status)
                return complain(status, &failure, "cannot delete '%s' from pool '%s'", key,
                                kvp_pool_to_string(pool));
        return EXIT_STATUS_OK;
}

/* A key that is not there does not save the others; anything else ends it. The first failure is the exit
 * status. */
ExitStatus cmd_kvp_remove(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(KvpBackend) backend = NULL;
        ExitStatus result = kvp_backend_new(options, &backend, &failure);
        if (result)
                return complain(result, &failure, "cannot delete keys");

        for (char **key = options->arguments; *key; key++) {
                ExitStatus status = remove_one(backend, pool_to_change(options), *key);
                result = result ?: status;
                if (status && status != EXIT_STATUS_NOT_FOUND)
                        break;
        }
        return result;
}

static const Column cleared_columns[] = {
        { NULL, "pool", CELL_TEXT, COLUMN_JSON_ONLY },
        { NULL, "removed", CELL_NUMBER, COLUMN_JSON_ONLY },
};

ExitStatus cmd_kvp_clear(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(KvpBackend) backend = NULL;
        OutputStyle style = output_style(options);
        const char *pool = kvp_pool_to_string(pool_to_change(options));
        uint32_t count = 0;

        ExitStatus status = kvp_backend_new(options, &backend, &failure);
        if (status == EXIT_STATUS_OK)
                status = backend->operations->clear(backend, pool_to_change(options), &count, &failure);
        if (status)
                return complain(status, &failure, "cannot clear pool '%s'", pool);
        if (style.json != JSON_OFF) {
                g_autoptr(Table) table = table_new(cleared_columns, G_N_ELEMENTS(cleared_columns));
                table_add(table, pool, (uint64_t) count);
                output_row(&style, table);
        }
        return EXIT_STATUS_OK;
}
