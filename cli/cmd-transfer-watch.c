/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl transfer watch: what comes from the host, while it comes. A terminal gets a bar that grows in its
 * line, everything else a JSON object for each change. It listens before it reads, so nothing is missed. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/client.h"
#include "cli/output.h"
#include "cli/service-facts.h"
#include "cli/text.h"
#include "cli/transfer-facts.h"
#include "cli/verbs.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

#define BAR_WIDTH 24

static const Column event_columns[] = {
        { NULL, "number", CELL_NUMBER, 0 }, { NULL, "state", CELL_TEXT, 0 },
        { NULL, "file", CELL_TEXT, 0 },     { NULL, "directory", CELL_TEXT, 0 },
        { NULL, "size", CELL_NUMBER, 0 },   { NULL, "received", CELL_NUMBER, 0 },
        { NULL, "reason", CELL_TEXT, 0 },
};

typedef struct Watch {
        OutputStyle style;
        Client *client;
        GHashTable *known; /* path -> TransferFacts */
        bool bar_open;     /* the last line is a bar that may be drawn again */
        uint64_t bar_id;
} Watch;

static void free_element(void *facts) {
        transfer_facts_free(facts);
}

static void watch_done(Watch *watch) {
        if (watch->bar_open)
                putchar('\n');
        client_free(watch->client);
        g_hash_table_unref(watch->known);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Watch, watch_done)

/* --- printing --- */

static void print_json(const Watch *watch, const TransferFacts *facts) {
        g_autoptr(Table) table = table_new(event_columns, G_N_ELEMENTS(event_columns));
        table_add(table, facts->id, facts->state, facts->file_name, facts->directory, facts->size,
                  facts->received, facts->reason);
        output_row(&watch->style, table);
}

/* A carriage return draws over the line; a line of another transfer is left as it stands. */
static void print_bar(Watch *watch, const TransferFacts *facts) {
        g_autofree char *name = text_escape(facts->file_name ?: "");
        unsigned percent = transfer_facts_percent(facts), filled = percent * BAR_WIDTH / 100;
        g_autofree char *full = g_strnfill(filled, '#'), *rest = g_strnfill(BAR_WIDTH - filled, '.');
        char size[32];

        if (watch->bar_open && watch->bar_id != facts->id)
                putchar('\n');
        printf("\r%" PRIu64 "  [%s%s] %3u%% of %s  %s  %s\033[K", facts->id, full, rest, percent,
               format_size(facts->size, size, sizeof size), name, facts->state);
        watch->bar_open = transfer_facts_is_running(facts);
        watch->bar_id = facts->id;
        if (watch->bar_open)
                return;
        g_autofree char *reason = text_escape(facts->reason ?: "");
        printf("%s%s\n", *reason ? ": " : "", reason);
}

static void print_event(Watch *watch, const TransferFacts *facts) {
        if (watch->style.json == JSON_OFF)
                print_bar(watch, facts);
        else
                print_json(watch, facts);
        fflush(stdout);
}

/* --- hearing --- */

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Watch *watch = userdata;
        TransferFacts *facts = g_hash_table_lookup(watch->known, sd_bus_message_get_path(message));

        if (facts && sd_bus_message_skip(message, "s") >= 0 &&
            facts_read_properties(message, transfer_facts_read_property, facts) >= 0)
                print_event(watch, facts);
        return 0;
}

/* Returns NULL for an object of another kind. */
static TransferFacts *read_added(sd_bus_message *message, const char *path) {
        const char *interface;
        int r = sd_bus_message_enter_container(message, 'a', "{sa{sv}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sa{sv}")) > 0) {
                g_autoptr(TransferFacts) facts = transfer_facts_new(path);
                r = sd_bus_message_read(message, "s", &interface);
                if (r >= 0 && g_str_equal(interface, HVUTILS_INTERFACE_TRANSFER))
                        return facts_read_properties(message, transfer_facts_read_property, facts) < 0
                                       ? NULL
                                       : g_steal_pointer(&facts);
                if (r >= 0)
                        r = sd_bus_message_skip(message, "a{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return NULL;
}

static int on_added(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Watch *watch = userdata;
        TransferFacts *facts;
        const char *path;

        if (sd_bus_message_read(message, "o", &path) < 0)
                return 0;
        facts = read_added(message, path);
        if (!facts)
                return 0;
        /* Known already: it was read while the signal was on its way. */
        bool is_news = !g_hash_table_contains(watch->known, path);
        g_hash_table_replace(watch->known, g_strdup(path), facts);
        if (is_news)
                print_event(watch, facts);
        return 0;
}

static int subscribe(Watch *watch) {
        int r = sd_bus_add_match(watch->client->bus, NULL,
                                 "type='signal',sender='" HVUTILS_BUS_NAME "',member='PropertiesChanged',"
                                 "arg0='" HVUTILS_INTERFACE_TRANSFER "'",
                                 on_changed, watch);
        if (r < 0)
                return r;
        return sd_bus_add_match(watch->client->bus, NULL,
                                "type='signal',sender='" HVUTILS_BUS_NAME "',path='" HVUTILS_OBJECT_ROOT "',"
                                "interface='org.freedesktop.DBus.ObjectManager',member='InterfacesAdded'",
                                on_added, watch);
}

/* What is over is history; what runs is shown as it stands. */
static ExitStatus begin(Watch *watch, const Options *options, Failure *failure) {
        Options without_timeout = *options;
        g_autoptr(GPtrArray) transfers = NULL;

        without_timeout.timeout_usec = USEC_INFINITY;
        ExitStatus status = client_new(&without_timeout, &watch->client, failure);
        if (status)
                return status;
        int r = subscribe(watch);
        if (r < 0)
                return client_failure_errno(failure, r);
        status = transfer_facts_list(watch->client, &transfers, failure);
        if (status)
                return status;
        g_ptr_array_set_free_func(transfers, NULL);
        for (guint i = 0; i < transfers->len; i++) {
                TransferFacts *facts = g_ptr_array_index(transfers, i);
                char *path = g_strdup_printf(HVUTILS_OBJECT_TRANSFERS "/%" PRIu64, facts->id);
                g_hash_table_replace(watch->known, path, facts);
                if (transfer_facts_is_running(facts))
                        print_event(watch, facts);
        }
        return EXIT_STATUS_OK;
}

static ExitStatus run(const Watch *watch, uint64_t deadline, Failure *failure) {
        while (!ferror(stdout)) {
                int r = sd_bus_process(watch->client->bus, NULL);
                uint64_t now = now_usec(CLOCK_MONOTONIC);
                if (r == 0 && now >= deadline)
                        return EXIT_STATUS_OK;
                if (r == 0)
                        r = sd_bus_wait(watch->client->bus,
                                        deadline == USEC_INFINITY ? USEC_INFINITY : deadline - now);
                if (r < 0 && r != -EINTR)
                        return client_failure_errno(failure, r);
        }
        return EXIT_STATUS_OK;
}

ExitStatus cmd_transfer_watch(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_auto(Watch) watch = { .style = output_style_for_lines(options) };
        uint64_t deadline = USEC_INFINITY;

        watch.known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_element);
        if (!watch.style.terminal)
                watch.style.json = JSON_SHORT;
        if (options->timeout_usec != USEC_INFINITY)
                deadline = now_usec(CLOCK_MONOTONIC) + options->timeout_usec;
        ExitStatus status = begin(&watch, options, &failure);
        if (status == EXIT_STATUS_OK)
                status = run(&watch, deadline, &failure);
        return status ? complain(status, &failure, "cannot watch transfers") : EXIT_STATUS_OK;
}
