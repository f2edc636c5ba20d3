/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Furniture of common/log: one entry of the journal, written field by field into memory of fixed size.
 *
 * The native protocol: a datagram holds lines NAME=VALUE. A value with a newline in it is written as the
 * name, a newline, its length as a 64-bit little-endian number, the value and a newline. Fields that do not
 * fit are left out, so that the message, which comes first, always gets through.
 */

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

#define LOG_RECORD_MAX  8192
#define LOG_MESSAGE_MAX 2048

typedef struct LogRecord {
        size_t size;
        char bytes[LOG_RECORD_MAX];
} LogRecord;

void log_record_init(LogRecord *record);
void log_record_add(LogRecord *record, const char *name, const char *value);
void log_record_add_number(LogRecord *record, const char *name, uint64_t value);

/* The same entry as one line for people: "identifier: message". What could move a terminal's cursor becomes
 * '?', and the further lines of a message are indented, so that no message can pass for another. */
void log_record_init_text(LogRecord *record, const char *prefix, const char *identifier, const char *message);

G_END_DECLS
