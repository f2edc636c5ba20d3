/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The quiesce gate. While file systems are frozen a write to one of them does not return, and the process
 * that sleeps in it cannot be killed; so behind the closed gate nothing here touches the disk. Changes stand
 * as pending entries in the redo file (a tmpfs), are answered and are readable at once, and are applied when
 * the gate opens.
 *
 * Who moves it: the link to snapshotd while it is up; while it is down, the file RUNTIME/frozen, which
 * snapshotd writes before its first freeze and whoever thaws last removes.
 */

#include <errno.h>
#include <unistd.h>

#include "service/kvp/kvp-internal.h"

#define PENDING_DELAY_MIN_USEC (100 * USEC_PER_MSEC)
#define PENDING_DELAY_MAX_USEC (1 * USEC_PER_SEC)

bool kvp_gate_is_closed(const Kvp *kvp) {
        return store_is_closed(kvp->store);
}

static bool gate_marked(const Kvp *kvp) {
        return access(kvp->frozen_path, F_OK) == 0;
}

void kvp_gate_maybe_done(Kvp *kvp) {
        void (*done)(void *) = kvp->gate_done;

        if (!done || !sync_is_idle(kvp->sync))
                return;
        kvp->gate_done = NULL;
        done(kvp->gate_userdata);
}

static void close_gate(Kvp *kvp) {
        if (kvp_gate_is_closed(kvp))
                return;
        store_set_closed(kvp->store, true);
        kvp_timer_disarm(kvp->pending_timer);
        kvp_sync_hold(kvp);
        /* No lock is needed any more: whoever waits for one becomes pending. */
        kvp_tickets_run(kvp);
}

void kvp_gate_close(Kvp *kvp, void (*done)(void *userdata), void *userdata) {
        close_gate(kvp);
        kvp->gate_done = done;
        kvp->gate_userdata = userdata;
        kvp_gate_maybe_done(kvp);
}

static int on_pending_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        kvp_gate_apply_pending(userdata);
        return 0;
}

void kvp_gate_apply_pending(Kvp *kvp) {
        int left = store_apply_pending(kvp->store);

        kvp_change_look(kvp);
        kvp_sync_resume(kvp);
        if (left <= 0) {
                kvp->pending_delay_usec = 0;
                return;
        }
        kvp->pending_delay_usec =
                CLAMP(kvp->pending_delay_usec * 2, PENDING_DELAY_MIN_USEC, PENDING_DELAY_MAX_USEC);
        (void) kvp_timer_arm(kvp, &kvp->pending_timer, kvp->pending_delay_usec, on_pending_timer);
}

void kvp_gate_open(Kvp *kvp) {
        kvp->gate_done = NULL;
        if (!kvp_gate_is_closed(kvp))
                return;
        store_set_closed(kvp->store, false);
        kvp_gate_apply_pending(kvp);
        kvp_ready_look(kvp);
}

void kvp_gate_follow_mark(Kvp *kvp) {
        if (kvp->linked)
                return;
        if (gate_marked(kvp))
                close_gate(kvp);
        else
                kvp_gate_open(kvp);
}

/* Either way the mark is looked at: the last look before the link decides, or the first after it. */
void kvp_gate_link(Kvp *kvp, bool connected) {
        kvp->linked = false;
        kvp_gate_follow_mark(kvp);
        kvp->linked = connected;
}
