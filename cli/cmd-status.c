/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl status: is this a guest, does the service run, can the host talk to it, and if not, what to do about
 * it. */

#include <string.h>

#include "cli/client.h"
#include "cli/hyperv.h"
#include "cli/output.h"
#include "cli/service-facts.h"
#include "cli/verbs.h"

static const Column channel_columns[] = {
        { "CHANNEL", "name", CELL_TEXT, 0 },
        { "STATE", "state", CELL_TEXT, 0 },
        { "TRANSPORT", "transport", CELL_TEXT, 0 },
        { "VERSION", "version", CELL_TEXT, COLUMN_OPTIONAL },
};

static const Column pool_columns[] = {
        { "POOL", "name", CELL_TEXT, 0 },
        { "KEYS", "count", CELL_NUMBER, 0 },
        { "WRITABLE", "writable", CELL_FLAG, 0 },
        { "GENERATION", "generation", CELL_NUMBER, COLUMN_VERBOSE },
        { "FILE", "file", CELL_TEXT, COLUMN_SHRINKS },
        { "PROBLEM", "problem", CELL_TEXT, COLUMN_OPTIONAL },
};

static const Column statistic_columns[] = {
        { "COUNTER", "name", CELL_TEXT, 0 },
        { "VALUE", "value", CELL_NUMBER, 0 },
};

/* What the host's administrator calls the services (Get-VMIntegrationService). */
static const struct {
        const char *channel, *service;
} integration_services[] = {
        { "kvp", "Key-Value Pair Exchange" },
        { "vss", "VSS" },
        { "fcopy", "Guest Service Interface" },
};

static const char *integration_service_of(const char *channel) {
        for (size_t i = 0; i < G_N_ELEMENTS(integration_services); i++)
                if (strcmp(integration_services[i].channel, channel) == 0)
                        return integration_services[i].service;
        return channel;
}

/* The host tells the guest its name, if it ever could. */
static char *virtual_machine_name(Client *client) {
        g_auto(Failure) failure = { 0 };
        char *name;
        if (kvp_bus_read_key(client, KVP_POOL_ID_AUTO_EXTERNAL, "VirtualMachineName", &name, &failure))
                return g_strdup("<vm>");
        return name;
}

/* A name between single quotes, as PowerShell wants it. */
static char *powershell_quote(const char *text) {
        g_auto(GStrv) parts = g_strsplit(text, "'", -1);
        g_autofree char *doubled = g_strjoinv("''", parts);
        return g_strdup_printf("'%s'", doubled);
}

static void hint_at_absent(Sheet *sheet, Client *client, const char *channel) {
        if (!hyperv_is_guest("/sys")) {
                sheet_add_hint(sheet, "channel %s is absent because this is not a Hyper-V guest", channel);
                return;
        }
        g_autofree char *vm = virtual_machine_name(client), *quoted = powershell_quote(vm);
        sheet_add_hint(sheet, "on the host run: Enable-VMIntegrationService -VMName %s -Name '%s'", quoted,
                       integration_service_of(channel));
}

static void add_hints(Sheet *sheet, Client *client, const ServiceFacts *facts) {
        bool problem = false;
        for (size_t i = 0; i < facts->channels->len; i++) {
                const ChannelFacts *channel = &g_array_index(facts->channels, ChannelFacts, i);
                if (strcmp(channel->state, "absent") == 0)
                        hint_at_absent(sheet, client, channel->name);
                else if (strcmp(channel->state, "busy") == 0)
                        sheet_add_hint(sheet,
                                       "another daemon holds channel %s; journalctl -u hvutilsd names it",
                                       channel->name);
        }
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                problem = problem || (facts->pools[i].problem && *facts->pools[i].problem);
        if (problem)
                sheet_add_hint(sheet, "journalctl -u hvutilsd tells since when a pool has its problem");
}

static Table *channel_table(const ServiceFacts *facts) {
        Table *table = table_new(channel_columns, G_N_ELEMENTS(channel_columns));
        for (size_t i = 0; i < facts->channels->len; i++) {
                const ChannelFacts *channel = &g_array_index(facts->channels, ChannelFacts, i);
                table_add(table, channel->name, channel->state, channel->transport, channel->version);
        }
        return table;
}

static Table *pool_table(const ServiceFacts *facts) {
        Table *table = table_new(pool_columns, G_N_ELEMENTS(pool_columns));
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                const PoolFacts *pool = &facts->pools[i];
                table_add(table, kvp_pool_to_string((KvpPool) i), (uint64_t) pool->count, pool->writable,
                          pool->generation, pool->file, pool->problem);
        }
        return table;
}

/* People see what happened; programs every counter. */
static Table *statistic_table(const ServiceFacts *facts, bool all) {
        Table *table = table_new(statistic_columns, G_N_ELEMENTS(statistic_columns));
        for (size_t i = 0; i < facts->statistics->len; i++) {
                const StatisticFacts *statistic = &g_array_index(facts->statistics, StatisticFacts, i);
                if (all || statistic->value > 0)
                        table_add(table, statistic->name, statistic->value);
        }
        return table;
}

static void fill_sheet(Sheet *sheet, Client *client, const OutputStyle *style, const ServiceFacts *facts) {
        bool all = style->json != JSON_OFF || style->verbose;
        g_autofree char *service = g_strdup_printf("running, hvutils %s", facts->version);
        sheet_add_text(sheet, "Service", NULL, service);
        sheet_add_text(sheet, NULL, "service", "running");
        sheet_add_text(sheet, NULL, "version", facts->version);
        sheet_add_table(sheet, "Channels", "channels", channel_table(facts));
        sheet_add_table(sheet, "Key-value pools", "pools", pool_table(facts));
        sheet_add_table(sheet, "Statistics", "statistics", statistic_table(facts, all));
        add_hints(sheet, client, facts);
}

/* Programs get the same object as ever; people the sentence. */
static ExitStatus report_unavailable(const OutputStyle *style, bool hyperv, ExitStatus status,
                                     const Failure *failure) {
        if (style->json == JSON_OFF)
                return complain(status, failure, "no status");
        g_autoptr(Sheet) sheet = sheet_new();
        sheet_add_flag(sheet, NULL, "hyperv", hyperv);
        sheet_add_text(sheet, NULL, "service", "unavailable");
        sheet_add_text(sheet, NULL, "problem", failure->cause);
        if (failure->hint)
                sheet_add_hint(sheet, "%s", failure->hint);
        output_sheet(style, sheet);
        return status;
}

ExitStatus cmd_status(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_autoptr(ServiceFacts) facts = NULL;
        g_autoptr(Sheet) sheet = sheet_new();
        OutputStyle style = output_style(options);
        bool hyperv = hyperv_is_guest("/sys");

        ExitStatus status = client_new(options, &client, &failure);
        if (status == EXIT_STATUS_OK)
                status = service_facts_read(client, &facts, &failure);
        if (status == EXIT_STATUS_UNAVAILABLE)
                return report_unavailable(&style, hyperv, status, &failure);
        if (status)
                return complain(status, &failure, "no status");

        sheet_add_text(sheet, "Hyper-V guest", NULL, hyperv ? "yes" : "no");
        sheet_add_flag(sheet, NULL, "hyperv", hyperv);
        fill_sheet(sheet, client, &style, facts);
        output_sheet(&style, sheet);
        return EXIT_STATUS_OK;
}
