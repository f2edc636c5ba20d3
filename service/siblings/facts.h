/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What both siblings tell about themselves: their channel, for Manager.Channels, and what they counted, for
 * Manager.Statistics (service/link/fields.h). */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/link/link.h"

G_BEGIN_DECLS

typedef struct SiblingChannel {
        const char *name, *transport, *state, *version; /* name NULL: not known */
} SiblingChannel;

typedef struct SiblingFacts {
        char *channel[4]; /* as SiblingChannel */
        char **counters;  /* "name number" */
} SiblingFacts;

/* Takes over what the state says; true if the channel is another than before. */
bool sibling_facts_read(SiblingFacts *facts, const LinkMessage *state);
/* The link ended: there is no channel, what was counted stays counted. */
void sibling_facts_forget_channel(SiblingFacts *facts);
void sibling_facts_done(SiblingFacts *facts);

SiblingChannel sibling_facts_get_channel(const SiblingFacts *facts);
void sibling_facts_visit_counters(const SiblingFacts *facts,
                                  void (*visit)(const char *name, uint64_t value, void *userdata),
                                  void *userdata);

G_END_DECLS
