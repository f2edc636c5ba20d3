/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl transfer list, show, cancel */

#include "cli/client.h"
#include "cli/output.h"
#include "cli/transfer-facts.h"
#include "cli/verbs.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

static const Column transfer_columns[] = {
        { "NUMBER", "number", CELL_NUMBER, 0 },
        { "STATE", "state", CELL_TEXT, 0 },
        { "SIZE", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
        { NULL, "size", CELL_NUMBER, COLUMN_JSON_ONLY },
        { NULL, "received", CELL_NUMBER, COLUMN_JSON_ONLY },
        { "DONE", NULL, CELL_TEXT, COLUMN_TEXT_ONLY },
        { "FILE", "file", CELL_TEXT, 0 },
        { "DIRECTORY", "directory", CELL_TEXT, COLUMN_SHRINKS },
        { "REASON", "reason", CELL_TEXT, COLUMN_SHRINKS | COLUMN_OPTIONAL },
};

static void add_transfer(Table *table, const TransferFacts *facts) {
        char size[32], done[8];
        (void) g_snprintf(done, sizeof done, "%u%%", transfer_facts_percent(facts));
        table_add(table, facts->id, facts->state, format_size(facts->size, size, sizeof size), facts->size,
                  facts->received, done, facts->file_name, facts->directory, facts->reason);
}

static ExitStatus list(const Options *options, Failure *failure) {
        g_autoptr(Client) client = NULL;
        g_autoptr(GPtrArray) transfers = NULL;
        ExitStatus status = client_new(options, &client, failure);
        if (status == EXIT_STATUS_OK)
                status = transfer_facts_list(client, &transfers, failure);
        if (status)
                return status;

        OutputStyle style = output_style(options);
        g_autoptr(Table) table = table_new(transfer_columns, G_N_ELEMENTS(transfer_columns));
        for (guint i = 0; i < transfers->len; i++)
                add_transfer(table, g_ptr_array_index(transfers, i));
        output_table(&style, table);
        return EXIT_STATUS_OK;
}

ExitStatus cmd_transfer_list(const Options *options) {
        g_auto(Failure) failure = { 0 };
        ExitStatus status = list(options, &failure);
        return status ? complain(status, &failure, "cannot list transfers") : EXIT_STATUS_OK;
}

/* --- one of them --- */

static ExitStatus fail_without(const char *number, Failure *failure) {
        failure_set(failure, EXIT_STATUS_NOT_FOUND, "there is no transfer %s", number);
        failure_set_hint(failure, "hvctl transfer list shows their numbers");
        return EXIT_STATUS_NOT_FOUND;
}

/* A missing object is for the bus an unknown one; here it is a wrong number. */
static ExitStatus read_one(Client *client, const char *number, char **ret_path, TransferFacts **ret,
                           Failure *failure) {
        g_autofree char *path = transfer_facts_path(number);
        ExitStatus status = path ? transfer_facts_read(client, path, ret, failure) : EXIT_STATUS_NOT_FOUND;
        bool running = false;

        if (status == EXIT_STATUS_NOT_FOUND)
                return fail_without(number, failure);
        if (status == EXIT_STATUS_UNAVAILABLE &&
            client_service_is_running(client, &running, failure) == EXIT_STATUS_OK && running)
                return fail_without(number, failure);
        if (status == EXIT_STATUS_OK)
                *ret_path = g_steal_pointer(&path);
        return status;
}

static void print_one(const Options *options, const TransferFacts *facts) {
        OutputStyle style = output_style(options);
        g_autoptr(Sheet) sheet = sheet_new();
        sheet_add_number(sheet, "Number", "number", facts->id);
        sheet_add_text(sheet, "File", "file", facts->file_name);
        sheet_add_text(sheet, "Directory", "directory", facts->directory);
        sheet_add_number(sheet, "Size", "size", facts->size);
        sheet_add_number(sheet, "Received", "received", facts->received);
        sheet_add_text(sheet, "State", "state", facts->state);
        sheet_add_text(sheet, "Reason", "reason", facts->reason);
        if (transfer_facts_is_running(facts))
                sheet_add_hint(sheet, "hvctl transfer watch follows it");
        output_sheet(&style, sheet);
}

ExitStatus cmd_transfer_show(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_autoptr(TransferFacts) facts = NULL;
        g_autofree char *path = NULL;
        const char *number = options->arguments[0];

        ExitStatus status = client_new(options, &client, &failure);
        if (status == EXIT_STATUS_OK)
                status = read_one(client, number, &path, &facts, &failure);
        if (status)
                return complain(status, &failure, "cannot show transfer '%s'", number);
        print_one(options, facts);
        return EXIT_STATUS_OK;
}

static ExitStatus call_cancel(Client *client, const char *path, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus_message) message =
                client_message_new(client, path, HVUTILS_INTERFACE_TRANSFER, "Cancel");
        return client_call(client, message, CLIENT_CALL_INTERACTIVE, &reply, failure);
}

ExitStatus cmd_transfer_cancel(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_autoptr(TransferFacts) facts = NULL;
        g_autofree char *path = NULL;
        const char *number = options->arguments[0];

        ExitStatus status = client_new(options, &client, &failure);
        if (status == EXIT_STATUS_OK)
                status = read_one(client, number, &path, &facts, &failure);
        if (status == EXIT_STATUS_OK && !transfer_facts_is_running(facts))
                status = failure_set(&failure, EXIT_STATUS_NOT_FOUND, "it is over: %s", facts->state);
        if (status == EXIT_STATUS_OK)
                status = call_cancel(client, path, &failure);
        return status ? complain(status, &failure, "cannot cancel transfer '%s'", number) : EXIT_STATUS_OK;
}
