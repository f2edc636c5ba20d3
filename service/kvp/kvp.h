/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Key-value pairs: the room's door. Behind it: the engine decides, the store remembers (pool files and redo file), auto
 * knows the guest's facts, and this object connects them with the channel, the gate and whoever watches.
 *
 * The same decision serves the host's message and the D-Bus call. Reads are answered from memory, at once; a change may
 * have to wait for a lock that another program holds on the pool file (LockTimeout=) and completes later.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/config.h"
#include "service/channel/channel.h"
#include "wire/record.h"
#include "wire/status.h"

G_BEGIN_DECLS

typedef struct Kvp Kvp;
typedef struct KvpTicket KvpTicket;

/* Named outcomes, positive; negative results are errnos of ours (disk, memory). */
typedef enum KvpOutcome {
        KVP_OK,
        KVP_E_NOT_FOUND = 1, /* no such key */
        KVP_E_EXISTS,        /* create-only, and the key is there */
        KVP_E_CHANGED,       /* compare-and-set, and the value is another */
        KVP_E_INVALID,       /* empty key, NUL inside, not UTF-8 */
        KVP_E_KEY_TOO_LONG,
        KVP_E_VALUE_TOO_LONG,
        KVP_E_READ_ONLY, /* this speaker may not write this pool */
        KVP_E_FULL,      /* MaximumRecords= */
        KVP_E_BUSY,      /* LockTimeout= went by */
        KVP_E_FROZEN,    /* behind the gate, and no room for a pending entry */
        KVP_E_STORAGE,   /* disk full, file gone, not writable: see the pool's problem */
        _KVP_OUTCOME_MAX,
} KvpOutcome;

typedef enum KvpSpeaker { KVP_SPEAKER_HOST, KVP_SPEAKER_GUEST } KvpSpeaker;

/* Where a change came from: the `origin` of the signal Changed. */
typedef enum KvpOrigin {
        KVP_ORIGIN_HOST,  /* "host" */
        KVP_ORIGIN_BUS,   /* "bus" */
        KVP_ORIGIN_FILE,  /* "file": another program wrote the pool file */
        KVP_ORIGIN_GUEST, /* "guest": a fact of the auto pool changed */
        _KVP_ORIGIN_MAX,
        _KVP_ORIGIN_INVALID = -EINVAL,
} KvpOrigin;
DECLARE_STRING_TABLE_LOOKUP(kvp_origin, KvpOrigin);

/* What changed in one pool since the last call; names only, values never. keys and removed are NULL-terminated; all = more
 * than KVP_CHANGE_NAMES_MAX names (then both are empty), or the whole pool. Valid until the observer calls a kvp_ function. */
#define KVP_CHANGE_NAMES_MAX 256
typedef struct KvpChange {
        KvpPool pool;
        KvpOrigin origin;
        const char *const *keys;
        const char *const *removed;
        bool all;
        bool properties; /* Count, Generation, Writable or Problem changed */
} KvpChange;

typedef struct KvpObserver {
        /* After a change is visible to readers; at most once per loop iteration and pool. */
        void (*changed)(const KvpChange *change, void *userdata);
        /* Registered, lost, a counter of note … : Channels/Statistics/STATUS= may have changed. */
        void (*channel_changed)(void *userdata);
} KvpObserver;

/* How GET_IP_INFO and SET_IP_INFO are served; a table of the network room. Either may
 * be NULL: then the host is told NOT_SUPPORTED. */
typedef struct KvpNetwork {
        /* Fills the reply (KVP_MESSAGE_SIZE bytes). Synchronous, from memory. */
        void (*get_addresses)(const uint8_t *request, uint8_t *reply, void *userdata);
        /* Starts an injection; done(status, done_userdata) is called exactly once, now or later, unless cancel() came first. */
        void (*set_addresses)(const uint8_t *request, void (*done)(WireStatus status, void *done_userdata),
                              void *done_userdata, void *userdata);
        void (*cancel)(void *userdata); /* the request was abandoned by the channel */
        void *userdata;
} KvpNetwork;

/* The ten facts of the auto pool, in the order of their index on the wire. Also a table, so that this room needs to know neither
 * the operating system nor the network. */
typedef enum KvpFact {
        KVP_FACT_FQDN,
        KVP_FACT_INTEGRATION_VERSION, /* never asked for: the driver told it to us */
        KVP_FACT_IPV4,
        KVP_FACT_IPV6,
        KVP_FACT_BUILD_NUMBER,
        KVP_FACT_NAME,
        KVP_FACT_MAJOR_VERSION,
        KVP_FACT_MINOR_VERSION,
        KVP_FACT_VERSION,
        KVP_FACT_ARCHITECTURE,
        _KVP_FACT_MAX,
} KvpFact;

typedef struct KvpFacts {
        /* Never NULL, "" when unknown, valid until the next call. A NULL function: every fact is unknown. */
        const char *(*get)(KvpFact fact, void *userdata);
        void *userdata;
} KvpFacts;

typedef struct KvpSetup {
        const char *channel_path; /* --channel=, NULL = the device */
        const char *state_directory;
        const char *runtime_directory;
        double time_scale;
        const Configuration *configuration; /* borrowed until kvp_reload() */
        KvpObserver observer;
        void *observer_userdata;
        KvpNetwork network;
        KvpFacts facts;
} KvpSetup;

