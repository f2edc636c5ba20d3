/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of tables and sheets, for the two files that print them. */

#include "cli/output.h"

G_BEGIN_DECLS

typedef struct Cell {
        CellType type;
        char *text;
        uint64_t number; /* CELL_NUMBER, CELL_FLAG */
} Cell;

struct Table {
        const Column *columns;
        size_t n_columns;
        GArray *cells; /* Cell, row after row */
};

typedef struct SheetItem {
        const char *label, *field;
        Cell cell;
        Table *table; /* instead of the cell */
} SheetItem;

struct Sheet {
        GArray *items;    /* SheetItem */
        GPtrArray *hints; /* char* */
};

static inline const Cell *table_cell(const Table *table, size_t row, size_t column) {
        return &g_array_index(table->cells, Cell, row * table->n_columns + column);
}

/* What people read in a cell: escaped, "" for an empty one (g_free). */
char *cell_to_text(const Cell *cell);

void output_table_text(const OutputStyle *style, const Table *table);
void output_row_text(const OutputStyle *style, const Table *table);
void output_sheet_text(const OutputStyle *style, const Sheet *sheet);
void output_table_json(const OutputStyle *style, const Table *table);
void output_row_json(const OutputStyle *style, const Table *table);
void output_sheet_json(const OutputStyle *style, const Sheet *sheet);

G_END_DECLS
