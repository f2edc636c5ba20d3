/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A change on its way: lock → decide → write → unlock, and with Sync=always → on the disk. Whoever holds the
 * file's lock is waited for by a timer, up to LockTimeout=; the loop goes on meanwhile. Changes of one pool
 * are made in the order in which they were asked for, whoever asked.
 */

#include <errno.h>
#include <string.h>

#include "service/kvp/kvp-internal.h"

/* cloud-init holds its lock for well under a millisecond. */
#define LOCK_DELAY_MIN_USEC (1 * USEC_PER_MSEC)
#define LOCK_DELAY_MAX_USEC (50 * USEC_PER_MSEC)

static void unlink_ticket(KvpTicket *ticket) {
        if (ticket->state == TICKET_IDLE)
                return;
        g_queue_unlink(&ticket->kvp->tickets, &ticket->link);
        ticket->state = TICKET_IDLE;
}

static void free_ticket(KvpTicket *ticket) {
        unlink_ticket(ticket);
        if (!ticket->embedded)
                g_free(ticket);
}

static void enqueue(KvpTicket *ticket, TicketState state) {
        if (ticket->state == TICKET_IDLE) {
                ticket->link.data = ticket;
                g_queue_push_tail_link(&ticket->kvp->tickets, &ticket->link);
        }
        ticket->state = state;
}

/* The ticket is gone before its owner hears of it: the owner may start the next. */
static void finish(KvpTicket *ticket, int result) {
        KvpDone done = ticket->done;
        void *userdata = ticket->userdata;
        uint32_t count = ticket->count;

        free_ticket(ticket);
        done(result, count, userdata);
}

/* --- one attempt --- */

static void report_storage(Kvp *kvp, KvpPool pool, int error) {
        uint64_t more;

        kvp->counters.storage_errors++;
        kvp_change_look(kvp);
        kvp_ready_soon(kvp);
        if (!log_limit_pass(&kvp->storage_limit, now_usec(CLOCK_MONOTONIC), &more))
                return;
        log_event(LOG_ERR, HVUTILS_MESSAGE_POOL_PROBLEM,
                  LOG_FIELDS(HVUTILS_FIELD_POOL, kvp_pool_to_string(pool)),
                  "Cannot write pool %s, the change was refused: %s.", kvp_pool_to_string(pool),
                  g_strerror(-error));
}

static KvpDecision decide_edit(const KvpTicket *ticket, const StoreEdit *edit) {
        KvpQuestion question = {
                .speaker = ticket->speaker,
                .operation = edit->value ? KVP_OPERATION_SET : KVP_OPERATION_REMOVE,
                .pool = ticket->pool,
                .value = edit->value,
                .value_size = edit->value_size,
                .expected = ticket->expected,
                .flags = ticket->flags,
        };
        KvpView view = { .host_writes = ticket->kvp->configuration->kvp.host_writes };

        if (store_get(ticket->kvp->store, ticket->pool, edit->key, edit->key_size, &view.current,
                      &view.current_size) < 0)
                view.current = NULL;
        return kvp_engine_decide(&question, &view);
}

/* KVP_OK with *ret_effect if something is to be written. Among several pairs, one that is gone already is no
 * mistake. */
static KvpOutcome decide(const KvpTicket *ticket, bool *ret_effect) {
        bool effect = ticket->clear;

        for (size_t i = 0; i < ticket->n_edits; i++) {
                KvpDecision decision = decide_edit(ticket, &ticket->edits[i]);

                if (decision.outcome == KVP_E_NOT_FOUND && ticket->n_edits > 1)
                        continue;
                if (decision.outcome != KVP_OK)
                        return decision.outcome;
                effect |= decision.effect != KVP_EFFECT_NONE;
        }
        *ret_effect = effect;
        return KVP_OK;
}

static int act(KvpTicket *ticket) {
        Kvp *kvp = ticket->kvp;
        int r;

        r = ticket->clear ? store_clear(kvp->store, ticket->pool)
                          : store_apply(kvp->store, ticket->pool, ticket->edits, ticket->n_edits);
        if (r < 0) {
                KvpOutcome outcome = kvp_engine_outcome_of_errno(r);

                if (outcome == KVP_E_STORAGE)
                        report_storage(kvp, ticket->pool, r);
                return outcome;
        }
        ticket->count = (uint32_t)r;
        if (r > 0) {
                kvp_watch_rest(kvp);
                kvp_change_note(kvp, ticket->pool, ticket->origin);
        }
        return KVP_OK;
}

