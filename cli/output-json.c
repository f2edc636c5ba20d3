/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "cli/output-model.h"

static void build_cell(JsonBuilder *builder, const Cell *cell) {
        switch (cell->type) {
        case CELL_TEXT:
                if (cell->text)
                        json_builder_add_string_value(builder, cell->text);
                else
                        json_builder_add_null_value(builder);
                break;
        case CELL_NUMBER:
                /* JSON-GLib has signed numbers only; no count of ours comes near the sign. */
                json_builder_add_int_value(builder, (gint64) MIN(cell->number, (uint64_t) G_MAXINT64));
                break;
        case CELL_FLAG:
                json_builder_add_boolean_value(builder, cell->number != 0);
                break;
        }
}

static void build_row(JsonBuilder *builder, const Table *table, size_t row) {
        json_builder_begin_object(builder);
        for (size_t i = 0; i < table->n_columns; i++) {
                if (table->columns[i].flags & COLUMN_TEXT_ONLY)
                        continue;
                json_builder_set_member_name(builder, table->columns[i].field);
                build_cell(builder, table_cell(table, row, i));
        }
        json_builder_end_object(builder);
}

static void build_table(JsonBuilder *builder, const Table *table) {
        json_builder_begin_array(builder);
        for (size_t row = 0; row < table_count_rows(table); row++)
                build_row(builder, table, row);
        json_builder_end_array(builder);
}

static void build_sheet(JsonBuilder *builder, const Sheet *sheet) {
        json_builder_begin_object(builder);
        for (size_t i = 0; i < sheet->items->len; i++) {
                const SheetItem *item = &g_array_index(sheet->items, SheetItem, i);
                if (!item->field)
                        continue;
                json_builder_set_member_name(builder, item->field);
                if (item->table)
                        build_table(builder, item->table);
                else
                        build_cell(builder, &item->cell);
        }
        json_builder_set_member_name(builder, "hints");
        json_builder_begin_array(builder);
        for (size_t i = 0; i < sheet->hints->len; i++)
                json_builder_add_string_value(builder, sheet->hints->pdata[i]);
        json_builder_end_array(builder);
        json_builder_end_object(builder);
}

static void print_and_free(JsonBuilder *builder, bool pretty) {
        JsonNode *root = json_builder_get_root(builder);
        g_autofree char *text = json_to_string(root, pretty);
        json_node_unref(root);
        g_object_unref(builder);
        puts(text);
}

void output_table_json(const OutputStyle *style, const Table *table) {
        JsonBuilder *builder = json_builder_new_immutable();
        build_table(builder, table);
        print_and_free(builder, style->json == JSON_PRETTY);
}

void output_row_json(const OutputStyle *style, const Table *table) {
        JsonBuilder *builder = json_builder_new_immutable();
        build_row(builder, table, 0);
        print_and_free(builder, style->json == JSON_PRETTY);
}

void output_sheet_json(const OutputStyle *style, const Sheet *sheet) {
        JsonBuilder *builder = json_builder_new_immutable();
        build_sheet(builder, sheet);
        print_and_free(builder, style->json == JSON_PRETTY);
}
