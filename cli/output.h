/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One data model, two faces. A verb fills tables (rows of typed cells) and sheets (named facts, lists and
 * tables); this room prints them for people (libsmartcols) or for programs (JSON). The text is for people and
 * may change; field names and types of the JSON are a promise.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"

G_BEGIN_DECLS

typedef enum CellType {
        CELL_TEXT,   /* const char *, valid UTF-8; NULL: an empty cell, null in JSON */
        CELL_NUMBER, /* uint64_t */
        CELL_FLAG,   /* int: yes or no, true or false */
} CellType;

typedef enum ColumnFlags {
        COLUMN_SHRINKS = 1 << 0, /* may be cut with an ellipsis when a terminal is too narrow */
        COLUMN_JSON_ONLY = 1 << 1,
        COLUMN_TEXT_ONLY = 1 << 2,
        COLUMN_VERBOSE = 1 << 3,  /* in text only with -v */
        COLUMN_OPTIONAL = 1 << 4, /* in text only if some row has something to say */
} ColumnFlags;

typedef struct Column {
        const char *title;
        const char *field; /* the name in JSON */
        CellType type;
        unsigned flags;
} Column;

typedef struct Table Table;
Table *table_new(const Column *columns, size_t n_columns); /* columns are borrowed, usually static */
Table *table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)
/* Adds a row: one argument for each column, of the type that CellType says. */
void table_add(Table *table, ...);
size_t table_count_rows(const Table *table);

typedef struct Sheet Sheet;
Sheet *sheet_new(void);
Sheet *sheet_free(Sheet *sheet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sheet, sheet_free)
/* label NULL: only in JSON. field NULL: only for people. */
void sheet_add_text(Sheet *sheet, const char *label, const char *field, const char *text);
void sheet_add_number(Sheet *sheet, const char *label, const char *field, uint64_t number);
void sheet_add_flag(Sheet *sheet, const char *label, const char *field, bool flag);
/* Takes the table. Printed below its label, after all facts. */
void sheet_add_table(Sheet *sheet, const char *label, const char *field, Table *table);
/* Lines that people see as `Hint: …` at the end. */
void sheet_add_hint(Sheet *sheet, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* How to print, from the options and the terminal. */
typedef struct OutputStyle {
        JsonMode json;
        bool legend, pager, verbose, terminal, colors;
        unsigned width; /* of the terminal */
} OutputStyle;
OutputStyle output_style(const Options *options);
/* For an endless answer: with JSON always an object a line. */
OutputStyle output_style_for_lines(const Options *options);

/* JSON: an array of objects. */
void output_table(const OutputStyle *style, const Table *table);
/* JSON: the one row as an object. Text: the cells that are not empty, separated by blanks. */
void output_row(const OutputStyle *style, const Table *table);
void output_sheet(const OutputStyle *style, const Sheet *sheet);

G_END_DECLS
