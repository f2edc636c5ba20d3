/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void failure_done(Failure *failure) {
        g_clear_pointer(&failure->cause, g_free);
        g_clear_pointer(&failure->hint, g_free);
}

ExitStatus failure_set(Failure *failure, ExitStatus status, const char *format, ...) {
        failure_done(failure);
        va_list ap;
        va_start(ap, format);
        failure->cause = g_strdup_vprintf(format, ap);
        va_end(ap);
        return status;
}

void failure_set_hint(Failure *failure, const char *format, ...) {
        g_free(failure->hint);
        va_list ap;
        va_start(ap, format);
        failure->hint = g_strdup_vprintf(format, ap);
        va_end(ap);
}

static ExitStatus exit_status_of_errno(int error) {
        switch (error) {
        case ENOENT:
                return EXIT_STATUS_NOT_FOUND;
        case EACCES:
        case EPERM:
        case EROFS:
                return EXIT_STATUS_DENIED;
        case ETIMEDOUT:
                return EXIT_STATUS_TIMEOUT;
        case EILSEQ:
        case E2BIG:
                return EXIT_STATUS_INVALID;
        default:
                return EXIT_STATUS_ERROR;
        }
}

ExitStatus failure_set_errno(Failure *failure, int error) {
        int positive = ABS(error);
        return failure_set(failure, exit_status_of_errno(positive), "%s", g_strerror(positive));
}

static void print_hint(const char *hint) {
        if (hint)
                fprintf(stderr, "Hint: %s\n", hint);
}

ExitStatus complain(ExitStatus status, const Failure *failure, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        g_autofree char *what = g_strdup_vprintf(format, ap);
        va_end(ap);

        /* What was printed so far belongs before the complaint when both go to one place. */
        fflush(stdout);
        fprintf(stderr, "hvctl: %s: %s\n", what, failure->cause ?: "unknown cause");
        print_hint(failure->hint);
        return status;
}

ExitStatus complain_usage(const char *hint, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        g_autofree char *sentence = g_strdup_vprintf(format, ap);
        va_end(ap);

        fprintf(stderr, "hvctl: %s\n", sentence);
        print_hint(hint);
        return EXIT_STATUS_USAGE;
}