/* Opens pools and redo file as far as they can be, replays; never fails for a missing disk. */
int kvp_new(sd_event *event, const KvpSetup *setup, Kvp **ret);
Kvp *kvp_free(Kvp *kvp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kvp, kvp_free)
/* Starts watching and, as soon as the pools can be written (or after 30 s), registers with the host. */
int kvp_start(Kvp *kvp);
void kvp_reload(Kvp *kvp, const Configuration *configuration);
Channel *kvp_get_channel(Kvp *kvp);
/* Facts may have changed: they are compared with what was last told, differences are reported as origin "guest". */
void kvp_facts_changed(Kvp *kvp);

/* --- reading; revalidated against the file on every call, never blocks --- */

typedef struct KvpPoolInfo {
        const char *file;    /* absolute path; "" for the auto pool */
        const char *problem; /* "" or a sentence */
        uint32_t count;      /* records, duplicates included */
        uint64_t generation; /* grows with each visible change; starts at the boot-unique 1 */
        bool writable; /* by D-Bus callers: false for auto, auto_internal and a file that cannot be written */
        bool world_readable; /* mode of the file has o+r: values may be shown to everybody */
        bool private_names;  /* !world_readable: Changed must not carry names */
} KvpPoolInfo;
void kvp_get_pool_info(Kvp *kvp, KvpPool pool, KvpPoolInfo *ret);

/* The last record with this key. *ret points into the store, NUL-terminated raw bytes, valid until the next call of any
 * kvp_ function. KVP_OK or KVP_E_NOT_FOUND. */
int kvp_get(Kvp *kvp, KvpPool pool, const char *key, const char **ret_value, size_t *ret_size);

/* Visits all records in file order, duplicates included, starting at *index; stops when visit returns false, *index then
 * being the next one. Returns KVP_OK at the end, or KVP_E_CHANGED if the pool's generation is no longer *generation (0 = take
 * the current one), so that long answers can be built in slices. */
typedef bool (*KvpVisit)(const char *key, size_t key_size, const char *value, size_t value_size,
                         void *userdata);
int kvp_visit(Kvp *kvp, KvpPool pool, uint64_t *generation, uint32_t *index, KvpVisit visit, void *userdata);

/* --- changing --- */

typedef enum KvpWriteFlags {
        KVP_WRITE_CREATE_ONLY = 1 << 0, /* KVP_E_EXISTS if the key is there */
        KVP_WRITE_EXPECT =
                1 << 1, /* KVP_E_CHANGED unless the value equals `expected` (KVP_E_NOT_FOUND if missing) */
        KVP_WRITE_LONG =
                1 << 2, /* allow up to 511 and 2,047 bytes although the host sees 254 and 1,022 units */
        _KVP_WRITE_FLAGS_ALL = (1 << 3) - 1,
} KvpWriteFlags;

typedef struct KvpPair {
        const char *key;
        const char *value; /* NULL = remove */
} KvpPair;

#define KVP_PAIRS_MAX 1024

/* The checks that need no disk: speaker, pool, sizes, UTF-8. To be asked before polkit. *ret_count: bytes or UTF-16 units
 * found, for the error's sentence; may be NULL. */
int kvp_check(Kvp *kvp, KvpSpeaker speaker, KvpPool pool, const char *key, const char *value, unsigned flags,
              size_t *ret_count);

/* result: KVP_OK, a positive KvpOutcome or a negative errno; count: records removed by clear. */
typedef void (*KvpDone)(int result, uint32_t count, void *userdata);

/* All pairs under one lock, all or nothing with regard to checks. Calls done exactly once, possibly before it returns, unless
 * the ticket is cancelled. *ret_ticket is NULL if it was called already. n <= KVP_PAIRS_MAX. expected: with KVP_WRITE_EXPECT.
 * Removing a key that is not there: KVP_E_NOT_FOUND. Setting what stands there already: KVP_OK and nothing is written. */
int kvp_write(Kvp *kvp, KvpOrigin origin, KvpPool pool, const KvpPair *pairs, size_t n, const char *expected,
              unsigned flags, KvpDone done, void *userdata, KvpTicket **ret_ticket);
int kvp_clear(Kvp *kvp, KvpOrigin origin, KvpPool pool, KvpDone done, void *userdata, KvpTicket **ret_ticket);
/* done will not be called; what was not written yet will not be. */
KvpTicket *kvp_ticket_cancel(KvpTicket *ticket);

/* --- the quiesce gate --- */

/* Close: from now on no call here touches the disk. done(userdata) when no write or sync is in flight any more (at once or
 * later). Open: pending entries are applied. Idempotent. */
void kvp_gate_close(Kvp *kvp, void (*done)(void *userdata), void *userdata);
void kvp_gate_open(Kvp *kvp);
bool kvp_gate_is_closed(const Kvp *kvp);
/* The link to snapshotd came or went: with it down, the gate follows RUNTIME/frozen. */
void kvp_gate_link(Kvp *kvp, bool connected);

/* --- counters, for Statistics --- */
typedef void (*KvpStatisticVisit)(const char *name, uint64_t value, void *userdata);
void kvp_visit_statistics(Kvp *kvp, KvpStatisticVisit visit, void *userdata);

G_END_DECLS
