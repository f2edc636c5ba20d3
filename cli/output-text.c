/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "cli/output-model.h"
#include "cli/pager.h"

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

static bool has_text(const Table *table, size_t column) {
        for (size_t row = 0; row < table_count_rows(table); row++) {
                const char *text = table_cell(table, row, column)->text;
                if (text && *text)
                        return true;
        }
        return false;
}

static bool column_is_shown(const OutputStyle *style, const Table *table, size_t i) {
        const Column *column = &table->columns[i];
        if (column->flags & COLUMN_JSON_ONLY)
                return false;
        if (column->flags & COLUMN_OPTIONAL && !has_text(table, i))
                return false;
        return style->verbose || !(column->flags & COLUMN_VERBOSE);
}

static void add_column(struct libscols_table *scols, const OutputStyle *style, const Column *column) {
        int flags = 0;
        if (column->type == CELL_NUMBER)
                flags |= SCOLS_FL_RIGHT;
        if (style->terminal && (column->flags & COLUMN_SHRINKS))
                flags |= SCOLS_FL_TRUNC;

        struct libscols_column *added = scols_table_new_column(scols, column->title, 0, flags);
        if (added && style->colors)
                scols_cell_set_color(scols_column_get_header(added), "bold");
}

static void add_row(struct libscols_table *scols, const OutputStyle *style, const Table *table, size_t row) {
        struct libscols_line *line = scols_table_new_line(scols, NULL);
        size_t position = 0;
        for (size_t i = 0; i < table->n_columns; i++) {
                if (!column_is_shown(style, table, i))
                        continue;
                g_autofree char *text = cell_to_text(table_cell(table, row, i));
                scols_line_set_data(line, position++, text);
        }
}

/* Rows on a terminal are cut to its width; in a pipe nothing is cut, and the last column is not padded. */
static void print_table(const OutputStyle *style, const Table *table) {
        struct libscols_table *scols = scols_new_table();
        if (!scols)
                g_error("out of memory");
        scols_table_enable_noheadings(scols, !style->legend);
        scols_table_enable_colors(scols, style->colors);
        scols_table_set_column_separator(scols, "  ");
        scols_table_enable_noencoding(scols, 1); /* cells are escaped already, cell_to_text() */
        /* Said, not asked: by now stdout may be a pager's pipe. */
        scols_table_set_termforce(scols, style->terminal ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
        if (style->terminal)
                scols_table_set_termwidth(scols, style->width);

        for (size_t i = 0; i < table->n_columns; i++)
                if (column_is_shown(style, table, i))
                        add_column(scols, style, &table->columns[i]);
        for (size_t row = 0; row < table_count_rows(table); row++)
                add_row(scols, style, table, row);
        scols_print_table(scols);
        scols_unref_table(scols);
}

void output_table_text(const OutputStyle *style, const Table *table) {
        if (style->pager)
                pager_open(table_count_rows(table) + 1);
        print_table(style, table);
}

void output_row_text(const OutputStyle *style, const Table *table) {
        const char *separator = "";
        for (size_t i = 0; i < table->n_columns; i++) {
                g_autofree char *text = cell_to_text(table_cell(table, 0, i));
                if (!column_is_shown(style, table, i) || !*text)
                        continue;
                printf("%s%s", separator, text);
                separator = "  ";
        }
        putchar('\n');
}

static size_t widest_label(const Sheet *sheet) {
        size_t width = 0;
        for (size_t i = 0; i < sheet->items->len; i++) {
                const SheetItem *item = &g_array_index(sheet->items, SheetItem, i);
                if (item->label && !item->table)
                        width = MAX(width, strlen(item->label));
        }
        return width;
}

static void print_fact(const SheetItem *item, size_t width) {
        g_autofree char *text = cell_to_text(&item->cell);
        if (*text)
                printf("%*s: %s\n", (int) width, item->label, text);
}

static void print_titled_table(const OutputStyle *style, const SheetItem *item) {
        if (table_count_rows(item->table) == 0)
                return;
        if (style->legend)
                printf("\n%s%s%s\n", style->colors ? BOLD : "", item->label, style->colors ? PLAIN : "");
        print_table(style, item->table);
}

void output_sheet_text(const OutputStyle *style, const Sheet *sheet) {
        size_t width = widest_label(sheet);
        for (size_t i = 0; i < sheet->items->len; i++) {
                const SheetItem *item = &g_array_index(sheet->items, SheetItem, i);
                if (item->label && !item->table)
                        print_fact(item, width);
        }
        for (size_t i = 0; i < sheet->items->len; i++) {
                const SheetItem *item = &g_array_index(sheet->items, SheetItem, i);
                if (item->label && item->table)
                        print_titled_table(style, item);
        }
        for (size_t i = 0; i < sheet->hints->len; i++)
                printf("%sHint: %s\n", i == 0 ? "\n" : "", (const char *) sheet->hints->pdata[i]);
}
