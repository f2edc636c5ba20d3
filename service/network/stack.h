/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What network stacks know and the kernel does not: name servers, and whether IPv4 comes from DHCP. The bus room asks
 * NetworkManager and resolved, asynchronously, and puts all that one of them said here at once; it stays until the same
 * source says something else or is gone.
 */

#include <glib.h>
#include <net/if.h>

#include "service/network/tables.h"
#include "wire/ip.h"

G_BEGIN_DECLS

/* In the order in which they are believed. */
typedef enum StackSource { STACK_NETWORK_MANAGER, STACK_RESOLVED, _STACK_SOURCE_MAX } StackSource;

typedef struct StackEntry {
        unsigned index;      /* of the interface, if the source names it so; 0 and no name: all interfaces */
        char name[IFNAMSIZ]; /* or its name */
        bool dhcp;           /* IPv4 from DHCP */
        size_t n_dns;
        IpAddress dns[IP_DNS_MAX];
} StackEntry;

typedef struct Stack Stack;

Stack *stack_new(void);
Stack *stack_free(Stack *stack);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stack, stack_free)

/* entries: of StackEntry, borrowed. n 0: the source is gone. True if that is something else than before. */
bool stack_replace(Stack *stack, StackSource source, const StackEntry *entries, size_t n);

/* Adds name servers and DHCP; dns stays empty if nobody knows. */
void stack_describe(const Stack *stack, const NetLink *link, IpSettings *settings);

G_END_DECLS
