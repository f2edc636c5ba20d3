/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl snapshot watch */

#include <stdio.h>
#include <string.h>

#include "cli/hold.h"
#include "cli/output.h"
#include "cli/service-facts.h"
#include "cli/snapshot-facts.h"
#include "cli/verbs.h"
#include "common/names.h"
#include "common/units.h"

static const Column watch_columns[] = {
        { "TIME", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
        { NULL, "time", CELL_NUMBER, COLUMN_JSON_ONLY }, /* microseconds since 1970 */
        { "NUMBER", "number", CELL_NUMBER, 0 },
        { "STATE", "state", CELL_TEXT, 0 },
        { "RESULT", "result", CELL_TEXT, 0 },
};

typedef struct Watch {
        OutputStyle style;
        Hold hold;
} Watch;

static void watch_done(Watch *watch) {
        hold_done(&watch->hold);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Watch, watch_done)

static void print_state(Watch *watch, const SnapshotFacts *facts) {
        uint64_t now = now_usec(CLOCK_REALTIME);
        g_autofree char *date = snapshot_format_date(now);
        g_autoptr(Table) table = table_new(watch_columns, G_N_ELEMENTS(watch_columns));
        table_add(table, date, now, facts->id, facts->state, facts->result);
        output_row(&watch->style, table);
        if (fflush(stdout) != 0)
                hold_end(&watch->hold, HOLD_OVER);
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *interface;
        if (sd_bus_message_read(message, "s", &interface) < 0 ||
            strcmp(interface, HVUTILS_INTERFACE_SNAPSHOT) != 0)
                return 0;
        g_autoptr(SnapshotFacts) facts = snapshot_facts_new(sd_bus_message_get_path(message));
        if (facts_read_properties(message, snapshot_facts_read_property, facts) >= 0 && facts->state)
                print_state(userdata, facts);
        return 0;
}

/* What is over was there before us: the service has just told its history. */
static int on_added(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        g_autoptr(GPtrArray) list = snapshot_facts_list_new();
        if (snapshot_facts_read_object(message, list) < 0)
                return 0;
        for (guint i = 0; i < list->len; i++) {
                const SnapshotFacts *facts = list->pdata[i];
                if (strcmp(facts->state, "idle") != 0 && strcmp(facts->state, "failed") != 0)
                        print_state(userdata, facts);
        }
        return 0;
}

static ExitStatus subscribe(Watch *watch, Failure *failure) {
        sd_bus *bus = watch->hold.client->bus;
        int r = sd_bus_add_match(bus, NULL,
                                 "type='signal',sender='" HVUTILS_BUS_NAME "',member='PropertiesChanged',"
                                 "path_namespace='" HVUTILS_OBJECT_SNAPSHOTS "'",
                                 on_changed, watch);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                                     "type='signal',sender='" HVUTILS_BUS_NAME "',"
                                     "member='InterfacesAdded',path='" HVUTILS_OBJECT_ROOT "'",
                                     on_added, watch);
        return r < 0 ? client_failure_errno(failure, r) : EXIT_STATUS_OK;
}

static ExitStatus begin(Watch *watch, Client **ret_client, const Options *options, Failure *failure) {
        Options without_timeout = *options;
        without_timeout.timeout_usec = USEC_INFINITY;
        ExitStatus status = client_new(&without_timeout, ret_client, failure);
        if (status == EXIT_STATUS_OK)
                status = hold_init(&watch->hold, *ret_client, failure);
        if (status == EXIT_STATUS_OK && options->timeout_usec != USEC_INFINITY)
                status = hold_limit(&watch->hold, options->timeout_usec, failure);
        return status ? status : subscribe(watch, failure);
}

ExitStatus cmd_snapshot_watch(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_auto(Watch) watch = { .style = output_style_for_lines(options) };

        ExitStatus status = begin(&watch, &client, options, &failure);
        if (status)
                return complain(status, &failure, "cannot watch");
        if (hold_run(&watch.hold) != HOLD_BUS_LOST)
                return EXIT_STATUS_OK;
        failure_set(&failure, EXIT_STATUS_UNAVAILABLE, "the bus went away");
        return complain(EXIT_STATUS_UNAVAILABLE, &failure, "cannot watch");
}
