/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's network adapters and their addresses, from rtnetlink, kept current in memory (libmnl frames the messages).
 * Nothing here asks another process; nothing blocks.
 */

#include <glib.h>
#include <systemd/sd-event.h>

G_BEGIN_DECLS

typedef struct Adapters Adapters;

/* changed is called once per loop iteration in which an address, route or link changed. exclude and primary: globs of
 * interface names (ExcludeInterfaces=, PrimaryInterfaces=), copied. */
int adapters_new(sd_event *event, char *const *exclude, char *const *primary, void (*changed)(void *userdata),
                 void *userdata, Adapters **ret);
Adapters *adapters_free(Adapters *adapters);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Adapters, adapters_free)
void adapters_set_filters(Adapters *adapters, char *const *exclude, char *const *primary);

/* "10.0.0.4;10.0.0.5": the addresses of all reported interfaces, primary ones first, loopback never, whole addresses only and
 * no more than max bytes. family is AF_INET or AF_INET6. Valid until the next call. */
const char *adapters_list_addresses(Adapters *adapters, int family, size_t max);

G_END_DECLS
