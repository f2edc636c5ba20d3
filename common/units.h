/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times and sizes as systemd spells them (systemd.time(7), systemd.syntax(7)). Time is microseconds, as in sd-event. */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

G_BEGIN_DECLS

#define USEC_PER_MSEC  UINT64_C(1000)
#define USEC_PER_SEC   UINT64_C(1000000)
#define NSEC_PER_USEC  UINT64_C(1000)
#define USEC_INFINITY  UINT64_MAX

/* "5s", "1min 30s", "500ms", "20" (seconds), "infinity". -EINVAL, -ERANGE. */
int parse_time(const char *text, uint64_t *ret_usec);
/* "64K", "1.5G", "1048576" with base 1024, "infinity". -EINVAL, -ERANGE. */
int parse_size(const char *text, uint64_t *ret_bytes);
/* yes/no, true/false, on/off, 1/0. -EINVAL. */
int parse_boolean(const char *text);

/* "1min 30s", "1.500s", "15ms": the two largest units; into buffer, which is returned. */
const char *format_time(uint64_t usec, char *buffer, size_t n);
/* "1.5 GiB", "6.0 KiB", "12 B". */
const char *format_size(uint64_t bytes, char *buffer, size_t n);

static inline uint64_t usec_of(const struct timespec *ts) {
        return (uint64_t) ts->tv_sec * USEC_PER_SEC + (uint64_t) ts->tv_nsec / NSEC_PER_USEC;
}

static inline uint64_t now_usec(clockid_t clock) {
        struct timespec ts;
        clock_gettime(clock, &ts);
        return usec_of(&ts);
}

G_END_DECLS
