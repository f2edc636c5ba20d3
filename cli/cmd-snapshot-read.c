/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl snapshot status, plan, list, show */

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/output.h"
#include "cli/snapshot-facts.h"
#include "cli/verbs.h"
#include "common/cleanup.h"
#include "common/names.h"

static const Column inhibitor_columns[] = {
        { "WHO", "who", CELL_TEXT, 0 },
        { "WHY", "why", CELL_TEXT, 0 },
        { "UID", "uid", CELL_NUMBER, 0 },
        { NULL, "since", CELL_NUMBER, COLUMN_JSON_ONLY },
        { "SINCE", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
};

static const Column plan_columns[] = {
        { "MOUNT", "mount", CELL_TEXT, 0 },
        { "ACTION", "action", CELL_TEXT, 0 },
        { "REASON", "reason", CELL_TEXT, 0 },
};

static const Column list_columns[] = {
        { "NUMBER", "number", CELL_NUMBER, 0 },
        { NULL, "started", CELL_NUMBER, COLUMN_JSON_ONLY },
        { "STARTED", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
        { "BY", "initiator", CELL_TEXT, 0 },
        { "STATE", "state", CELL_TEXT, 0 },
        { "RESULT", "result", CELL_TEXT, 0 },
        { NULL, "frozen_usec", CELL_NUMBER, COLUMN_JSON_ONLY },
        { "FROZEN", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
};

static ExitStatus ask(Client *client, const char *member, sd_bus_message **ret, Failure *failure) {
        g_autoptr(sd_bus_message) message =
                client_message_new(client, HVUTILS_OBJECT_SNAPSHOTS, HVUTILS_INTERFACE_SNAPSHOTS, member);
        return client_call(client, message, CLIENT_CALL_QUIET, ret, failure);
}

static ExitStatus fail_to_read(Failure *failure, int r) {
        return failure_set(failure, EXIT_STATUS_ERROR, "the answer makes no sense: %s", g_strerror(-r));
}

/* --- status --- */

static ExitStatus read_inhibitors(Client *client, Table *table, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        const char *who, *why;
        uint32_t uid;
        uint64_t since;

        ExitStatus status = ask(client, "ListInhibitors", &reply, failure);
        if (status)
                return status;
        int r = sd_bus_message_enter_container(reply, 'a', "(ssut)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssut)", &who, &why, &uid, &since)) > 0) {
                g_autofree char *date = snapshot_format_date(since);
                table_add(table, who, why, (uint64_t) uid, since, date);
        }
        return r < 0 ? fail_to_read(failure, r) : EXIT_STATUS_OK;
}

/* Between the first freeze and the last thaw a write may block. */
static ExitStatus exit_status_of(const char *state) {
        static const char *const frozen[] = { "freezing", "frozen", "thawing", NULL };
        if (g_strv_contains(frozen, state))
                return EXIT_STATUS_FROZEN;
        return strcmp(state, "unavailable") == 0 ? EXIT_STATUS_UNAVAILABLE : EXIT_STATUS_OK;
}

ExitStatus cmd_snapshot_status(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_auto(SnapshotsState) state = { 0 };
        g_autoptr(Client) client = NULL;
        g_autoptr(Sheet) sheet = sheet_new();
        g_autoptr(Table) inhibitors = table_new(inhibitor_columns, G_N_ELEMENTS(inhibitor_columns));
        OutputStyle style = output_style(options);

        ExitStatus status = client_new(options, &client, &failure);
        if (status == EXIT_STATUS_OK)
                status = snapshots_state_read(client, &state, &failure);
        if (status == EXIT_STATUS_OK)
                status = read_inhibitors(client, inhibitors, &failure);
        if (status)
                return complain(status, &failure, "no status of snapshots");

        g_autofree char *since = snapshot_format_date(state.frozen_since);
        sheet_add_text(sheet, "State", "state", state.state);
        sheet_add_number(sheet, NULL, "frozen_since", state.frozen_since);
        if (since)
                sheet_add_text(sheet, "Frozen since", NULL, since);
        sheet_add_table(sheet, "Inhibitors", "inhibitors", g_steal_pointer(&inhibitors));
        if (exit_status_of(state.state) == EXIT_STATUS_UNAVAILABLE)
                sheet_add_hint(sheet, "systemctl start hvutils-snapshotd");
        output_sheet(&style, sheet);
        return exit_status_of(state.state);
}

/* --- plan --- */

static ExitStatus read_plan(Client *client, Table *table, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        const char *mount, *action, *reason;

        ExitStatus status = ask(client, "Plan", &reply, failure);
        if (status)
                return status;
        int r = sd_bus_message_enter_container(reply, 'a', "(sss)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(sss)", &mount, &action, &reason)) > 0)
                table_add(table, mount, action, reason);
        return r < 0 ? fail_to_read(failure, r) : EXIT_STATUS_OK;
}

