/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's network adapters, their addresses and their gateways, from rtnetlink, kept current in memory (libmnl
 * frames the messages). Nothing here asks another process; nothing blocks.
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "service/network/tables.h"
#include "wire/ip.h"

G_BEGIN_DECLS

typedef struct Adapters Adapters;

typedef struct AdaptersSetup {
        const char *sysfs;    /* the folder of net devices; NULL = /sys/class/net */
        char *const *exclude; /* globs of interface names (ExcludeInterfaces=, PrimaryInterfaces=), copied */
        char *const *primary;
        void (*changed)(
                void *userdata); /* once per loop iteration in which an address, route or link changed */
        void *userdata;
} AdaptersSetup;

int adapters_new(sd_event *event, const AdaptersSetup *setup, Adapters **ret);
Adapters *adapters_free(Adapters *adapters);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Adapters, adapters_free)
void adapters_set_filters(Adapters *adapters, char *const *exclude, char *const *primary);

/* "10.0.0.4;10.0.0.5": the addresses of all reported interfaces, primary ones first, loopback never, whole addresses only and
 * no more than max bytes. family is AF_INET or AF_INET6. Valid until the next call. */
const char *adapters_list_addresses(Adapters *adapters, int family, size_t max);

/* Everything that is known, valid until the event loop goes on. */
const NetTables *adapters_get_tables(const Adapters *adapters);

/* False for what ExcludeInterfaces= hides. */
bool adapters_is_reported(const Adapters *adapters, const NetLink *link);

/* Addresses (IPv4 first, link-local IPv6 last), gateways by metric, families; dhcp if an IPv4 address has a lifetime, as
 * leases have. The rest of *ret is left alone. An adapter that is a port and has no address of its own shows those of the
 * interface it is a port of. */
void adapters_describe(const Adapters *adapters, const NetLink *link, IpSettings *ret);

G_END_DECLS
