/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What changes in the pools, while it changes. Signals carry names, never values (and not even names of a
 * private pool), so the watch keeps a copy of each pool, reads again what a signal points at, and tells the
 * difference. A change that was undone before it could be read is not told.
 *
 * Race-free: it listens before it reads. When the service goes away the copy stays, and is compared with what
 * the service says when it is back.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/client.h"

G_BEGIN_DECLS

typedef struct KvpWatchEvent {
        KvpPool pool;
        uint64_t generation; /* 0 unless initial */
        const char *key;
        const char *value;  /* NULL = removed */
        const char *origin; /* "host", "bus", "file", "guest"; "" = not known */
        bool initial;       /* was there when the watch began */
} KvpWatchEvent;

/* False: that is enough. */
typedef bool (*KvpWatchCallback)(const KvpWatchEvent *event, void *userdata);

typedef struct KvpWatch KvpWatch;

typedef enum KvpWatchFlags {
        KVP_WATCH_MAY_BE_ABSENT =
                1 << 0, /* begin also without a service; what it says when it comes is news */
} KvpWatchFlags;

/* Listens to these pools, then reads them and tells what is there, for keys that match pattern (NULL = all).
 * Of several pools those that may not be read are left out. */
ExitStatus kvp_watch_new(Client *client, const KvpPool *pools, size_t n, const char *pattern, unsigned flags,
                         KvpWatchCallback callback, void *userdata, KvpWatch **ret, Failure *failure);
KvpWatch *kvp_watch_free(KvpWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpWatch, kvp_watch_free)

/* The generation that a pool had when it was first read. */
uint64_t kvp_watch_first_generation(const KvpWatch *watch, KvpPool pool);

/* Until the callback returns false (EXIT_STATUS_OK, possibly at once), the deadline (CLOCK_MONOTONIC,
 * USEC_INFINITY = none; EXIT_STATUS_TIMEOUT), or the bus goes away. */
ExitStatus kvp_watch_run(KvpWatch *watch, uint64_t deadline_usec, Failure *failure);

G_END_DECLS