ExitStatus cmd_snapshot_plan(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_autoptr(Table) table = table_new(plan_columns, G_N_ELEMENTS(plan_columns));
        OutputStyle style = output_style(options);

        ExitStatus status = client_new(options, &client, &failure);
        if (status == EXIT_STATUS_OK)
                status = read_plan(client, table, &failure);
        if (status)
                return complain(status, &failure, "no plan");
        output_table(&style, table);
        return EXIT_STATUS_OK;
}

/* --- list, show --- */

static ExitStatus read_list(const Options *options, GPtrArray **ret, Failure *failure) {
        g_autoptr(Client) client = NULL;
        ExitStatus status = client_new(options, &client, failure);
        return status ? status : snapshot_facts_list(client, ret, failure);
}

ExitStatus cmd_snapshot_list(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(Table) table = table_new(list_columns, G_N_ELEMENTS(list_columns));
        OutputStyle style = output_style(options);

        ExitStatus status = read_list(options, &list, &failure);
        if (status)
                return complain(status, &failure, "cannot list snapshots");
        for (guint i = 0; i < list->len; i++) {
                const SnapshotFacts *facts = list->pdata[i];
                g_autofree char *date = snapshot_format_date(facts->started);
                g_autofree char *frozen = snapshot_format_duration(facts->frozen_usec);
                table_add(table, facts->id, facts->started, date, facts->initiator, facts->state,
                          facts->result, facts->frozen_usec, frozen);
        }
        if (list->len > 0 || style.json != JSON_OFF)
                output_table(&style, table);
        else if (style.terminal && style.legend)
                puts("No snapshots.");
        return EXIT_STATUS_OK;
}

/* Without a number, the last. */
static ExitStatus find(const GPtrArray *list, const char *word, SnapshotFacts **ret, Failure *failure) {
        guint64 id = 0;
        if (word && !g_ascii_string_to_unsigned(word, 10, 0, UINT64_MAX, &id, NULL))
                return failure_set(failure, EXIT_STATUS_USAGE, "'%s' is no number", word);
        for (guint i = list->len; i-- > 0;) {
                SnapshotFacts *facts = list->pdata[i];
                if (!word || facts->id == id) {
                        *ret = facts;
                        return EXIT_STATUS_OK;
                }
        }
        failure_set(failure, EXIT_STATUS_NOT_FOUND, "no such snapshot");
        failure_set_hint(failure, "hvctl snapshot list shows those there are");
        return EXIT_STATUS_NOT_FOUND;
}

static void fill_sheet(Sheet *sheet, SnapshotFacts *facts) {
        g_autofree char *date = snapshot_format_date(facts->started);
        g_autofree char *frozen = snapshot_format_duration(facts->frozen_usec);

        sheet_add_number(sheet, "Number", "number", facts->id);
        sheet_add_text(sheet, "Started", NULL, date);
        sheet_add_number(sheet, NULL, "started", facts->started);
        sheet_add_text(sheet, "By", "initiator", facts->initiator);
        sheet_add_text(sheet, "State", "state", facts->state);
        sheet_add_text(sheet, "Result", "result", facts->result);
        sheet_add_text(sheet, "Frozen", NULL, frozen);
        sheet_add_number(sheet, NULL, "frozen_usec", facts->frozen_usec);
        sheet_add_table(sheet, "File systems", "file_systems", g_steal_pointer(&facts->file_systems));
        sheet_add_table(sheet, "Skipped", "skipped", g_steal_pointer(&facts->skipped));
        sheet_add_table(sheet, "Hooks", "hooks", g_steal_pointer(&facts->hooks));
        sheet_add_table(sheet, "Notes", "notes", g_steal_pointer(&facts->notes));
}

ExitStatus cmd_snapshot_show(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(Sheet) sheet = sheet_new();
        SnapshotFacts *facts = NULL;
        OutputStyle style = output_style(options);

        ExitStatus status = read_list(options, &list, &failure);
        if (status == EXIT_STATUS_OK)
                status = find(list, options->arguments[0], &facts, &failure);
        if (status)
                return complain(status, &failure, "cannot show the snapshot");
        fill_sheet(sheet, facts);
        output_sheet(&style, sheet);
        return EXIT_STATUS_OK;
}
