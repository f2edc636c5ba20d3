/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Key-value pairs as the verbs see them. Behind one table of operations stand two worlds: the service on the
 * bus (kvp-bus.c) and, with --root=DIR, the pool files of another system (kvp-offline.c). Verbs are written
 * once.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/complain.h"
#include "cli/options.h"
#include "wire/record.h"

G_BEGIN_DECLS

typedef struct KvpEntry {
        KvpPool pool;
        uint64_t generation; /* of the pool when the entry was read; 0 = not asked for */
        char *key;           /* valid UTF-8, as is the value */
        char *value;
} KvpEntry;

void kvp_entry_done(KvpEntry *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KvpEntry, kvp_entry_done)

typedef struct KvpEntries KvpEntries;
KvpEntries *kvp_entries_new(void);
KvpEntries *kvp_entries_free(KvpEntries *entries);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpEntries, kvp_entries_free)
void kvp_entries_add(KvpEntries *entries, KvpPool pool, uint64_t generation, const char *key,
                     const char *value);
size_t kvp_entries_count(const KvpEntries *entries);
const KvpEntry *kvp_entries_get(const KvpEntries *entries, size_t index);

/* How a value is set; the numbers are those of SetIf on the bus. */
typedef enum KvpSetFlags {
        KVP_SET_CREATE_ONLY = 1 << 0,
        KVP_SET_EXPECT = 1 << 1,
        KVP_SET_LONG = 1 << 2,
} KvpSetFlags;

typedef enum KvpListFlags {
        KVP_LIST_RAW = 1 << 0,
        KVP_LIST_ASK = 1 << 1, /* for a password, if the pool may not be read without */
} KvpListFlags;

#define KVP_SET_MANY_MAX 1024

typedef struct KvpBackend KvpBackend;

typedef struct KvpOperations {
        KvpBackend *(*free)(KvpBackend *backend);
        /* All pairs of a pool; the last record of a key counts, unless raw: then every record in file order.
         */
        ExitStatus (*list)(KvpBackend *backend, KvpPool pool, unsigned flags, KvpEntries *entries,
                           Failure *failure);
        /* The first of the pools that has the key. A pool that may not be read is passed over unless it is
         * the only one, and asked again, with a password if need be, when no other has the key. */
        ExitStatus (*find)(KvpBackend *backend, const KvpPool *pools, size_t n, const char *key,
                           bool generation, KvpEntry *ret, Failure *failure);
        ExitStatus (*set)(KvpBackend *backend, KvpPool pool, const char *key, const char *value,
                          const char *expected, unsigned flags, Failure *failure);
        /* At most KVP_SET_MANY_MAX, all or none; of two entries with one key the later counts. */
        ExitStatus (*set_many)(KvpBackend *backend, KvpPool pool, const KvpEntries *entries,
                               Failure *failure);
        ExitStatus (*remove)(KvpBackend *backend, KvpPool pool, const char *key, Failure *failure);
        ExitStatus (*clear)(KvpBackend *backend, KvpPool pool, uint32_t *ret_count, Failure *failure);
} KvpOperations;

struct KvpBackend {
        const KvpOperations *operations;
};

/* The world that the options name. */
ExitStatus kvp_backend_new(const Options *options, KvpBackend **ret, Failure *failure);
KvpBackend *kvp_backend_free(KvpBackend *backend);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpBackend, kvp_backend_free)

/* Where `get`, `wait` and `list` look without --pool, in this order: what the host says, then what the guest
 * says. */
extern const KvpPool kvp_search_order[];
extern const size_t kvp_search_order_count;
/* The pools that the options name: the one of --pool, or the search order. */
size_t kvp_pools_of(const Options *options, const KvpPool **ret);

/* Checks that need neither disk nor bus; the sentences name counts and limits. */
ExitStatus kvp_check_key(const char *key, unsigned flags, Failure *failure);
ExitStatus kvp_check_value(const char *value, unsigned flags, Failure *failure);

G_END_DECLS