static int decide_and_act(KvpTicket *ticket) {
        bool effect = false;
        KvpOutcome outcome = decide(ticket, &effect);

        return outcome == KVP_OK && effect ? act(ticket) : (int)outcome;
}

/* What others wrote before we had the lock is theirs, and told before ours. Changes of one origin in a row
 * are told together; what others slipped in between makes that one telling theirs. */
static int lock(Kvp *kvp, KvpPool pool, KvpOrigin origin) {
        StorePoolInfo before, after;
        int r;

        kvp_change_settle(kvp, pool, origin);
        store_get_pool_info(kvp->store, pool, &before);
        r = store_lock(kvp->store, pool);
        if (r < 0)
                return r;
        store_get_pool_info(kvp->store, pool, &after);
        if (after.generation != before.generation)
                kvp_change_note(kvp, pool, KVP_ORIGIN_FILE);
        kvp_change_settle(kvp, pool, origin);
        return 0;
}

/* Returns -EAGAIN if the lock is not to be had, 1 if the ticket waits for the disk, 0 if it is finished. */
static int attempt(KvpTicket *ticket) {
        Kvp *kvp = ticket->kvp;
        int result, r;

        r = lock(kvp, ticket->pool, ticket->origin);
        if (r == -EAGAIN)
                return r;
        if (r < 0) {
                report_storage(kvp, ticket->pool, r);
                finish(ticket, KVP_E_STORAGE);
                return 0;
        }
        result = decide_and_act(ticket);
        store_unlock(kvp->store, ticket->pool);

        if (result == KVP_OK && ticket->count > 0 &&
            kvp_sync_written(kvp, ticket->pool, &ticket->serial) > 0) {
                enqueue(ticket, TICKET_SYNCING);
                return 1;
        }
        finish(ticket, result);
        return 0;
}

/* --- waiting --- */

static KvpTicket *first_locking(Kvp *kvp, unsigned except_pools) {
        for (GList *i = kvp->tickets.head; i; i = i->next) {
                KvpTicket *ticket = i->data;

                if (ticket->state == TICKET_LOCKING && !(except_pools & 1U << ticket->pool))
                        return ticket;
        }
        return NULL;
}

static bool pool_has_queue(Kvp *kvp, KvpPool pool) {
        return first_locking(kvp, ~(1U << pool)) != NULL;
}

static KvpTicket *first_expired(Kvp *kvp, uint64_t now) {
        for (GList *i = kvp->tickets.head; i; i = i->next) {
                KvpTicket *ticket = i->data;

                if (ticket->state == TICKET_LOCKING && ticket->deadline_usec <= now)
                        return ticket;
        }
        return NULL;
}

static void expire(Kvp *kvp) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);
        KvpTicket *ticket;

        while ((ticket = first_expired(kvp, now))) {
                kvp->counters.lock_timeouts++;
                finish(ticket, KVP_E_BUSY);
        }
}

static int on_lock_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        kvp_tickets_run(userdata);
        return 0;
}

static void wait_for_lock(Kvp *kvp) {
        if (!first_locking(kvp, 0)) {
                kvp->lock_delay_usec = 0;
                kvp_timer_disarm(kvp->lock_timer);
                return;
        }
        kvp->lock_delay_usec = CLAMP(kvp->lock_delay_usec * 2, LOCK_DELAY_MIN_USEC, LOCK_DELAY_MAX_USEC);
        (void)kvp_timer_arm(kvp, &kvp->lock_timer, kvp->lock_delay_usec, on_lock_timer);
}

void kvp_tickets_run(Kvp *kvp) {
        unsigned held = 0;
        KvpTicket *ticket;

        while ((ticket = first_locking(kvp, held))) {
                KvpPool pool = ticket->pool;

                if (attempt(ticket) == -EAGAIN)
                        held |= 1U << pool;
        }
        expire(kvp);
        wait_for_lock(kvp);
}

bool kvp_ticket_begin(KvpTicket *ticket) {
        Kvp *kvp = ticket->kvp;
        int r = -EAGAIN;

        if (!pool_has_queue(kvp, ticket->pool))
                r = attempt(ticket);
        if (r != -EAGAIN)
                return r > 0;

        ticket->deadline_usec =
                now_usec(CLOCK_MONOTONIC) + kvp_scaled(kvp, kvp->configuration->kvp.lock_timeout_usec);
        enqueue(ticket, TICKET_LOCKING);
        wait_for_lock(kvp);
        return true;
}

