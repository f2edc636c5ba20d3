/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Outcomes and errnos become org.hyperv.Utils.Error.* here and nowhere else, each with a sentence that says
 * what was wanted and what stood in the way. All functions return the negative errno that an sd-bus handler
 * returns. */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "service/bus/limit.h"
#include "service/kvp/kvp.h"

G_BEGIN_DECLS

/* What the caller wanted, for the sentence. Everything may be NULL but the pool. */
typedef struct KvpWish {
        const char *pool; /* its name */
        const char *key;
        const char *value;
        unsigned flags;      /* KvpWriteFlags */
        const char *problem; /* of the pool */
} KvpWish;

/* result: a KvpOutcome other than KVP_OK, or a negative errno. */
int bus_error_kvp(sd_bus_error *error, int result, const KvpWish *wish);
int bus_error_limit(sd_bus_error *error, BusLimit limit);
int bus_error_many(sd_bus_error *error, size_t n);
int bus_error_too_large(sd_bus_error *error, const char *pool);
int bus_error_invalid(sd_bus_error *error, const char *sentence);
int bus_error_errno(sd_bus_error *error, int r, const char *what);

int bus_error_snapshot_unavailable(sd_bus_error *error);
int bus_error_not_owner(sd_bus_error *error);
int bus_error_preparing(sd_bus_error *error);
int bus_error_inhibitors(sd_bus_error *error);
/* What snapshotd answered; its own sentence if it has one. */
int bus_error_snapshot(sd_bus_error *error, int result, const char *sentence);

/* What transferd answered; its own sentence if it has one. */
int bus_error_transfer(sd_bus_error *error, int result, const char *sentence);

/* Why a call was not authorized. */
typedef enum BusDenial {
        BUS_DENIAL_NO,        /* polkit said no */
        BUS_DENIAL_PASSWORD,  /* it wants a password, and the caller did not allow us to have it asked for */
        BUS_DENIAL_DISMISSED, /* nobody authenticated */
        BUS_DENIAL_NOBODY,    /* polkit is absent, broken, or does not know the action */
        BUS_DENIAL_TIME,      /* no answer in time */
        BUS_DENIAL_FROZEN, /* no answer within the little time that there is while file systems are frozen */
        _BUS_DENIAL_MAX,
} BusDenial;
int bus_error_denied(sd_bus_error *error, BusDenial denial, const char *action, const char *pool,
                     const char *key);
const char *bus_denial_reason(BusDenial denial);

G_END_DECLS
