/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How hvctl fails: with a number that scripts may rely on and a sentence for people.
 *
 *      hvctl: cannot set 'Owner' in pool 'guest': value is 1400 UTF-16 units, the host reads at most 1022
 *      Hint: …the next command to try…
 *
 * Whoever meets the failure knows its cause and fills a Failure; the verb knows what was wanted and
 * complains, once.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Stable and documented in hvctl(1). */
typedef enum ExitStatus {
        EXIT_STATUS_OK = 0,
        EXIT_STATUS_ERROR = 1,       /* anything without a number of its own: disk full, bad input file */
        EXIT_STATUS_USAGE = 2,       /* unknown verb or option, missing argument */
        EXIT_STATUS_TIMEOUT = 3,     /* --timeout went by, or another program held the pool too long */
        EXIT_STATUS_NOT_FOUND = 4,   /* no such key */
        EXIT_STATUS_DENIED = 5,      /* polkit or policy said no */
        EXIT_STATUS_UNAVAILABLE = 6, /* no service, no channel, not a Hyper-V guest */
        EXIT_STATUS_INVALID = 7,     /* too long, empty key, not UTF-8, contains NUL */
        EXIT_STATUS_REFUSED = 8, /* --create-only or --expect did not hold, refused by the host, cancelled */
        EXIT_STATUS_FROZEN = 9,    /* snapshot status: file systems are frozen, or about to be */
        EXIT_STATUS_FILENAME = 65, /* only --complete-args: complete the name of a file */
} ExitStatus;

typedef struct Failure {
        char *cause;
        char *hint; /* NULL = none */
} Failure;

void failure_done(Failure *failure);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Failure, failure_done)

/* Takes the place of what the failure said before. Returns status, so that `return failure_set(…)` ends a
 * function. */
ExitStatus failure_set(Failure *failure, ExitStatus status, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Adds the way out to a failure that has been set. Returns nothing to do: a hint changes no status. */
void failure_set_hint(Failure *failure, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* For an errno of ours, negative or positive; -ENOENT and the like become their exit status. */
ExitStatus failure_set_errno(Failure *failure, int error);

/* Writes `hvctl: <what>: <cause>` and the hint to stderr and returns status. */
ExitStatus complain(ExitStatus status, const Failure *failure, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* For mistakes on the command line: `hvctl: <sentence>` and the hint, if any. Returns EXIT_STATUS_USAGE. */
ExitStatus complain_usage(const char *hint, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_END_DECLS
