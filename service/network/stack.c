/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/stack.h"

#include <string.h>

struct Stack {
        GArray *sources[_STACK_SOURCE_MAX]; /* StackEntry */
};

Stack *stack_new(void) {
        Stack *stack = g_new0(Stack, 1);

        for (int source = 0; source < _STACK_SOURCE_MAX; source++)
                stack->sources[source] = g_array_new(FALSE, FALSE, sizeof(StackEntry));
        return stack;
}

Stack *stack_free(Stack *stack) {
        if (!stack)
                return NULL;
        for (int source = 0; source < _STACK_SOURCE_MAX; source++)
                g_array_unref(stack->sources[source]);
        g_free(stack);
        return NULL;
}

bool stack_replace(Stack *stack, StackSource source, const StackEntry *entries, size_t n) {
        GArray *known = stack->sources[source];

        if (known->len == n && (n == 0 || memcmp(known->data, entries, n * sizeof *entries) == 0))
                return false;
        g_array_set_size(known, 0);
        if (n > 0)
                g_array_append_vals(known, entries, (guint) n);
        return true;
}

static bool is_about(const StackEntry *entry, const NetLink *link) {
        return entry->index != 0 ? entry->index == link->index
                                 : entry->name[0] != '\0' && strcmp(entry->name, link->name) == 0;
}

static bool is_about_all(const StackEntry *entry) {
        return entry->index == 0 && entry->name[0] == '\0';
}

static void add_dns(const StackEntry *entry, IpSettings *settings) {
        for (size_t i = 0; i < entry->n_dns && settings->n_dns < IP_DNS_MAX; i++)
                settings->dns[settings->n_dns++] = entry->dns[i];
}

void stack_describe(const Stack *stack, const NetLink *link, IpSettings *settings) {
        /* First those who know this interface, then those who know a server for all. */
        for (int all = 0; all <= 1 && settings->n_dns == 0; all++)
                for (int source = 0; source < _STACK_SOURCE_MAX && settings->n_dns == 0; source++)
                        for (guint i = 0; i < stack->sources[source]->len; i++) {
                                const StackEntry *entry =
                                        &g_array_index(stack->sources[source], StackEntry, i);

                                if (all ? !is_about_all(entry) : !is_about(entry, link))
                                        continue;
                                settings->dhcp |= entry->dhcp;
                                add_dns(entry, settings);
                        }
        if (settings->dhcp)
                settings->families |= 1;
}
