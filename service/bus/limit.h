/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Everything that a client can make us keep has a number that stops it. What is kept holds a charge; giving
 * the charge back is part of letting go of it, so that the books cannot drift.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

typedef enum BusLimit {
        BUS_LIMIT_QUESTIONS, /* polkit questions that are not answered yet */
        BUS_LIMIT_CALLS,     /* calls that wait for whatever it is */
        BUS_LIMIT_LISTINGS,  /* long GetAll answers in the making */
        _BUS_LIMIT_MAX,
} BusLimit;

#define BUS_ANSWER_INLINE_MAX  ((size_t) 1024 * 1024)     /* a GetAll up to this size is built at once, … */
#define BUS_ANSWER_MAX         ((size_t) 8 * 1024 * 1024) /* … up to this one in slices, beyond it refused */
#define BUS_ANSWER_SLICE       ((size_t) 64 * 1024)
#define BUS_PROPERTIES_PER_SEC 10  /* PropertiesChanged, an object */
#define BUS_ADDITIONS_PER_SEC  20  /* objects that appear, all together */
#define BUS_SIGNALS_PER_SEC    100 /* Changed, an object */
#define BUS_QUEUE_MAX          64  /* messages in our write queue above which signals wait (a stopped bus) */

typedef struct BusLimits BusLimits;
typedef struct BusCharge BusCharge;

BusLimits *bus_limits_new(void);
BusLimits *bus_limits_free(BusLimits *limits);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BusLimits, bus_limits_free)

/* NULL when the sender or all together have used up the limit. */
BusCharge *bus_charge_new(BusLimits *limits, BusLimit limit, const char *sender);
BusCharge *bus_charge_free(BusCharge *charge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BusCharge, bus_charge_free)

/* For the sentence of LimitsExceeded: "pending authorizations (32 in all, 4 for each caller)". */
const char *bus_limit_description(BusLimit limit);

G_END_DECLS
