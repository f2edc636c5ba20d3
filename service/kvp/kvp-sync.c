/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sync=: when a write reaches the disk. always: before it is answered. interval: within a second of the first
 * write that is not there yet, all later ones included. never: when the kernel likes.
 */

#include <errno.h>

#include "service/kvp/kvp-internal.h"

static void on_synced(KvpPool pool, uint64_t serial, int result, void *userdata) {
        Kvp *kvp = userdata;
        uint64_t more;

        kvp->counters.syncs++;
        if (result < 0 && log_limit_pass(&kvp->sync_limit, now_usec(CLOCK_MONOTONIC), &more))
                log_event(LOG_ERR, HVUTILS_MESSAGE_POOL_PROBLEM,
                          LOG_FIELDS(HVUTILS_FIELD_POOL, kvp_pool_to_string(pool)),
                          "Pool %s did not reach the disk: %s.", kvp_pool_to_string(pool),
                          g_strerror(-result));
        kvp_tickets_synced(kvp, pool, serial, result);
        kvp_gate_maybe_done(kvp);
}

int kvp_sync_init(Kvp *kvp) {
        return sync_new(kvp->event, on_synced, kvp, &kvp->sync);
}

static int submit(Kvp *kvp, KvpPool pool, uint64_t *ret_serial) {
        int fd = store_take_dirty_fd(kvp->store, pool);

        return fd < 0 ? fd : sync_submit(kvp->sync, pool, fd, ret_serial);
}

static int on_interval(sd_event_source *source, uint64_t usec, void *userdata) {
        Kvp *kvp = userdata;
        uint64_t ignored;

        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                (void)submit(kvp, (KvpPool)pool, &ignored);
        return 0;
}

static void arm_interval(Kvp *kvp) {
        int enabled = SD_EVENT_OFF;

        if (kvp->sync_timer)
                (void)sd_event_source_get_enabled(kvp->sync_timer, &enabled);
        if (enabled == SD_EVENT_OFF)
                (void)kvp_timer_arm(kvp, &kvp->sync_timer,
                                    kvp_scaled(kvp, kvp->configuration->kvp.sync_interval_usec), on_interval);
}

int kvp_sync_written(Kvp *kvp, KvpPool pool, uint64_t *ret_serial) {
        if (kvp_gate_is_closed(kvp))
                return 0;

        switch (kvp->configuration->kvp.sync) {
        case SYNC_ALWAYS:
                return submit(kvp, pool, ret_serial) < 0 ? 0 : 1;
        case SYNC_INTERVAL:
                arm_interval(kvp);
                return 0;
        case SYNC_NEVER:
        case _SYNC_MAX:
        case _SYNC_INVALID:
                return 0;
        }
        return 0;
}

void kvp_sync_hold(Kvp *kvp) {
        kvp_timer_disarm(kvp->sync_timer);
}

/* After the gate, or under another policy: what was written and not synced is still so. */
void kvp_sync_resume(Kvp *kvp) {
        if (kvp->configuration->kvp.sync != SYNC_NEVER)
                arm_interval(kvp);
}
