/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "service/snapshot/child.h"
#include "service/snapshot/guardian.h"
#include "service/snapshot/record.h"

/*
 * The worker waits for two bytes before it freezes: one of the guardian, that it is on its post, and one of
 * ours, that every descriptor is watched. End of file means that we died: then it does not even begin.
 */

typedef struct Sync {
        Freezer *freezer;
        bool is_late; /* left behind, only to be reaped */
        ChildProcess child;
        sd_event_source *end;
} Sync;

struct Freezer {
        sd_event *event;
        char *record;
        const FreezerOwner *owner;
        void *userdata;

        const GPtrArray *plan;
        Board *board;
        GPtrArray *syncs; /* Sync * */
        unsigned syncing;
        Guardian guardian;
        ChildProcess worker;
        int go_fd;
        sd_event_source *guardian_end, *worker_end, *time;
        uint64_t watchdog_at, give_up_at; /* CLOCK_BOOTTIME */
        bool has_record, is_syncing, is_holding_log, is_frozen, is_thawing, has_expired, lost_guardian;
};

static void sync_free(void *p) {
        Sync *sync = p;

        sd_event_source_disable_unref(sync->end);
        if (sync->child.pidfd >= 0)
                (void) close(sync->child.pidfd);
        g_free(sync);
}

/* --- time: one timer for the budget of the sync, for FreezeMax= and for the watchdog --- */

static void freezer_arm(Freezer *freezer, uint64_t at_usec) {
        (void) sd_event_source_set_time(freezer->time, at_usec);
        (void) sd_event_source_set_enabled(freezer->time, SD_EVENT_ONESHOT);
}

static void freezer_end_sync(Freezer *freezer) {
        unsigned n_late = freezer->syncing;

        for (guint i = 0; i < freezer->syncs->len; i++)
                ((Sync *) freezer->syncs->pdata[i])->is_late = true;
        freezer->syncing = 0;
        freezer->is_syncing = false;
        (void) sd_event_source_set_enabled(freezer->time, SD_EVENT_OFF);
        freezer->owner->synced(n_late, freezer->userdata);
}

static void freezer_expire(Freezer *freezer) {
        if (freezer->has_expired || freezer->is_thawing)
                return;

        freezer->has_expired = true;
        freezer->owner->expired(freezer->userdata);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Freezer *freezer = userdata;

        if (freezer->is_syncing)
                freezer_end_sync(freezer);
        else if (usec >= freezer->watchdog_at)
                freezer_expire(freezer);
        else if (!freezer->is_frozen && !freezer->is_thawing) {
                freezer_arm(freezer, freezer->watchdog_at);
                freezer->owner->frozen(-ETIMEDOUT, freezer->userdata);
        }
        return 0;
}

/* --- birth --- */

int freezer_new(sd_event *event, const char *record_path, const FreezerOwner *owner, void *userdata,
                Freezer **ret) {
        g_autoptr(Freezer) freezer = g_new(Freezer, 1);
        int r;

        *freezer = (Freezer){
                .event = sd_event_ref(event),
                .record = g_strdup(record_path),
                .owner = owner,
                .userdata = userdata,
                .syncs = g_ptr_array_new_with_free_func(sync_free),
                .guardian = GUARDIAN_NONE,
                .worker = CHILD_NONE,
                .go_fd = -1,
        };
        r = sd_event_add_time(event, &freezer->time, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_time, freezer);
        if (r >= 0)
                r = sd_event_source_set_enabled(freezer->time, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&freezer);
        return 0;
}

const Board *freezer_get_board(const Freezer *freezer) {
        return freezer->board;
}

bool freezer_lost_guardian(const Freezer *freezer) {
        return freezer->lost_guardian;
}

/* --- open --- */

static int open_entry(const PlanEntry *entry) {
        auto_fd fd = open(entry->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct statx status;

        if (fd < 0)
                return -errno;
        if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0)
                return -errno;
        if ((status.stx_mask & STATX_MNT_ID) && (int) status.stx_mnt_id != entry->mount_id)
                return -ESTALE;
        return g_steal_fd(&fd);
}

int freezer_open(Freezer *freezer, const GPtrArray *plan, const PlanEntry **ret_entry) {
        freezer->board = board_new();
        if (!freezer->board)
                return -ENOMEM;

        freezer->plan = plan;
        for (guint i = 0; i < plan->len; i++) {
                const PlanEntry *entry = plan->pdata[i];
                int fd, r;

                if (entry->action != PLAN_FREEZE)
                        continue;
                *ret_entry = entry;
                fd = open_entry(entry);
                if (fd < 0)
                        return fd;
                r = board_add(freezer->board, fd);
                if (r < 0) {
                        (void) close(fd);
                        return r;
                }
        }

        return 0;
}

/* --- sync --- */

