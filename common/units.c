/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/units.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* A non-negative decimal number; digits past the ninth of the fraction do not count. */
typedef struct Decimal {
        uint64_t whole;
        uint64_t fraction;
        uint64_t scale; /* the fraction is fraction / scale */
} Decimal;

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY    (24 * USEC_PER_HOUR)
#define USEC_PER_WEEK   (7 * USEC_PER_DAY)
#define USEC_PER_MONTH  (UINT64_C(2629800) * USEC_PER_SEC)  /* 30.44 days, as systemd.time(7) */
#define USEC_PER_YEAR   (UINT64_C(31557600) * USEC_PER_SEC) /* 365.25 days */

/* systemd.time(7); the empty unit is seconds. */
static const Unit time_units[] = {
        { "", USEC_PER_SEC },
        { "us", 1 },
        { "µs", 1 },
        { "usec", 1 },
        { "ms", USEC_PER_MSEC },
        { "msec", USEC_PER_MSEC },
        { "s", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "seconds", USEC_PER_SEC },
        { "m", USEC_PER_MINUTE },
        { "min", USEC_PER_MINUTE },
        { "minute", USEC_PER_MINUTE },
        { "minutes", USEC_PER_MINUTE },
        { "h", USEC_PER_HOUR },
        { "hr", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },
        { "hours", USEC_PER_HOUR },
        { "d", USEC_PER_DAY },
        { "day", USEC_PER_DAY },
        { "days", USEC_PER_DAY },
        { "w", USEC_PER_WEEK },
        { "week", USEC_PER_WEEK },
        { "weeks", USEC_PER_WEEK },
        { "M", USEC_PER_MONTH },
        { "month", USEC_PER_MONTH },
        { "months", USEC_PER_MONTH },
        { "y", USEC_PER_YEAR },
        { "year", USEC_PER_YEAR },
        { "years", USEC_PER_YEAR },
};

static const Unit size_units[] = {
        { "", 1 },
        { "B", 1 },
        { "K", UINT64_C(1) << 10 },
        { "M", UINT64_C(1) << 20 },
        { "G", UINT64_C(1) << 30 },
        { "T", UINT64_C(1) << 40 },
        { "P", UINT64_C(1) << 50 },
        { "E", UINT64_C(1) << 60 },
};

static void skip_blanks(const char **p) {
        *p += strspn(*p, " \t");
}

static int scan_whole(const char **p, uint64_t *ret) {
        uint64_t whole = 0;

        for (; g_ascii_isdigit(**p); (*p)++)
                if (__builtin_mul_overflow(whole, UINT64_C(10), &whole) ||
                    __builtin_add_overflow(whole, (uint64_t) (**p - '0'), &whole))
                        return -ERANGE;

        *ret = whole;
        return 0;
}

static void scan_fraction(const char **p, Decimal *number) {
        for (; g_ascii_isdigit(**p); (*p)++)
                if (number->scale < UINT64_C(1000000000)) {
                        number->fraction = number->fraction * 10 + (uint64_t) (**p - '0');
                        number->scale *= 10;
                }
}

static int scan_decimal(const char **p, Decimal *ret) {
        Decimal number = { .scale = 1 };
        int r;

        if (!g_ascii_isdigit(**p))
                return -EINVAL;

        r = scan_whole(p, &number.whole);
        if (r < 0)
                return r;

        if (**p == '.') {
                (*p)++;
                if (!g_ascii_isdigit(**p))
                        return -EINVAL;
                scan_fraction(p, &number);
        }

        *ret = number;
        return 0;
}

/* A word up to the next digit or blank, found in a table of units. */
static const Unit *scan_unit(const char **p, const Unit *units, size_t n_units) {
        size_t n = strcspn(*p, "0123456789. \t");

        for (size_t i = 0; i < n_units; i++)
                if (strlen(units[i].name) == n && memcmp(units[i].name, *p, n) == 0) {
                        *p += n;
                        return units + i;
                }

        return NULL;
}

static int add_scaled(uint64_t *sum, const Decimal *number, uint64_t factor) {
        unsigned __int128 total = (unsigned __int128) number->whole * factor;

        total += (unsigned __int128) number->fraction * factor / number->scale;
        total += *sum;
        if (total >= UINT64_MAX) /* the largest value means infinity */
                return -ERANGE;

        *sum = (uint64_t) total;
        return 0;
}

