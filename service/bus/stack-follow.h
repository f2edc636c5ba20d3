/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What network stacks say on the bus, for the network room: name servers and DHCP of NetworkManager, name servers of
 * resolved; whether systemd is still booting the guest; and when a configurator or a stack appears. Everything is asked
 * asynchronously, nobody is started for it, and nobody is asked twice at once.
 */

#include <systemd/sd-bus.h>

#include "service/bus/bus.h"

G_BEGIN_DECLS

typedef struct StackFollow StackFollow;

StackFollow *stack_follow_new(Bus *bus);
StackFollow *stack_follow_free(StackFollow *follow);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StackFollow, stack_follow_free)

/* On a new connection. */
int stack_follow_start(StackFollow *follow);
/* The connection ended; what was said stays known until somebody says something else. */
void stack_follow_drop(StackFollow *follow);
/* Links or addresses changed: resolved does not tell when its servers do. */
void stack_follow_refresh(StackFollow *follow);

/* networkmanager.c: the answer of GetManagedObjects as entries (StackEntry). */
int networkmanager_read(sd_bus_message *m, GArray *entries);

G_END_DECLS
