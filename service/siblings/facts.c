/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/facts.h"

#include <string.h>

#include "common/cleanup.h"
#include "service/link/fields.h"

static bool read_channel(SiblingFacts *facts, const LinkMessage *state) {
        static const char *const fields[] = { LINK_FIELD_CHANNEL_NAME, LINK_FIELD_CHANNEL_TRANSPORT,
                                              LINK_FIELD_CHANNEL_STATE, LINK_FIELD_CHANNEL_VERSION };
        bool changed = false;

        if (!link_message_get(state, LINK_FIELD_CHANNEL_NAME))
                return false;
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                const char *value = link_message_get(state, fields[i]);

                if (g_strcmp0(value ? value : "", facts->channel[i]) == 0)
                        continue;
                g_free(facts->channel[i]);
                facts->channel[i] = g_strdup(value ? value : "");
                changed = true;
        }
        return changed;
}

static void read_counters(SiblingFacts *facts, const LinkMessage *state) {
        g_autoptr(GPtrArray) counters = g_ptr_array_new();
        const char *value;

        for (size_t i = 0; (value = link_message_get_nth(state, LINK_FIELD_COUNTER, i)); i++)
                g_ptr_array_add(counters, g_strdup(value));
        if (counters->len == 0)
                return;
        g_ptr_array_add(counters, NULL);
        g_strfreev(facts->counters);
        facts->counters = (char **) g_ptr_array_steal(counters, NULL);
}

bool sibling_facts_read(SiblingFacts *facts, const LinkMessage *state) {
        read_counters(facts, state);
        return read_channel(facts, state);
}

void sibling_facts_forget_channel(SiblingFacts *facts) {
        for (size_t i = 0; i < G_N_ELEMENTS(facts->channel); i++)
                g_clear_pointer(&facts->channel[i], g_free);
}

void sibling_facts_done(SiblingFacts *facts) {
        sibling_facts_forget_channel(facts);
        g_clear_pointer(&facts->counters, g_strfreev);
}

SiblingChannel sibling_facts_get_channel(const SiblingFacts *facts) {
        return (SiblingChannel){ facts->channel[0], facts->channel[1], facts->channel[2], facts->channel[3] };
}

void sibling_facts_visit_counters(const SiblingFacts *facts,
                                  void (*visit)(const char *name, uint64_t value, void *userdata),
                                  void *userdata) {
        for (char **counter = facts->counters; counter && *counter; counter++) {
                g_autofree char *name = g_strdup(*counter);
                char *blank = strchr(name, ' ');

                if (!blank)
                        continue;
                *blank = '\0';
                visit(name, g_ascii_strtoull(blank + 1, NULL, 10), userdata);
        }
}
