/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two directories are watched: the state directory, so that watchers hear of what others write without asking
 * (answers do not depend on it: each looks at the file), and the runtime directory for the mark of a freeze.
 */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "service/kvp/kvp-internal.h"

#define NAMES_MASK (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM)
#define LOST_MASK  (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)
#define STATE_MASK (NAMES_MASK | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
/* Our own writes make events as well, and each would wake the loop once. While we write the events pile up
 * and are looked at together. */
#define REST_USEC (20 * USEC_PER_MSEC)

static KvpPool pool_of(const struct inotify_event *happened) {
        if (happened->len == 0)
                return _KVP_POOL_ID_INVALID;
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                if (strcmp(happened->name, kvp_pool_file_name((KvpPool) pool)) == 0)
                        return (KvpPool) pool;
        return _KVP_POOL_ID_INVALID;
}

static void look_at_all(Kvp *kvp) {
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                (void) kvp_revalidate(kvp, (KvpPool) pool);
}

/* Which file stands under a name, or the directory itself, is not what it was. */
static void names_changed(Kvp *kvp, bool directory_lost) {
        look_at_all(kvp);
        if (directory_lost)
                kvp->all_open = false;
        kvp_ready_soon(kvp);
}

/* All that is to be read, as one: the events of each pool, and under _KVP_POOL_ID_MAX those of the directory. */
static void read_happened(int fd, uint32_t masks[_KVP_POOL_ID_MAX + 1]) {
        _Alignas(struct inotify_event) char buffer[4096];
        ssize_t n;

        while ((n = read(fd, buffer, sizeof buffer)) > 0)
                for (const char *at = buffer; at < buffer + n;) {
                        const struct inotify_event *happened = (const struct inotify_event *) at;
                        KvpPool pool = pool_of(happened);

                        if (pool >= 0)
                                masks[pool] |= happened->mask;
                        else if (happened->len == 0)
                                masks[_KVP_POOL_ID_MAX] |= happened->mask;
                        at += sizeof *happened + happened->len;
                }
}

static void look_at_happened(Kvp *kvp, int fd) {
        uint32_t masks[_KVP_POOL_ID_MAX + 1] = { 0 }, names = 0, directory;

        read_happened(fd, masks);
        directory = masks[_KVP_POOL_ID_MAX];
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                names |= masks[pool] & NAMES_MASK;

        if (names || directory & LOST_MASK)
                return names_changed(kvp, directory & LOST_MASK);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                if (masks[pool] || directory & IN_Q_OVERFLOW)
                        (void) kvp_revalidate(kvp, (KvpPool) pool);
}

static int on_state(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        look_at_happened(userdata, fd);
        return 0;
}

/* Again each time something was wrong: the directory may be another one now. */
void kvp_watch_state(Kvp *kvp) {
        auto_fd fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        kvp->state_watch = sd_event_source_disable_unref(kvp->state_watch);
        kvp_timer_disarm(kvp->rest_timer);
        if (fd < 0 || inotify_add_watch(fd, kvp->state_directory, STATE_MASK) < 0 ||
            sd_event_add_io(kvp->event, &kvp->state_watch, fd, EPOLLIN, on_state, kvp) < 0)
                return;
        (void) sd_event_source_set_io_fd_own(kvp->state_watch, true);
        fd = -EBADF;
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata) {
        Kvp *kvp = userdata;

        if (kvp->state_watch)
                (void) sd_event_source_set_enabled(kvp->state_watch, SD_EVENT_ON);
        return 0;
}

void kvp_watch_rest(Kvp *kvp) {
        int enabled = SD_EVENT_OFF;

        if (!kvp->state_watch || sd_event_source_get_enabled(kvp->state_watch, &enabled) < 0 ||
            enabled == SD_EVENT_OFF)
                return;
        if (kvp_timer_arm(kvp, &kvp->rest_timer, REST_USEC, on_rested) >= 0)
                (void) sd_event_source_set_enabled(kvp->state_watch, SD_EVENT_OFF);
}

static int on_runtime(sd_event_source *source, const struct inotify_event *happened, void *userdata) {
        if (happened->mask & IN_Q_OVERFLOW ||
            (happened->len > 0 && strcmp(happened->name, HVUTILS_RUNTIME_FROZEN) == 0))
                kvp_gate_follow_mark(userdata);
        return 0;
}

int kvp_watch_runtime(Kvp *kvp) {
        return sd_event_add_inotify(kvp->event, &kvp->runtime_watch, kvp->runtime_directory,
                                    NAMES_MASK | IN_ONLYDIR, on_runtime, kvp);
}
