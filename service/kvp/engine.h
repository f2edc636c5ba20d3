/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The law of key-value pairs, pure: who may do what to which pool, and what a change means for what stands
 * there. The same decision serves the host's message and the call on the bus; nothing here reads, writes or
 * allocates.
 *
 * Rights (protocol: pools and their twins in a Windows guest's registry):
 *
 *                          host              guest (D-Bus)
 *      0 external          read, write *     read, write
 *      1 guest             read              read, write
 *      2 auto              read              read
 *      3 auto_external     read, write *     read, write
 *      4 auto_internal     –                 read
 *
 *      * unless HostWrites=no
 *
 * Pool 4 is never exchanged with a host: it finds that pool empty, as it would find the older daemon's unused
 * file. No host is known to write pool 1; one that tries is refused. The guest may write the host's pools 0
 * and 3 (there is a polkit action of its own for that), because programs that stage what "the host said"
 * exist.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "service/kvp/kvp.h"
#include "wire/kvp.h"
#include "wire/record.h"
#include "wire/status.h"

G_BEGIN_DECLS

typedef enum KvpRight {
        KVP_RIGHT_NONE = 0,
        KVP_RIGHT_READ = 1 << 0,
        KVP_RIGHT_WRITE = 1 << 1,
} KvpRight;

/* What this speaker may do to this pool. */
unsigned kvp_engine_rights(KvpSpeaker speaker, KvpPool pool, bool host_writes);

/* One wish. The key is not part of it: the view says what stands under the key. */
typedef struct KvpQuestion {
        KvpSpeaker speaker;
        KvpOperation operation; /* *_ADDRESSES have no pool and are not decided here */
        KvpPool pool;
        const char *value; /* SET */
        size_t value_size;
        const char *expected; /* with KVP_WRITE_EXPECT */
        unsigned flags;       /* KvpWriteFlags */
} KvpQuestion;

/* What is known at the moment of the decision; for a change that is under the lock. */
typedef struct KvpView {
        bool host_writes;
        const char *current; /* the value under the key (or index), NULL if there is none */
        size_t current_size;
} KvpView;

typedef enum KvpEffect {
        KVP_EFFECT_NONE,   /* answer, nothing else */
        KVP_EFFECT_SHOW,   /* answer with what stands there */
        KVP_EFFECT_PUT,    /* write the value */
        KVP_EFFECT_REMOVE, /* remove every record with the key */
} KvpEffect;

typedef struct KvpDecision {
        KvpOutcome outcome;
        KvpEffect effect;
} KvpDecision;

KvpDecision kvp_engine_decide(const KvpQuestion *question, const KvpView *view);

/* May it be done at all, whatever stands there? KVP_OK, KVP_E_NOT_FOUND (a pool the speaker does not see),
 * KVP_E_READ_ONLY. Asked before a lock is taken. */
KvpOutcome kvp_engine_permit(KvpSpeaker speaker, KvpOperation operation, KvpPool pool, bool host_writes);

/* Key and value as a guest's program may set them: sizes, NUL, UTF-8. value NULL: a removal. *ret_count:
 * bytes or UTF-16 units found, when too long; may be NULL. */
KvpOutcome kvp_engine_check_text(const char *key, const char *value, unsigned flags, size_t *ret_count);

/* What the host is told. Unlike upstream, which says "no more items" for whatever went wrong with a SET. */
WireStatus kvp_engine_status(int result);

/* How an errno of the store is called. */
KvpOutcome kvp_engine_outcome_of_errno(int error);

G_END_DECLS
