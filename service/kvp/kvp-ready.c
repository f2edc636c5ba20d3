/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When we register. Whoever registers first in a boot eats the keys that the host pushes into pool 0; they
 * are not sent again. So we do not register before every pool file opens for reading and writing (behind the
 * closed gate: for reading, the redo file taking the writes). Missing files are made by a one-shot root
 * service behind RUNTIME/pools, for /var/lib/hyperv belongs to root; where there is no such socket we try
 * ourselves. After 30 s we register all the same and serve from memory.
 *
 * Once registered it stays so; files that vanish later are asked for and opened again by the same loop.
 *
 * A second daemon on the same runtime directory does not get the redo file: it neither replays nor registers
 * nor writes, shows what the files hold, and waits.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "service/kvp/kvp-internal.h"

#define DELAY_MIN_USEC    (10 * USEC_PER_MSEC)
#define DELAY_MAX_USEC    (1 * USEC_PER_SEC)
#define PATIENCE_USEC     (30 * USEC_PER_SEC)
/* How long the service behind the socket may take until we try to make the files ourselves. */
#define ASK_PATIENCE_USEC (2 * USEC_PER_SEC)

static int on_ready_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        kvp_ready_look(userdata);
        return 0;
}

static void again(Kvp *kvp) {
        kvp->ready_delay_usec = CLAMP(kvp->ready_delay_usec * 2, DELAY_MIN_USEC, DELAY_MAX_USEC);
        (void)kvp_timer_arm(kvp, &kvp->ready_timer, kvp->ready_delay_usec, on_ready_timer);
}

/* Connecting is the question; the answer is the files. systemd starts the service when somebody is at the
 * door, even if he has left again. */
static bool ask_for_pools(Kvp *kvp) {
        g_autofree char *path = g_build_filename(kvp->runtime_directory, HVUTILS_SOCKET_POOLS, NULL);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        auto_fd fd = -1;

        if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
                return false;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return false;
        /* EAGAIN: the queue at the door is full, so the question is asked. */
        return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN;
}

/* A file may vanish while the others are being made, so the question is repeated. It has a pace of its own:
 * we look sooner whenever something happens in the directory, but who is asked too often closes the door
 * (TriggerLimitBurst= of hvutils-pools.socket). False if nobody is there. */
static bool ask_at_pace(Kvp *kvp, uint64_t now) {
        if (now < kvp->ask_again_usec)
                return true;
        if (!ask_for_pools(kvp))
                return false;
        if (kvp->asked_usec == 0)
                kvp->asked_usec = now;
        kvp->ask_delay_usec = CLAMP(kvp->ask_delay_usec * 2, DELAY_MIN_USEC, DELAY_MAX_USEC);
        kvp->ask_again_usec = now + kvp->ask_delay_usec;
        return true;
}

/* True if we should make what is missing ourselves. */
static bool create_ourselves(Kvp *kvp) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        return !ask_at_pace(kvp, now) || now - kvp->asked_usec >= ASK_PATIENCE_USEC;
}

static void rest(Kvp *kvp) {
        kvp->ready_delay_usec = kvp->asked_usec = kvp->ask_delay_usec = kvp->ask_again_usec = 0;
        kvp_timer_disarm(kvp->ready_timer);
}

static bool open_pools(Kvp *kvp) {
        if (store_open_pools(kvp->store, false))
                return true;
        if (kvp_gate_is_closed(kvp) || !create_ourselves(kvp))
                return false;
        return store_open_pools(kvp->store, true);
}

static bool is_second(Kvp *kvp) {
        bool second = store_try_redo(kvp->store) == -EBUSY;
        const char *why = "";

        if (second && !kvp->second)
                log_notice("Another hvutilsd serves %s, waiting for it to end.", kvp->runtime_directory);
        if (!second && !kvp->registering && !store_has_redo(kvp->store, &why))
                log_warning("Serving without the redo file, a change is not safe against a crash of ours: %s",
                            why);
        kvp->second = second;
        return second;
}

static bool patience_is_over(const Kvp *kvp) {
        return now_usec(CLOCK_MONOTONIC) - kvp->ready_since_usec >= kvp_scaled(kvp, PATIENCE_USEC);
}

static void register_now(Kvp *kvp) {
        kvp->registering = true;
        if (!kvp_gate_is_closed(kvp))
                kvp_gate_apply_pending(kvp);
        (void)channel_start(kvp->channel);
}

static void notice_openness(Kvp *kvp, bool all_open) {
        if (!all_open || !kvp->all_open) {
                kvp_watch_state(kvp);
                for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                        (void)kvp_revalidate(kvp, (KvpPool)pool);
                kvp_change_look(kvp);
        }
        kvp->all_open = all_open;
}

void kvp_ready_look(Kvp *kvp) {
        bool all_open;

        if (!kvp->started)
                return;
        if (kvp->ready_since_usec == 0)
                kvp->ready_since_usec = now_usec(CLOCK_MONOTONIC);
        if (!kvp->registering && is_second(kvp)) {
                notice_openness(kvp, store_open_pools(kvp->store, false));
                return again(kvp);
        }

        all_open = open_pools(kvp);
        if (!kvp->registering && (all_open || patience_is_over(kvp)))
                register_now(kvp);
        notice_openness(kvp, all_open);
        if (!all_open)
                return again(kvp);
        rest(kvp);
}

void kvp_ready_soon(Kvp *kvp) {
        if (!kvp->started || kvp->ready_delay_usec == DELAY_MIN_USEC) /* it is soon already */
                return;
        kvp->ready_delay_usec = 0;
        again(kvp);
}
