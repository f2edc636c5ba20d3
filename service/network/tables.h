/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel told us about links, addresses and default routes: three tables, fed with rtnetlink(7)
 * messages of a dump or of the news alike.
 *
 * An adapter of the host is a link whose parent device has a `device_id` in sysfs, its GUID; only the
 * synthetic device has one. With SR-IOV a second device, the virtual function, has the same MAC and is
 * enslaved to it: it carries no addresses and is never what the host means.
 */

#include <glib.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct NetLink {
        unsigned index, flags, master;
        bool vmbus; /* by IFLA_PARENT_DEV_BUS_NAME (Linux 5.14) or because it has a GUID */
        bool has_mac;
        uint8_t mac[6], permanent[6];
        char name[IFNAMSIZ];
        char guid[37]; /* lower case, no braces; "" if it is no adapter of the host */
} NetLink;

typedef struct NetAddress {
        unsigned index;
        uint32_t flags;
        uint8_t family, scope, prefix;
        uint8_t bytes[16];
} NetAddress;

/* A way out: the default route's next hop. A route with several is several entries. */
typedef struct NetRoute {
        unsigned index;
        uint32_t table, metric;
        uint8_t family;
        uint8_t gateway[16], source[16];
} NetRoute;

typedef struct NetTables {
        GArray *links;     /* NetLink */
        GArray *addresses; /* NetAddress, in the order of their arrival, which is the kernel's */
        GArray *routes;    /* NetRoute */
} NetTables;

void net_tables_init(NetTables *tables);
void net_tables_done(NetTables *tables);
void net_tables_clear(NetTables *tables);

/* True if a table is another one now. sysfs: the folder of net devices, /sys/class/net. */
bool net_tables_take(NetTables *tables, const struct nlmsghdr *header, const char *sysfs);

const NetLink *net_tables_find(const NetTables *tables, unsigned index);
/* The link that the host means by this MAC: one with a GUID before others, never one that is enslaved to
 * another with the same MAC. */
const NetLink *net_tables_find_mac(const NetTables *tables, const uint8_t mac[6]);
const NetLink *net_tables_find_guid(const NetTables *tables, const char *guid);

/* Nobody can reach a tentative address, or one of the host scope. */
bool net_address_is_usable(const NetAddress *address);
bool net_address_is_link_local(const NetAddress *address);

G_END_DECLS
