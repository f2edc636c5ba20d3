/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Questions to polkit: ask, stop, be called again.
 *
 * A handler that needs an authorization comes here with its message. Nobody knows the answer yet, so we ask
 * and the handler returns. When the answer is there, the verdict is kept beside the message, the message is
 * rewound and put back into the connection's read queue, and the handler runs again from its first line: it
 * reads and checks its arguments again, because the world may have moved while a person typed a password, and
 * this time finds the verdict. An idle-priority source forgets the entry afterwards. (The pattern is
 * systemd's, src/shared/bus-polkit.c.)
 *
 * First the bus is asked for the sender's uid; uid 0 needs no polkit, so that minimal images work without it.
 * Then polkit is asked about the sender by its unique name, which cannot be reused. Several keys: first about
 * each without interaction, so that one *no* refuses the call before any prompt; then about those that need a
 * password, one after the other, with interaction if the caller allows it. polkit absent, slow, broken,
 * unfamiliar with the action, or a caller that is gone: no.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/units.h"
#include "service/bus/limit.h"

G_BEGIN_DECLS

#define QUESTION_TIMEOUT_USEC             (5 * USEC_PER_SEC)
#define QUESTION_FROZEN_TIMEOUT_USEC      (2 * USEC_PER_SEC) /* polkit itself may wait for a frozen disk */
#define QUESTION_INTERACTIVE_TIMEOUT_USEC (25 * USEC_PER_SEC)

typedef struct QuestionRegistry QuestionRegistry;

typedef struct QuestionWish {
        const char *action;
        const char *pool;        /* detail, or NULL */
        const char *adapter;     /* detail, or NULL */
        const char *path;        /* detail, or NULL */
        const char *const *keys; /* detail, a question each */
        size_t n_keys;
} QuestionWish;

QuestionRegistry *question_registry_new(sd_event *event, BusLimits *limits, double time_scale);
/* Drops every question; nobody is called. */
QuestionRegistry *question_registry_free(QuestionRegistry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QuestionRegistry, question_registry_free)
void question_registry_clear(QuestionRegistry *registry);

/* 1 = allowed, 0 = asked, the handler will be called again, negative = denied or not possible, *error says
 * why. */
int question_ask(QuestionRegistry *registry, sd_bus_message *call, const QuestionWish *wish,
                 sd_bus_error *error);

/* While file systems are frozen nobody is waited for long; the answer then is Error.Frozen. */
void question_registry_set_frozen(QuestionRegistry *registry, bool frozen);
/* Who the caller of an answered question is; -ENODATA for a call that was not asked about. */
int question_get_uid(const QuestionRegistry *registry, sd_bus_message *call, uid_t *ret);

uint64_t question_registry_denied(const QuestionRegistry *registry); /* how often, for Statistics */

G_END_DECLS
