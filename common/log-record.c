/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/log-record.h"

#include <string.h>

#define TEXT_INDENT "        "

void log_record_init(LogRecord *record) {
        record->size = 0;
}

static void append(LogRecord *record, const void *bytes, size_t n) {
        memcpy(record->bytes + record->size, bytes, n);
        record->size += n;
}

static void append_long_value(LogRecord *record, const char *value, size_t n) {
        uint64_t length = GUINT64_TO_LE((uint64_t) n);

        append(record, "\n", 1);
        append(record, &length, sizeof(length));
        append(record, value, n);
}

void log_record_add(LogRecord *record, const char *name, const char *value) {
        size_t n_name = strlen(name), n = strlen(value);

        if (n_name + 1 + sizeof(uint64_t) + n + 1 > sizeof(record->bytes) - record->size)
                return;

        append(record, name, n_name);
        if (strchr(value, '\n')) {
                append_long_value(record, value, n);
        } else {
                append(record, "=", 1);
                append(record, value, n);
        }
        append(record, "\n", 1);
}

void log_record_add_number(LogRecord *record, const char *name, uint64_t value) {
        char text[24];

        (void) g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, value);
        log_record_add(record, name, text);
}

static void append_visible(LogRecord *record, const char *text) {
        const size_t limit = sizeof(record->bytes) - sizeof("\n" TEXT_INDENT);

        for (; *text && record->size < limit; text++) {
                if (*text == '\n')
                        append(record, "\n" TEXT_INDENT, strlen("\n" TEXT_INDENT));
                else
                        append(record, g_ascii_iscntrl(*text) && *text != '\t' ? "?" : text, 1);
        }
}

void log_record_init_text(LogRecord *record, const char *prefix, const char *identifier,
                          const char *message) {
        record->size = 0;
        append_visible(record, prefix);
        append_visible(record, identifier);
        append_visible(record, ": ");
        append_visible(record, message);
        append(record, "\n", 1);
}
