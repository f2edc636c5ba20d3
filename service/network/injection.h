/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An injection: the host wants an adapter to have certain addresses. It waits for an answer, at most 30 s, and other
 * requests of its for key-value pairs wait behind it; so it gets one within 20 s, or 5 s while the guest boots.
 *
 *      request --> asking --> applying --> applied
 *                    ^  |         |------> failed      tried, did not hold
 *                    |  |---------+------> refused     by name, by whoever manages the interface
 *                    |  v         v
 *                   waiting      nobody there yet (asked again), or busy
 *                      |
 *                  the deadline: the host is told HV_E_FAIL; Late=apply goes on waiting for a configurator to appear, which
 *                  is then *late*, Late=drop gives up (dropped)
 *
 * This file decides and does nothing else: an event and the state of things in, the new state and what is to be done out.
 */

#include <glib.h>
#include <stdbool.h>

#include "common/string-table.h"
#include "service/network/configurators.h"

G_BEGIN_DECLS

typedef enum InjectionState {
        INJECTION_NONE,
        INJECTION_ASKING,
        INJECTION_APPLYING,
        INJECTION_WAITING,
        INJECTION_APPLIED, /* from here on: over */
        INJECTION_FAILED,
        INJECTION_REFUSED,
        INJECTION_DROPPED,
        INJECTION_CANCELLED, /* by a newer one */
        _INJECTION_STATE_MAX,
        _INJECTION_STATE_INVALID = -EINVAL,
} InjectionState;
DECLARE_STRING_TABLE_LOOKUP(injection_state, InjectionState);

typedef enum InjectionEvent {
        INJECTION_EVENT_REQUEST,  /* a checked one, for an adapter that is there */
        INJECTION_EVENT_KEPT,     /* found at our start: the host was given up long ago */
        INJECTION_EVENT_ANSWER,   /* of a survey or of Apply, with the result */
        INJECTION_EVENT_RETRY,    /* the time to ask again has come */
        INJECTION_EVENT_APPEARED, /* a configurator, a network stack, the adapter, or the bus */
        INJECTION_EVENT_DEADLINE,
        INJECTION_EVENT_FORGET, /* by a person, or by a newer one */
} InjectionEvent;

typedef struct Injection {
        InjectionState state;
        bool overdue;    /* the deadline is over: the host was told so */
        bool again;      /* somebody appeared while the others were being asked */
        bool apply_late; /* Late=apply, as last told */
} Injection;

typedef enum InjectionEffect {
        INJECTION_ASK = 1 << 0,      /* start a survey */
        INJECTION_APPLY = 1 << 1,    /* at the one that said yes */
        INJECTION_CANCEL = 1 << 2,   /* the call or survey under way */
        INJECTION_SUCCEED = 1 << 3,  /* tell the host, if it still waits */
        INJECTION_FAIL = 1 << 4,     /* the same, HV_E_FAIL */
        INJECTION_KEEP = 1 << 5,     /* the request outlives us */
        INJECTION_UNKEEP = 1 << 6,   /* it is over */
        INJECTION_ASK_SOON = 1 << 7, /* RETRY, later and later */
} InjectionEffect;

/* result counts for ANSWER only. apply_late: Late=apply. Returns InjectionEffects. */
unsigned injection_decide(Injection *injection, InjectionEvent event, ConfiguratorResult result,
                          bool apply_late);

static inline bool injection_is_over(const Injection *injection) {
        return injection->state == INJECTION_NONE || injection->state >= INJECTION_APPLIED;
}

/* What people are shown: "late" for a live one whose deadline is over. */
const char *injection_word(const Injection *injection);

G_END_DECLS
