/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The room's furniture: what connection, objects and authorization share. */

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "service/bus/bus.h"
#include "service/bus/configurator-calls.h"
#include "service/bus/limit.h"
#include "service/bus/pool-changes.h"
#include "service/bus/question.h"
#include "service/bus/object-changes.h"
#include "service/bus/stack-follow.h"

G_BEGIN_DECLS

typedef struct PoolObject {
        Bus *bus;
        KvpPool pool;
        const char *name; /* "guest" */
        char *path;       /* "/org/hyperv/Utils/kvp/guest" */
} PoolObject;

struct Bus {
        sd_event *event;
        char *address;
        BusSetup setup; /* address is ours, the rest borrowed */

        sd_bus *connection; /* NULL between two tries */
        bool connected;     /* Hello was answered: something may be sent */
        sd_event_source *retry;
        uint64_t backoff_usec;
        uint64_t connections; /* how often connected, for Statistics */

        PoolObject pools[_KVP_POOL_ID_MAX];
        BusLimits *limits;
        QuestionRegistry *questions;
        BusChanges *changes;
        GHashTable *writes;   /* PoolWrite, a set */
        GHashTable *listings; /* PoolListing, a set */
        ObjectChanges *snapshot_changes, *transfer_changes;
        GHashTable *snapshot_calls; /* SnapshotCall, a set */
        GHashTable *transfer_calls; /* TransferCall, a set */
        GHashTable *freezes;        /* unique name -> Freeze */
        char *fqdn;                 /* what was last told */
        ConfiguratorCalls *configurators;
        StackFollow *stacks;         /* NULL without a network */
        GHashTable *adapter_objects; /* GUID -> AdapterObject */
        GHashTable *adapter_jobs;    /* AdapterJob, a set */
};

/* True if a signal may be sent now; false without a bus and while our write queue is long, because the bus is
 * stopped. */
bool bus_may_signal(const Bus *bus);
/* An error of sending: a full queue costs us the connection. */
void bus_sending_failed(Bus *bus, int r);

G_END_DECLS
