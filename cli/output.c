/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/output.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/output-model.h"
#include "cli/text.h"

static void cell_clear(void *p) {
        Cell *cell = p;
        g_free(cell->text);
}

Table *table_new(const Column *columns, size_t n_columns) {
        Table *table = g_new0(Table, 1);
        table->columns = columns;
        table->n_columns = n_columns;
        table->cells = g_array_new(false, false, sizeof(Cell));
        g_array_set_clear_func(table->cells, cell_clear);
        return table;
}

Table *table_free(Table *table) {
        if (!table)
                return NULL;
        g_array_unref(table->cells);
        g_free(table);
        return NULL;
}

void table_add(Table *table, ...) {
        va_list ap;
        va_start(ap, table);
        for (size_t i = 0; i < table->n_columns; i++) {
                Cell cell = { .type = table->columns[i].type };
                switch (cell.type) {
                case CELL_TEXT:
                        cell.text = g_strdup(va_arg(ap, const char *));
                        break;
                case CELL_NUMBER:
                        cell.number = va_arg(ap, uint64_t);
                        break;
                case CELL_FLAG:
                        cell.number = va_arg(ap, int) != 0;
                        break;
                }
                g_array_append_val(table->cells, cell);
        }
        va_end(ap);
}

size_t table_count_rows(const Table *table) {
        return table->cells->len / table->n_columns;
}

static void sheet_item_clear(void *p) {
        SheetItem *item = p;
        cell_clear(&item->cell);
        table_free(item->table);
}

Sheet *sheet_new(void) {
        Sheet *sheet = g_new0(Sheet, 1);
        sheet->items = g_array_new(false, true, sizeof(SheetItem));
        g_array_set_clear_func(sheet->items, sheet_item_clear);
        sheet->hints = g_ptr_array_new_with_free_func(g_free);
        return sheet;
}

Sheet *sheet_free(Sheet *sheet) {
        if (!sheet)
                return NULL;
        g_array_unref(sheet->items);
        g_ptr_array_unref(sheet->hints);
        g_free(sheet);
        return NULL;
}

void sheet_add_text(Sheet *sheet, const char *label, const char *field, const char *text) {
        SheetItem item = { .label = label,
                           .field = field,
                           .cell = { .type = CELL_TEXT, .text = g_strdup(text) } };
        g_array_append_val(sheet->items, item);
}

void sheet_add_number(Sheet *sheet, const char *label, const char *field, uint64_t number) {
        SheetItem item = { .label = label,
                           .field = field,
                           .cell = { .type = CELL_NUMBER, .number = number } };
        g_array_append_val(sheet->items, item);
}

void sheet_add_flag(Sheet *sheet, const char *label, const char *field, bool flag) {
        SheetItem item = { .label = label, .field = field, .cell = { .type = CELL_FLAG, .number = flag } };
        g_array_append_val(sheet->items, item);
}

void sheet_add_table(Sheet *sheet, const char *label, const char *field, Table *table) {
        SheetItem item = { .label = label, .field = field, .table = table };
        g_array_append_val(sheet->items, item);
}

void sheet_add_hint(Sheet *sheet, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        g_ptr_array_add(sheet->hints, g_strdup_vprintf(format, ap));
        va_end(ap);
}

char *cell_to_text(const Cell *cell) {
        switch (cell->type) {
        case CELL_TEXT:
                return text_escape(cell->text ?: "");
        case CELL_NUMBER:
                return g_strdup_printf("%" G_GUINT64_FORMAT, cell->number);
        case CELL_FLAG:
                return g_strdup(cell->number ? "yes" : "no");
        }
        g_assert_not_reached();
}

/* no-color.org: any value but the empty one; a terminal that cannot do anything says dumb. */
static bool want_colors(bool terminal) {
        const char *no_color = g_getenv("NO_COLOR"), *force = g_getenv("CLICOLOR_FORCE");
        if (no_color && *no_color)
                return false;
        if (force && *force && strcmp(force, "0") != 0)
                return true;
        return terminal && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

static unsigned terminal_width(void) {
        struct winsize size;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return 80;
        return size.ws_col;
}

OutputStyle output_style(const Options *options) {
        bool terminal = isatty(STDOUT_FILENO);
        return (OutputStyle){
                .json = options->json,
                .legend = !options_given(options, OPTION_NO_LEGEND),
                .pager = terminal && !options_given(options, OPTION_NO_PAGER),
                .verbose = options_given(options, OPTION_VERBOSE),
                .terminal = terminal,
                .colors = want_colors(terminal),
                .width = terminal ? terminal_width() : 0,
        };
}

OutputStyle output_style_for_lines(const Options *options) {
        OutputStyle style = output_style(options);
        if (style.json != JSON_OFF)
                style.json = JSON_SHORT;
        return style;
}

void output_table(const OutputStyle *style, const Table *table) {
        if (style->json == JSON_OFF)
                output_table_text(style, table);
        else
                output_table_json(style, table);
}

void output_row(const OutputStyle *style, const Table *table) {
        if (style->json == JSON_OFF)
                output_row_text(style, table);
        else
                output_row_json(style, table);
}

void output_sheet(const OutputStyle *style, const Sheet *sheet) {
        if (style->json == JSON_OFF)
                output_sheet_text(style, sheet);
        else
                output_sheet_json(style, sheet);
}
