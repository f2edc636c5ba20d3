/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The furniture of the room: what the files of the Kvp object share. Each file is one duty:
 *
 *      kvp.c          the door: birth, reading, counters
 *      kvp-host.c     the host's messages: parse, decide, act, reply
 *      kvp-ticket.c   changes: lock, decide, write, and the waiting for locks and syncs
 *      kvp-change.c   what changed, told to the observer; problems, told to the log
 *      kvp-ready.c    when we register; opening pool files again
 *      kvp-watch.c    inotify on the state and the runtime directory
 *      kvp-gate.c     the quiesce gate, pending entries
 *      kvp-sync.c     Sync=
 */

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/kvp/auto.h"
#include "service/kvp/engine.h"
#include "service/kvp/kvp.h"
#include "service/kvp/store.h"
#include "service/kvp/sync.h"
#include "wire/kvp.h"

G_BEGIN_DECLS

typedef enum TicketState {
        TICKET_IDLE,
        TICKET_LOCKING, /* another program holds the file, or an older ticket of this pool does not have it
                           yet */
        TICKET_SYNCING, /* written, not yet on the disk: Sync=always */
} TicketState;

/* One change on its way. The host's is part of the Kvp object and borrows its texts from the request; those
 * of the bus are one piece of memory with their texts behind them. */
struct KvpTicket {
        Kvp *kvp;
        GList link; /* in Kvp.tickets unless idle */
        TicketState state;
        bool embedded;

        KvpSpeaker speaker;
        KvpOrigin origin;
        KvpPool pool;
        bool clear;
        StoreEdit *edits;
        size_t n_edits;
        const char *expected;
        unsigned flags;

        uint64_t deadline_usec; /* LOCKING */
        uint64_t serial;        /* SYNCING */
        uint32_t count;

        KvpDone done;
        void *userdata;
};

/* What the observer and the log were last told about a pool. */
typedef struct PoolTold {
        bool pending; /* something is to be told */
        KvpOrigin origin;
        uint64_t generation;
        uint32_t count;
        bool writable;
        bool failing; /* the last look at the file failed */
        char *problem;
} PoolTold;

typedef struct KvpCounters {
        uint64_t operations[_KVP_OPERATION_MAX];
        uint64_t refusals[_KVP_REFUSAL_MAX];
        uint64_t read_only, lock_timeouts, storage_errors, syncs;
} KvpCounters;

struct Kvp {
        sd_event *event;
        const Configuration *configuration;
        KvpObserver observer;
        void *observer_userdata;
        KvpNetwork network;
        double time_scale;
        char *state_directory, *runtime_directory, *frozen_path;

        Store *store;
        KvpAuto *autos;
        Channel *channel;
        Sync *sync;

        /* kvp-host.c */
        KvpRequest request;
        uint8_t reply[KVP_MESSAGE_SIZE];
        KvpTicket host_ticket;
        StoreEdit host_edit;
        bool injecting;
        LogLimit refusal_limits[_KVP_REFUSAL_MAX];
        LogLimit read_only_limit;
        KvpCounters counters;

        /* kvp-ticket.c */
        GQueue tickets;
        sd_event_source *lock_timer;
        uint64_t lock_delay_usec;
        LogLimit storage_limit;

        /* kvp-change.c */
        PoolTold told[_KVP_POOL_ID_MAX];
        sd_event_source *tell;

        /* kvp-ready.c */
        sd_event_source *ready_timer;
        uint64_t ready_delay_usec, ready_since_usec;
        uint64_t asked_usec, ask_delay_usec, ask_again_usec; /* asked_usec: for the first time */
        bool started, registering, second, all_open;

        /* kvp-watch.c */
        sd_event_source *state_watch, *runtime_watch;
        sd_event_source *rest_timer; /* armed while the state directory's watch rests */

        /* kvp-gate.c */
        sd_event_source *pending_timer;
        uint64_t pending_delay_usec;
        bool linked;
        void (*gate_done)(void *userdata);
        void *gate_userdata;

        /* kvp-sync.c */
        sd_event_source *sync_timer;
        LogLimit sync_limit;
};

/* A one-shot timer that is made on first use and then only moved. */
int kvp_timer_arm(Kvp *kvp, sd_event_source **source, uint64_t usec, sd_event_time_handler_t handler);
void kvp_timer_disarm(sd_event_source *source);
uint64_t kvp_scaled(const Kvp *kvp, uint64_t usec);

/* kvp-host.c */
int kvp_host_init(Kvp *kvp, const char *channel_path);

/* kvp-ticket.c */
/* True if the ticket still waits; otherwise it is finished, and freed if it was the bus's. */
bool kvp_ticket_begin(KvpTicket *ticket);
void kvp_tickets_run(Kvp *kvp);
void kvp_tickets_synced(Kvp *kvp, KvpPool pool, uint64_t serial, int result);
void kvp_tickets_drop(Kvp *kvp);

/* kvp-change.c */
int kvp_change_init(Kvp *kvp);
void kvp_change_done(Kvp *kvp);
/* Looks at the file; what others wrote is noted as theirs. */
int kvp_revalidate(Kvp *kvp, KvpPool pool);
/* The pool changed and the store knows what. */
void kvp_change_note(Kvp *kvp, KvpPool pool, KvpOrigin origin);
/* Tells what is noted under another origin, so that the two are not mixed. */
void kvp_change_settle(Kvp *kvp, KvpPool pool, KvpOrigin origin);
/* Count, Writable or Problem may be different. */
void kvp_change_look(Kvp *kvp);

/* kvp-ready.c */
void kvp_ready_look(Kvp *kvp);
void kvp_ready_soon(Kvp *kvp);

/* kvp-watch.c */
int kvp_watch_runtime(Kvp *kvp);
void kvp_watch_state(Kvp *kvp);
/* We are writing ourselves: the watch on the state directory rests a moment. */
void kvp_watch_rest(Kvp *kvp);

/* kvp-gate.c */
void kvp_gate_follow_mark(Kvp *kvp);
void kvp_gate_apply_pending(Kvp *kvp);
void kvp_gate_maybe_done(Kvp *kvp);

/* kvp-sync.c */
int kvp_sync_init(Kvp *kvp);
/* After a write. Returns 1 and the serial to wait for (Sync=always), 0 if nobody needs to wait. */
int kvp_sync_written(Kvp *kvp, KvpPool pool, uint64_t *ret_serial);
void kvp_sync_hold(Kvp *kvp);
void kvp_sync_resume(Kvp *kvp);

G_END_DECLS