static KvpTicket *first_synced(Kvp *kvp, KvpPool pool, uint64_t serial) {
        for (GList *i = kvp->tickets.head; i; i = i->next) {
                KvpTicket *ticket = i->data;

                if (ticket->state == TICKET_SYNCING && ticket->pool == pool && ticket->serial <= serial)
                        return ticket;
        }
        return NULL;
}

void kvp_tickets_synced(Kvp *kvp, KvpPool pool, uint64_t serial, int result) {
        KvpTicket *ticket;

        while ((ticket = first_synced(kvp, pool, serial)))
                finish(ticket, result < 0 ? KVP_E_STORAGE : KVP_OK);
}

KvpTicket *kvp_ticket_cancel(KvpTicket *ticket) {
        if (ticket)
                free_ticket(ticket);
        return NULL;
}

void kvp_tickets_drop(Kvp *kvp) {
        while (kvp->tickets.head)
                free_ticket(kvp->tickets.head->data);
}

/* --- the bus's tickets --- */

static size_t text_size(const char *text) {
        return text ? strlen(text) + 1 : 0;
}

static const char *put_text(char **at, const char *text) {
        const char *copy = *at;
        size_t n = text_size(text);

        if (!text)
                return NULL;
        memcpy(*at, text, n);
        *at += n;
        return copy;
}

/* The ticket, its edits and all their texts in one piece. */
static KvpTicket *new_ticket(Kvp *kvp, const KvpPair *pairs, size_t n, const char *expected) {
        size_t size = sizeof(KvpTicket) + n * sizeof(StoreEdit) + text_size(expected);
        KvpTicket *ticket;
        char *at;

        for (size_t i = 0; i < n; i++)
                size += text_size(pairs[i].key) + text_size(pairs[i].value);

        ticket = g_malloc0(size);
        ticket->kvp = kvp;
        ticket->edits = (StoreEdit *)(ticket + 1);
        ticket->n_edits = n;
        at = (char *)(ticket->edits + n);
        ticket->expected = put_text(&at, expected);
        for (size_t i = 0; i < n; i++)
                ticket->edits[i] = (StoreEdit){
                        .key = put_text(&at, pairs[i].key),
                        .key_size = strlen(pairs[i].key),
                        .value = put_text(&at, pairs[i].value),
                        .value_size = pairs[i].value ? strlen(pairs[i].value) : 0,
                };
        return ticket;
}

static int check_all(Kvp *kvp, KvpPool pool, const KvpPair *pairs, size_t n, unsigned flags) {
        for (size_t i = 0; i < n; i++) {
                int r = kvp_check(kvp, KVP_SPEAKER_GUEST, pool, pairs[i].key, pairs[i].value, flags, NULL);

                if (r != KVP_OK)
                        return r;
        }
        return KVP_OK;
}

int kvp_write(Kvp *kvp, KvpOrigin origin, KvpPool pool, const KvpPair *pairs, size_t n, const char *expected,
              unsigned flags, KvpDone done, void *userdata, KvpTicket **ret_ticket) {
        KvpTicket *ticket;
        int r;

        g_assert(n <= KVP_PAIRS_MAX);
        g_assert(!(flags & KVP_WRITE_EXPECT) || expected);

        *ret_ticket = NULL;
        r = check_all(kvp, pool, pairs, n, flags);
        if (r != KVP_OK || n == 0) {
                done(r, 0, userdata);
                return 0;
        }

        ticket = new_ticket(kvp, pairs, n, expected);
        ticket->speaker = KVP_SPEAKER_GUEST;
        ticket->origin = origin;
        ticket->pool = pool;
        ticket->flags = flags;
        ticket->done = done;
        ticket->userdata = userdata;
        if (kvp_ticket_begin(ticket))
                *ret_ticket = ticket;
        return 0;
}

int kvp_clear(Kvp *kvp, KvpOrigin origin, KvpPool pool, KvpDone done, void *userdata,
              KvpTicket **ret_ticket) {
        KvpTicket *ticket;
        int r;

        *ret_ticket = NULL;
        r = kvp_engine_permit(KVP_SPEAKER_GUEST, KVP_OPERATION_REMOVE, pool, true);
        if (r != KVP_OK) {
                done(r, 0, userdata);
                return 0;
        }

        ticket = new_ticket(kvp, NULL, 0, NULL);
        ticket->speaker = KVP_SPEAKER_GUEST;
        ticket->origin = origin;
        ticket->pool = pool;
        ticket->clear = true;
        ticket->done = done;
        ticket->userdata = userdata;
        if (kvp_ticket_begin(ticket))
                *ret_ticket = ticket;
        return 0;
}
