/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Structured logging that never blocks.
 *
 * sd_journal_send() waits when the journal's socket is full; journald itself writes to a disk that may be frozen, so a
 * daemon of ours that waited for it could hang its guest. This room therefore owns one non-blocking AF_UNIX datagram
 * socket to /run/systemd/journal/socket (the native protocol, systemd.io/JOURNAL_NATIVE_PROTOCOL) and drops, with a
 * count, what does not fit at once. Without a journal, or when stderr is not connected to it ($JOURNAL_STREAM), lines go
 * to stderr, equally without waiting. What GLib has to say goes the same way.
 *
 * Errors and above that are ours to explain are *events*: they have a message identifier from common/names.h and an entry
 * in the catalog. Values of keys never come here.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>
#ifdef __cplusplus
#include <initializer_list>
#endif

G_BEGIN_DECLS

typedef enum LogTarget {
        LOG_TARGET_AUTO, /* the journal when stderr is connected to it, else stderr */
        LOG_TARGET_JOURNAL,
        LOG_TARGET_STDERR,
        _LOG_TARGET_MAX,
        _LOG_TARGET_INVALID = -22,
} LogTarget;

/* Once, early in main(). The identifier is not copied. $HVUTILS_LOG_LEVEL (name or number as in syslog(3)) and
 * $HVUTILS_LOG_TARGET (auto, journal, stderr) override; $HVUTILS_JOURNAL_SOCKET names another socket than the
 * journal's. */
void log_open(const char *identifier, LogTarget target);
void log_close(void);

/* LogControl1: the highest priority number that is logged (LOG_ERR … LOG_DEBUG; default LOG_INFO). */
void log_set_max_level(int priority);
int  log_get_max_level(void);
const char *log_level_to_string(int priority);     /* "emerg" … "debug", or NULL */
int         log_level_from_string(const char *word); /* also "0" … "7"; -EINVAL */
const char *log_target_name(void);                   /* the target in use: "journal" or "stderr" */
int         log_set_target(LogTarget target);         /* -ENOENT: there is no journal, -EINVAL */
LogTarget   log_target_from_string(const char *word);

/* How many lines were dropped since the start because nobody took them in time. */
uint64_t log_dropped(void);

/* While held, lines are kept in memory that was allocated by the first log_hold() (64 KiB; older lines win, the rest is
 * counted as dropped) and written by log_release(), with the time they were said in the field HV_SAID_USEC. Used by the
 * snapshot daemon from before its first freeze until after its last thaw. No call in between allocates or writes. */
int  log_hold(void);
void log_release(void);

/*
 * A logging limit: at most one line a minute; the next line that passes says how many were left out. Zero-initialised,
 * usually static. Returns true if the line may be logged. `now` in CLOCK_MONOTONIC microseconds.
 */
typedef struct LogLimit {
        uint64_t  last_usec;
        uint64_t  suppressed;
} LogLimit;
bool log_limit_pass(LogLimit *limit, uint64_t now_usec, uint64_t *ret_suppressed);

/* NULL-terminated pairs of field name and value: LOG_FIELDS(HVUTILS_FIELD_POOL, "guest", HVUTILS_FIELD_KEY, key).
 * A pair whose value is NULL is left out. */
#ifdef __cplusplus
#define LOG_FIELDS(...) (std::initializer_list<const char *>{ __VA_ARGS__, nullptr }.begin())
#else
#define LOG_FIELDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#endif

/* message_id and fields may be NULL. errno is preserved. */
void log_submit(int priority, const char *message_id, const char *const *fields, const char *file, int line,
                const char *function, const char *format, ...) G_GNUC_PRINTF(7, 8);

#define log_full(priority, id, fields, ...)                                                                  \
        do {                                                                                                 \
                if ((priority) <= log_get_max_level())                                                       \
                        log_submit((priority), (id), (fields), __FILE__, __LINE__, __func__, __VA_ARGS__);   \
        } while (0)

#define log_error(...)   log_full(LOG_ERR, NULL, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, NULL, NULL, __VA_ARGS__)
#define log_notice(...)  log_full(LOG_NOTICE, NULL, NULL, __VA_ARGS__)
#define log_info(...)    log_full(LOG_INFO, NULL, NULL, __VA_ARGS__)
#define log_debug(...)   log_full(LOG_DEBUG, NULL, NULL, __VA_ARGS__)

/* log_event(LOG_WARNING, HVUTILS_MESSAGE_POOL_PROBLEM, LOG_FIELDS(HVUTILS_FIELD_POOL, name), "…", …) */
#define log_event(priority, id, fields, ...) log_full(priority, id, fields, __VA_ARGS__)

/* Logs "format: strerror" and evaluates to the negative errno, for `return log_errno(LOG_ERR, r, "Cannot …, keeping …")`. */
int log_errno_submit(int priority, int error, const char *file, int line, const char *function, const char *format,
                     ...) G_GNUC_PRINTF(6, 7);
#define log_errno(priority, error, ...)                                                                      \
        log_errno_submit((priority), (error), __FILE__, __LINE__, __func__, __VA_ARGS__)

G_END_DECLS
