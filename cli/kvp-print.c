/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/kvp-print.h"

#include <stdio.h>

static const Column pair_columns[] = {
        { "KEY", "key", CELL_TEXT, 0 },
        { "VALUE", "value", CELL_TEXT, COLUMN_SHRINKS },
        { "POOL", "pool", CELL_TEXT, 0 },
        { NULL, "generation", CELL_NUMBER, COLUMN_JSON_ONLY },
};

Table *kvp_table_new(void) {
        return table_new(pair_columns, G_N_ELEMENTS(pair_columns));
}

void kvp_table_add(Table *table, const KvpEntry *entry) {
        table_add(table, entry->key, entry->value, kvp_pool_to_string(entry->pool), entry->generation);
}

static void print_as_row(const OutputStyle *style, const KvpEntry *entry) {
        g_autoptr(Table) table = kvp_table_new();
        kvp_table_add(table, entry);
        output_row(style, table);
}

void kvp_print_value(const Options *options, const KvpEntry *entry) {
        OutputStyle style = output_style(options);
        if (style.json != JSON_OFF || style.verbose)
                print_as_row(&style, entry);
        else {
                fputs(entry->value, stdout);
                putchar(options_given(options, OPTION_NULL) ? '\0' : '\n');
        }
}

void kvp_print_null(const KvpEntry *entry) {
        fputs(entry->key, stdout);
        putchar('\0');
        fputs(entry->value, stdout);
        putchar('\0');
}
