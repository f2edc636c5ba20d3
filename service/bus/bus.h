/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The service on the system bus: the only room with sd-bus vtables. It shows what the engines know, asks
 * polkit before anything changes, and translates outcomes into org.hyperv.Utils.Error.*. The contract is
 * dbus/ (XML), compared with the code by a test.
 *
 * The bus may be absent, may die and come back any number of times: then the connection with all slots and
 * pending questions is dropped and a new one is tried (100 ms doubling to 5 s, sd_bus_set_watch_bind). No
 * call here ever waits for the bus: no synchronous sd-bus call, every vtable member is
 * SD_BUS_VTABLE_UNPRIVILEGED.
 */

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "common/config.h"
#include "service/kvp/kvp.h"
#include "service/network/network.h"
#include "service/siblings/snapshots.h"
#include "service/siblings/transfers.h"

G_BEGIN_DECLS

typedef struct Bus Bus;

typedef struct BusSetup {
        const char *address; /* --bus=, NULL = $DBUS_SYSTEM_BUS_ADDRESS or the system bus */
        double time_scale;
        Kvp *kvp;                                       /* borrowed */
        Snapshots *snapshots;                           /* borrowed; may be NULL: no snapshots */
        Transfers *transfers;                           /* borrowed; may be NULL: no transfers */
        Network *network;                               /* borrowed; NULL: nothing is known about adapters */
        int (*reload)(void *userdata);                  /* ReloadConfiguration(), already authorised */
        void (*fqdn)(const char *fqdn, void *userdata); /* what hostnamed (StaticHostname with a dot) or
                                                           resolved know; NULL = nothing */
        void *userdata;
} BusSetup;

int bus_new(sd_event *event, const BusSetup *setup, Bus **ret);
Bus *bus_free(Bus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bus, bus_free)
int bus_start(Bus *bus);

/* What changed, from the engines; coalesced, sent when the loop is idle. Safe while there is no bus. */
void bus_kvp_changed(Bus *bus, const KvpChange *change);
void bus_channel_changed(Bus *bus);
/* PrepareForSnapshot, at once and not coalesced: somebody is waiting to hear it. */
void bus_prepare_for_snapshot(Bus *bus, bool beginning);
void bus_snapshots_changed(Bus *bus);
void bus_snapshot_changed(Bus *bus, const Snapshot *snapshot, bool is_new);
void bus_snapshot_removed(Bus *bus, uint64_t id);
/* AllowedRoots, Active. */
void bus_transfers_changed(Bus *bus);
void bus_transfer_changed(Bus *bus, const Transfer *transfer, bool is_new);
void bus_transfer_removed(Bus *bus, uint64_t id);
void bus_network_changed(Bus *bus);

G_END_DECLS
