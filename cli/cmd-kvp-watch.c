/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl kvp wait, watch */

#include <stdio.h>

#include "cli/client.h"
#include "cli/kvp-print.h"
#include "cli/kvp-watch.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "common/units.h"

static uint64_t deadline_of(const Options *options) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);
        if (options->timeout_usec == USEC_INFINITY || options->timeout_usec > USEC_INFINITY - now)
                return USEC_INFINITY;
        return now + options->timeout_usec;
}

/* --timeout is about the waiting here; a single question has the client's own limit. */
static ExitStatus open_client(const Options *options, Client **ret, Failure *failure) {
        Options without_timeout = *options;
        without_timeout.timeout_usec = USEC_INFINITY;
        return client_new(&without_timeout, ret, failure);
}

/* --- wait --- */

typedef struct Waiting {
        uint64_t since;
        KvpEntry found;
} Waiting;

/* With --since, what was there counts only if the pool has changed since: then it may be what changed. */
static bool on_wait_event(const KvpWatchEvent *event, void *userdata) {
        Waiting *waiting = userdata;
        if (!event->value || (event->initial && event->generation == waiting->since))
                return true;
        waiting->found = (KvpEntry){
                .pool = event->pool,
                .generation = event->generation,
                .key = g_strdup(event->key),
                .value = g_strdup(event->value),
        };
        return false;
}

static ExitStatus wait_for(const Options *options, Waiting *waiting, Failure *failure) {
        g_autoptr(Client) client = NULL;
        g_autoptr(KvpWatch) watch = NULL;
        const KvpPool *pools;
        size_t n = kvp_pools_of(options, &pools);
        uint64_t deadline = deadline_of(options);

        if (options_given(options, OPTION_SINCE) && !options_given(options, OPTION_POOL)) {
                failure_set(failure, EXIT_STATUS_USAGE,
                            "--since needs --pool: each pool counts its own generations");
                return EXIT_STATUS_USAGE;
        }
        ExitStatus status = open_client(options, &client, failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_watch_new(client, pools, n, options->arguments[0], 0, on_wait_event, waiting,
                                       &watch, failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_watch_run(watch, deadline, failure);
        if (status == EXIT_STATUS_OK && waiting->found.generation == 0 && options->json != JSON_OFF)
                status = kvp_bus_read_generation(client, waiting->found.pool, &waiting->found.generation,
                                                 failure);
        return status;
}

ExitStatus cmd_kvp_wait(const Options *options) {
        g_auto(Failure) failure = { 0 };
        Waiting waiting = { .since = options->since };

        ExitStatus status = wait_for(options, &waiting, &failure);
        if (status)
                complain(status, &failure, "cannot wait for '%s'", options->arguments[0]);
        else
                kvp_print_value(options, &waiting.found);
        kvp_entry_done(&waiting.found);
        return status;
}

/* --- watch --- */

static const Column change_columns[] = {
        { NULL, "event", CELL_TEXT, COLUMN_JSON_ONLY },
        { "POOL", "pool", CELL_TEXT, 0 },
        { "KEY", "key", CELL_TEXT, 0 },
        { "CHANGE", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
        { "VALUE", "value", CELL_TEXT, 0 },
        { NULL, "origin", CELL_TEXT, COLUMN_JSON_ONLY },
        { "ORIGIN", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
};

static bool on_watch_event(const KvpWatchEvent *event, void *userdata) {
        const OutputStyle *style = userdata;
        if (event->initial)
                return true;

        g_autoptr(Table) table = table_new(change_columns, G_N_ELEMENTS(change_columns));
        g_autofree char *origin = *event->origin ? g_strdup_printf("(%s)", event->origin) : NULL;
        table_add(table, event->value ? "set" : "removed", kvp_pool_to_string(event->pool), event->key,
                  event->value ? "=" : "removed", event->value, event->origin, origin);
        output_row(style, table);
        fflush(stdout);
        return !ferror(stdout);
}

ExitStatus cmd_kvp_watch(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_autoptr(KvpWatch) watch = NULL;
        OutputStyle style = output_style_for_lines(options);
        const KvpPool *pools;
        size_t n = kvp_pools_of(options, &pools);

        ExitStatus status = open_client(options, &client, &failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_watch_new(client, pools, n, options->arguments[0], 0, on_watch_event, &style,
                                       &watch, &failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_watch_run(watch, deadline_of(options), &failure);
        /* Watching for a while is what was asked for: its end is no failure. */
        if (status == EXIT_STATUS_TIMEOUT && options_given(options, OPTION_TIMEOUT))
                return EXIT_STATUS_OK;
        return status ? complain(status, &failure, "cannot watch") : EXIT_STATUS_OK;
}