static int on_sync_end(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Sync *sync = userdata;
        Freezer *freezer = sync->freezer;
        bool counts = !sync->is_late;

        /* Before its descriptor is closed: a child that is being born may still hold a copy, and then epoll
         * would go on reporting it. */
        sync->end = sd_event_source_disable_unref(sync->end);
        (void) child_reap(&sync->child);
        (void) g_ptr_array_remove_fast(freezer->syncs, sync);
        if (counts && --freezer->syncing == 0)
                freezer_end_sync(freezer);
        return 0;
}

static int freezer_sync_one(Freezer *freezer, int fd) {
        Sync *sync;
        ChildProcess child;
        int r;

        r = child_fork(&fd, 1, &child);
        if (r < 0)
                return r;
        if (r == 0)
                _exit(syncfs(fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);

        sync = g_new(Sync, 1);
        *sync = (Sync){ .freezer = freezer, .child = child };
        g_ptr_array_add(freezer->syncs, sync);
        freezer->syncing++;
        return sd_event_add_io(freezer->event, &sync->end, child.pidfd, EPOLLIN, on_sync_end, sync);
}

int freezer_sync(Freezer *freezer, uint64_t budget_usec) {
        freezer->syncing = 0;
        for (unsigned i = 0; i < freezer->board->n_slots; i++) {
                int r = freezer_sync_one(freezer, freezer->board->slots[i].fd);

                if (r < 0)
                        return r;
        }

        freezer->is_syncing = true;
        /* Without file systems the answer comes through the loop all the same. */
        freezer_arm(freezer, now_usec(CLOCK_BOOTTIME) + (freezer->syncing > 0 ? budget_usec : 0));
        return 0;
}

/* --- freeze --- */

static int on_guardian_end(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Freezer *freezer = userdata;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (board_get_given_up(freezer->board) == GIVEN_UP_WATCHDOG) {
                freezer_expire(freezer);
                return 0;
        }
        /* Its word that it is on its post may be missing. */
        freezer->lost_guardian = true;
        if (freezer->go_fd >= 0)
                (void) !write(freezer->go_fd, "", 1);
        return 0;
}

static void freezer_drop_go(Freezer *freezer) {
        if (freezer->go_fd >= 0)
                (void) close(g_steal_fd(&freezer->go_fd));
}

static int on_worker_end(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Freezer *freezer = userdata;
        pid_t pid = freezer->worker.pid;
        int status;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        freezer_drop_go(freezer);
        status = child_reap(&freezer->worker);
        if (freezer->is_thawing) {
                board_thaw_orphans(freezer->board, GIVEN_UP_THAW, pid, 0);
                freezer->owner->settled(freezer->userdata);
                return 0;
        }

        freezer_arm(freezer, freezer->watchdog_at);
        freezer->is_frozen = status == 0;
        freezer->owner->frozen(status == 0 ? 0 : status > 0 ? -status : -EOWNERDEAD, freezer->userdata);
        return 0;
}

static G_GNUC_NORETURN void worker_run(Board *board, int go_fd) {
        char byte;
        int r;

        (void) mlockall(MCL_CURRENT | MCL_FUTURE);
        (void) prctl(PR_SET_NAME, "hvutils-freeze");
        for (int i = 0; i < 2; i++)
                if (read(go_fd, &byte, 1) != 1)
                        _exit(ECANCELED);
        r = board_freeze(board);
        _exit(-r & 0xff);
}

static int worker_start(Board *board, int go_fd, int life_fd, ChildProcess *ret) {
        int keep[BOARD_SLOTS_MAX + 2];
        size_t n = 0;
        int r;

        for (unsigned i = 0; i < board->n_slots; i++)
                keep[n++] = board->slots[i].fd;
        keep[n++] = go_fd;
        keep[n++] = life_fd;

        r = child_fork(keep, n, ret);
        if (r == 0)
                worker_run(board, go_fd);
        return r < 0 ? r : 0;
}

/* The pipes: `go` wakes the worker, `life` tells the guardian that the worker is gone (only the worker keeps
 * its other end). */
static int freezer_start_children(Freezer *freezer) {
        auto_fd go_read = -1, go_write = -1, life_read = -1, life_write = -1;
        GuardianSetup setup;
        int go[2], life[2], r;

        if (pipe2(go, O_CLOEXEC) < 0)
                return -errno;
        go_read = go[0];
        go_write = go[1];
        if (pipe2(life, O_CLOEXEC) < 0)
                return -errno;
        life_read = life[0];
        life_write = life[1];

        setup = (GuardianSetup){
                .board = freezer->board,
                .deadline_usec = freezer->watchdog_at,
                .worker_fd = life_read,
                .ready_fd = go_write,
                .record = freezer->record,
        };
        r = guardian_start(&freezer->guardian, &setup);
        if (r < 0)
                return r;
        r = worker_start(freezer->board, go_read, life_write, &freezer->worker);
        if (r < 0)
                return r;

        freezer->go_fd = g_steal_fd(&go_write);
        return 0;
}

static int freezer_watch_children(Freezer *freezer) {
        int r;

        r = sd_event_add_io(freezer->event, &freezer->guardian_end, freezer->guardian.child.pidfd, EPOLLIN,
                            on_guardian_end, freezer);
        if (r < 0)
                return r;
        return sd_event_add_io(freezer->event, &freezer->worker_end, freezer->worker.pidfd, EPOLLIN,
                               on_worker_end, freezer);
}

static int freezer_write_record(Freezer *freezer) {
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(record_entry_free);

        for (guint i = 0; i < freezer->plan->len; i++) {
                const PlanEntry *entry = freezer->plan->pdata[i];

                if (entry->action == PLAN_FREEZE)
                        g_ptr_array_add(entries, record_entry_new(entry->device, entry->target));
        }
        return record_write(freezer->record, entries);
}

int freezer_freeze(Freezer *freezer, uint64_t watchdog_usec, uint64_t freeze_max_usec) {
        uint64_t now = now_usec(CLOCK_BOOTTIME);
        int r;

        freezer->watchdog_at = now + watchdog_usec;
        freezer->give_up_at = now + freeze_max_usec;
        r = freezer_write_record(freezer);
        if (r < 0)
                return r;
        freezer->has_record = true;
        r = freezer_start_children(freezer);
        if (r < 0)
                return r;
        r = freezer_watch_children(freezer);
        if (r < 0)
                return r;

        freezer_arm(freezer, MIN(freezer->give_up_at, freezer->watchdog_at));
        freezer->is_holding_log = log_hold() >= 0;
        (void) !write(freezer->go_fd, "", 1);
        return 0;
}

/* --- thaw --- */

unsigned freezer_thaw(Freezer *freezer, GivenUp why) {
        unsigned in_flight = 0;

        if (!freezer->board)
                return 0;

        in_flight = board_thaw(freezer->board, why);
        freezer->is_thawing = true;
        freezer_drop_go(freezer);
        if (freezer->worker.pid > 0)
                return MAX(in_flight, 1); /* it may be about to freeze: its end is what counts */
        board_thaw_orphans(freezer->board, why, board_get_worker(freezer->board), 0);
        return 0;
}

void freezer_close(Freezer *freezer) {
        g_clear_pointer(&freezer->guardian_end, sd_event_source_disable_unref);
        g_clear_pointer(&freezer->worker_end, sd_event_source_disable_unref);
        (void) sd_event_source_set_enabled(freezer->time, SD_EVENT_OFF);
        freezer_drop_go(freezer);
        child_kill(&freezer->worker); /* started, and never told to begin */
        (void) child_reap(&freezer->worker);
        guardian_dismiss(&freezer->guardian);
        freezer->guardian = GUARDIAN_NONE;

        if (freezer->board) {
                /* What could not be thawed is left to `--thaw` and to the next start, which read the record. */
                if (freezer->has_record && !board_has_failed(freezer->board))
                        (void) unlink(freezer->record);
                for (unsigned i = 0; i < freezer->board->n_slots; i++)
                        (void) close(freezer->board->slots[i].fd);
                freezer->board = board_free(freezer->board);
        }
        if (freezer->is_holding_log)
                log_release();
        for (guint i = 0; i < freezer->syncs->len; i++)
                ((Sync *) freezer->syncs->pdata[i])->is_late = true;
        freezer->plan = NULL;
        freezer->syncing = 0;
        freezer->is_syncing = freezer->is_holding_log = freezer->is_frozen = freezer->is_thawing = false;
        freezer->has_record = freezer->has_expired = freezer->lost_guardian = false;
}

int freezer_rehearse(Freezer *freezer) {
        int r;

        freezer->board = board_new();
        if (!freezer->board)
                return -ENOMEM;
        freezer->watchdog_at = USEC_INFINITY;
        r = freezer_start_children(freezer);
        if (r >= 0) {
                (void) !write(freezer->go_fd, "", 1);
                (void) child_reap(&freezer->worker);
        }
        freezer_close(freezer);
        return r;
}

Freezer *freezer_free(Freezer *freezer) {
        if (!freezer)
                return NULL;

        /* With a file system in flight the guardian stays: our end is its signal, and the record is kept. */
        if (freezer_thaw(freezer, GIVEN_UP_THAW) == 0)
                freezer_close(freezer);
        sd_event_source_disable_unref(freezer->guardian_end);
        sd_event_source_disable_unref(freezer->worker_end);
        sd_event_source_disable_unref(freezer->time);
        g_ptr_array_unref(freezer->syncs);
        sd_event_unref(freezer->event);
        g_free(freezer->record);
        g_free(freezer);
        return NULL;
}
