/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log-record.h"
#include "common/log-sink.h"
#include "common/string-table.h"
#include "common/units.h"

#define LIMIT_USEC (60 * USEC_PER_SEC)

static const char *const level_table[] = { "emerg",   "alert",  "crit", "err",
                                           "warning", "notice", "info", "debug" };

static const char *const target_table[_LOG_TARGET_MAX] = {
        [LOG_TARGET_AUTO] = "auto",
        [LOG_TARGET_JOURNAL] = "journal",
        [LOG_TARGET_STDERR] = "stderr",
};

static struct Log {
        const char *identifier;
        int max_level;
        bool to_journal;
        bool stderr_is_journal;
} log_state = { .identifier = "hvutils", .max_level = LOG_INFO };

typedef struct Origin {
        const char *file;
        int line;
        const char *function;
} Origin;

/* levels and targets */

const char *log_level_to_string(int priority) {
        return priority >= 0 && priority < (int) G_N_ELEMENTS(level_table) ? level_table[priority] : NULL;
}

int log_level_from_string(const char *word) {
        if (word && word[0] >= '0' && word[0] <= '7' && word[1] == '\0')
                return word[0] - '0';
        return string_table_find(level_table, G_N_ELEMENTS(level_table), word);
}

void log_set_max_level(int priority) {
        log_state.max_level = priority;
}

int log_get_max_level(void) {
        return log_state.max_level;
}

LogTarget log_target_from_string(const char *word) {
        return (LogTarget) string_table_find(target_table, G_N_ELEMENTS(target_table), word);
}

const char *log_target_name(void) {
        return target_table[log_state.to_journal ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR];
}

int log_set_target(LogTarget target) {
        switch (target) {
        case LOG_TARGET_AUTO:
                log_state.to_journal = log_state.stderr_is_journal && log_sink_has_journal();
                return 0;
        case LOG_TARGET_JOURNAL:
                if (!log_sink_has_journal())
                        return -ENOENT;
                log_state.to_journal = true;
                return 0;
        case LOG_TARGET_STDERR:
                log_state.to_journal = false;
                return 0;
        case _LOG_TARGET_MAX:
        case _LOG_TARGET_INVALID:
                break;
        }

        return -EINVAL;
}

uint64_t log_dropped(void) {
        return log_sink_dropped();
}

int log_hold(void) {
        return log_sink_hold();
}

void log_release(void) {
        log_sink_release();
}

bool log_limit_pass(LogLimit *limit, uint64_t now_usec, uint64_t *ret_suppressed) {
        if (limit->last_usec != 0 && now_usec - limit->last_usec < LIMIT_USEC) {
                limit->suppressed++;
                return false;
        }

        *ret_suppressed = limit->suppressed;
        *limit = (LogLimit){ .last_usec = MAX(now_usec, 1) };
        return true;
}

/* entries */

static const char *without_build_directory(const char *file) {
        while (g_str_has_prefix(file, "../"))
                file += strlen("../");
        return file;
}

static void add_fields(LogRecord *record, const char *const *fields) {
        for (; fields && fields[0]; fields += 2)
                if (fields[1])
                        log_record_add(record, fields[0], fields[1]);
}

static void make_journal_record(LogRecord *record, int priority, const char *message_id,
                                const char *const *fields, int error, const Origin *origin,
                                const char *message) {
        log_record_init(record);
        log_record_add(record, "MESSAGE", message);
        log_record_add_number(record, "PRIORITY", (uint64_t) priority);
        log_record_add(record, "SYSLOG_IDENTIFIER", log_state.identifier);
        if (message_id)
                log_record_add(record, "MESSAGE_ID", message_id);
        if (error)
                log_record_add_number(record, "ERRNO", (uint64_t) error);
        if (log_sink_is_held())
                log_record_add_number(record, "HV_SAID_USEC", now_usec(CLOCK_REALTIME));
        add_fields(record, fields);
        if (origin->file) {
                log_record_add(record, "CODE_FILE", without_build_directory(origin->file));
                log_record_add_number(record, "CODE_LINE", (uint64_t) origin->line);
                log_record_add(record, "CODE_FUNC", origin->function);
        }
}

static void submit(int priority, const char *message_id, const char *const *fields, int error,
                   const Origin *origin, const char *message) {
        LogRecord record;

        if (log_state.to_journal) {
                make_journal_record(&record, priority, message_id, fields, error, origin, message);
        } else {
                const char prefix[] = { '<', (char) ('0' + priority), '>', '\0' };

                log_record_init_text(&record, log_state.stderr_is_journal ? prefix : "", log_state.identifier,
                                     message);
        }

        log_sink_write(&record, log_state.to_journal);
}

void log_submit(int priority, const char *message_id, const char *const *fields, const char *file, int line,
                const char *function, const char *format, ...) {
        const Origin origin = { file, line, function };
        char message[LOG_MESSAGE_MAX];
        int saved = errno;
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);

        submit(priority, message_id, fields, 0, &origin, message);
        errno = saved;
}

int log_errno_submit(int priority, int error, const char *file, int line, const char *function,
                     const char *format, ...) {
        const Origin origin = { file, line, function };
        char message[LOG_MESSAGE_MAX];
        const char *description;
        int saved = errno;
        va_list arguments;

        error = ABS(error);
        if (priority > log_state.max_level)
                return -error;

        va_start(arguments, format);
        (void) vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);

        description = strerrordesc_np(error);
        (void) g_strlcat(message, ": ", sizeof(message));
        (void) g_strlcat(message, description ? description : "unknown error", sizeof(message));
        submit(priority, NULL, NULL, error, &origin, message);
        errno = saved;
        return -error;
}

/* GLib's own complaints, which would otherwise be written to stderr, waiting */

static int priority_of_glib(GLogLevelFlags level) {
        if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
                return LOG_ERR;
        if (level & G_LOG_LEVEL_WARNING)
                return LOG_WARNING;
        return level & G_LOG_LEVEL_MESSAGE ? LOG_NOTICE : LOG_DEBUG;
}

static GLogWriterOutput write_glib(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                   gpointer userdata) {
        const Origin nowhere = { NULL, 0, NULL };
        int priority = priority_of_glib(level);

        if (priority > log_state.max_level)
                return G_LOG_WRITER_HANDLED;

        for (gsize i = 0; i < n_fields; i++)
                if (g_str_equal(fields[i].key, "MESSAGE") && fields[i].length < 0)
                        submit(priority, NULL, NULL, 0, &nowhere, fields[i].value);

        return G_LOG_WRITER_HANDLED;
}

/* life */

static void take_over_glib(void) {
        static bool done;

        if (!done) /* GLib allows this once */
                g_log_set_writer_func(write_glib, NULL, NULL);
        done = true;
}

void log_open(const char *identifier, LogTarget target) {
        int level = log_level_from_string(g_getenv("HVUTILS_LOG_LEVEL"));
        LogTarget wanted = log_target_from_string(g_getenv("HVUTILS_LOG_TARGET"));

        log_sink_open();
        log_state.identifier = identifier;
        log_state.stderr_is_journal = log_sink_stderr_is_journal();
        log_state.to_journal = false;
        if (level >= 0)
                log_state.max_level = level;
        (void) log_set_target(wanted != _LOG_TARGET_INVALID ? wanted
                                                            : target); /* without a journal it stays stderr */
        take_over_glib();
}

void log_close(void) {
        log_sink_close();
        log_state.to_journal = false;
}
