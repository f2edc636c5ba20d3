/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl kvp list, get */

#include <stdio.h>

#include "cli/kvp-print.h"
#include "cli/kvp.h"
#include "cli/text.h"
#include "cli/verbs.h"

/* In a search through all pools one that cannot be shown is reported and does not hide the others. Without
 * the service there is no point in going on. */
static ExitStatus collect(KvpBackend *backend, const Options *options, KvpEntries *entries) {
        const KvpPool *pools;
        size_t n = kvp_pools_of(options, &pools);
        unsigned flags = options_given(options, OPTION_RAW) ? KVP_LIST_RAW : 0;
        if (n == 1)
                flags |= KVP_LIST_ASK;
        ExitStatus result = EXIT_STATUS_OK;

        for (size_t i = 0; i < n; i++) {
                g_auto(Failure) failure = { 0 };
                ExitStatus status = backend->operations->list(backend, pools[i], flags, entries, &failure);
                if (status == EXIT_STATUS_OK || (status == EXIT_STATUS_NOT_FOUND && n > 1))
                        continue;
                result = complain(status, &failure, "cannot list pool '%s'", kvp_pool_to_string(pools[i]));
                if (status != EXIT_STATUS_DENIED)
                        break;
        }
        return result;
}

static void print_nulls(const KvpEntries *entries, const char *pattern) {
        for (size_t i = 0; i < kvp_entries_count(entries); i++)
                if (text_matches(pattern, kvp_entries_get(entries, i)->key))
                        kvp_print_null(kvp_entries_get(entries, i));
}

static void print_entries(const OutputStyle *style, const KvpEntries *entries, const char *pattern) {
        g_autoptr(Table) table = kvp_table_new();
        for (size_t i = 0; i < kvp_entries_count(entries); i++)
                if (text_matches(pattern, kvp_entries_get(entries, i)->key))
                        kvp_table_add(table, kvp_entries_get(entries, i));

        if (table_count_rows(table) > 0 || style->json != JSON_OFF)
                output_table(style, table);
        else if (style->terminal && style->legend)
                puts(pattern ? "No key matches." : "No keys.");
}

ExitStatus cmd_kvp_list(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(KvpBackend) backend = NULL;
        g_autoptr(KvpEntries) entries = kvp_entries_new();
        OutputStyle style = output_style(options);

        ExitStatus status = kvp_backend_new(options, &backend, &failure);
        if (status)
                return complain(status, &failure, "cannot list keys");
        status = collect(backend, options, entries);
        if (status && kvp_entries_count(entries) == 0)
                return status;
        if (options_given(options, OPTION_NULL))
                print_nulls(entries, options->arguments[0]);
        else
                print_entries(&style, entries, options->arguments[0]);
        return status;
}

static ExitStatus complain_about_get(ExitStatus status, const Options *options, Failure *failure) {
        const char *key = options->arguments[0];
        if (status == EXIT_STATUS_NOT_FOUND && options_given(options, OPTION_EXISTS))
                return status;
        if (status == EXIT_STATUS_NOT_FOUND && !failure->hint)
                failure_set_hint(failure, "hvctl kvp list shows the keys there are");
        if (options_given(options, OPTION_POOL))
                return complain(status, failure, "cannot get '%s' from pool '%s'", key,
                                kvp_pool_to_string(options->pool));
        return complain(status, failure, "cannot get '%s'", key);
}

static ExitStatus find(const Options *options, KvpEntry *ret, Failure *failure) {
        g_autoptr(KvpBackend) backend = NULL;
        const char *key = options->arguments[0];
        const KvpPool *pools;
        size_t n = kvp_pools_of(options, &pools);

        ExitStatus status = kvp_check_key(key, KVP_SET_LONG, failure);
        if (status)
                return status;
        status = kvp_backend_new(options, &backend, failure);
        if (status)
                return status;
        return backend->operations->find(backend, pools, n, key, options->json != JSON_OFF, ret, failure);
}

ExitStatus cmd_kvp_get(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_auto(KvpEntry) entry = { 0 };

        ExitStatus status = find(options, &entry, &failure);
        if (status)
                return complain_about_get(status, options, &failure);
        if (!options_given(options, OPTION_EXISTS))
                kvp_print_value(options, &entry);
        return EXIT_STATUS_OK;
}