static int scan_quantity(const char **p, const Unit *units, size_t n_units, uint64_t *sum) {
        Decimal number;
        const Unit *unit;
        int r;

        r = scan_decimal(p, &number);
        if (r < 0)
                return r;

        skip_blanks(p);
        unit = scan_unit(p, units, n_units);
        if (!unit)
                return -EINVAL;

        skip_blanks(p);
        return add_scaled(sum, &number, unit->factor);
}

static bool is_infinity(const char *p) {
        size_t n = strlen("infinity");

        return strncmp(p, "infinity", n) == 0 && p[n + strspn(p + n, " \t")] == '\0';
}

int parse_time(const char *text, uint64_t *ret_usec) {
        const char *p = text;
        uint64_t usec = 0;

        skip_blanks(&p);
        if (is_infinity(p)) {
                *ret_usec = USEC_INFINITY;
                return 0;
        }

        do {
                int r = scan_quantity(&p, time_units, G_N_ELEMENTS(time_units), &usec);
                if (r < 0)
                        return r;
        } while (*p);

        *ret_usec = usec;
        return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes) {
        const char *p = text;
        uint64_t bytes = 0;
        int r;

        skip_blanks(&p);
        if (is_infinity(p)) {
                *ret_bytes = UINT64_MAX;
                return 0;
        }

        r = scan_quantity(&p, size_units, G_N_ELEMENTS(size_units), &bytes);
        if (r < 0)
                return r;
        if (*p)
                return -EINVAL;

        *ret_bytes = bytes;
        return 0;
}

int parse_boolean(const char *text) {
        static const char *const words[][2] = {
                { "no", "yes" }, { "false", "true" }, { "off", "on" },
                { "0", "1" },    { "n", "y" },        { "f", "t" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                for (int value = 0; value < 2; value++)
                        if (g_ascii_strcasecmp(text, words[i][value]) == 0)
                                return value;

        return -EINVAL;
}

/* Below a minute the smaller unit is shown as three digits of the larger one: 1.500s, 15.250ms. */
static const char *format_short_time(uint64_t usec, char *buffer, size_t n) {
        bool seconds = usec >= USEC_PER_SEC;
        const char *name = seconds ? "s" : "ms";
        unsigned long long unit = seconds ? USEC_PER_SEC : USEC_PER_MSEC;
        unsigned long long rest = usec % unit / (unit / 1000);

        if (rest > 0)
                (void) g_snprintf(buffer, n, "%llu.%03llu%s", usec / unit, rest, name);
        else
                (void) g_snprintf(buffer, n, "%llu%s", usec / unit, name);
        return buffer;
}

const char *format_time(uint64_t usec, char *buffer, size_t n) {
        static const Unit units[] = {
                { "y", USEC_PER_YEAR }, { "month", USEC_PER_MONTH }, { "w", USEC_PER_WEEK },
                { "d", USEC_PER_DAY },  { "h", USEC_PER_HOUR },      { "min", USEC_PER_MINUTE },
                { "s", USEC_PER_SEC },
        };
        size_t i = 0;
        unsigned long long first, second;

        if (usec == USEC_INFINITY) {
                (void) g_strlcpy(buffer, "infinity", n);
                return buffer;
        }
        if (usec < USEC_PER_MSEC) {
                (void) g_snprintf(buffer, n, usec ? "%" G_GUINT64_FORMAT "us" : "0s", usec);
                return buffer;
        }
        if (usec < USEC_PER_MINUTE)
                return format_short_time(usec, buffer, n);

        while (usec < units[i].factor)
                i++;
        first = usec / units[i].factor;
        second = usec % units[i].factor / units[i + 1].factor;
        if (second > 0)
                (void) g_snprintf(buffer, n, "%llu%s %llu%s", first, units[i].name, second,
                                  units[i + 1].name);
        else
                (void) g_snprintf(buffer, n, "%llu%s", first, units[i].name);
        return buffer;
}

const char *format_size(uint64_t bytes, char *buffer, size_t n) {
        static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        uint64_t unit = 1, whole = bytes, tenths = 0;
        size_t i = 0;

        if (bytes < 1024) {
                (void) g_snprintf(buffer, n, "%u B", (unsigned) bytes);
                return buffer;
        }

        while (whole >= 1024 && i + 1 < G_N_ELEMENTS(names)) {
                unit <<= 10;
                i++;
                whole = bytes / unit;
                tenths = (bytes % unit * 10 + unit / 2) / unit;
                if (tenths == 10) {
                        whole++;
                        tenths = 0;
                }
        }

        (void) g_snprintf(buffer, n, "%u.%u %s", (unsigned) whole, (unsigned) tenths, names[i]);
        return buffer;
}
