/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two directories are watched: the state directory, so that watchers hear of what others write without asking
 * (answers do not depend on it: each looks at the file), and the runtime directory for the mark of a freeze.
 */

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "service/kvp/kvp-internal.h"

#define NAMES_MASK (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR)
#define STATE_MASK (NAMES_MASK | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define WORLD_MASK                                                                                           \
        (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)

static KvpPool pool_of(const struct inotify_event *happened) {
        if (happened->len == 0)
                return _KVP_POOL_ID_INVALID;
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                if (strcmp(happened->name, kvp_pool_file_name((KvpPool)pool)) == 0)
                        return (KvpPool)pool;
        return _KVP_POOL_ID_INVALID;
}

static void look_at_all(Kvp *kvp) {
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                (void)kvp_revalidate(kvp, (KvpPool)pool);
}

/* Which file stands under the name, or the directory itself, is not what it was. */
static void names_changed(Kvp *kvp, const struct inotify_event *happened) {
        look_at_all(kvp);
        if (happened->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
                kvp->all_open = false;
        kvp_ready_soon(kvp);
}

static int on_state(sd_event_source *source, const struct inotify_event *happened, void *userdata) {
        Kvp *kvp = userdata;
        KvpPool pool = pool_of(happened);

        if (happened->mask & IN_Q_OVERFLOW)
                look_at_all(kvp);
        else if (happened->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
                names_changed(kvp, happened);
        else if (pool < 0)
                return 0;
        else if (happened->mask & WORLD_MASK)
                names_changed(kvp, happened);
        else
                (void)kvp_revalidate(kvp, pool);
        return 0;
}

/* Again each time something was wrong: the directory may be another one now. */
void kvp_watch_state(Kvp *kvp) {
        kvp->state_watch = sd_event_source_disable_unref(kvp->state_watch);
        (void)sd_event_add_inotify(kvp->event, &kvp->state_watch, kvp->state_directory, STATE_MASK, on_state,
                                   kvp);
}

static int on_runtime(sd_event_source *source, const struct inotify_event *happened, void *userdata) {
        if (happened->mask & IN_Q_OVERFLOW ||
            (happened->len > 0 && strcmp(happened->name, HVUTILS_RUNTIME_FROZEN) == 0))
                kvp_gate_follow_mark(userdata);
        return 0;
}

int kvp_watch_runtime(Kvp *kvp) {
        return sd_event_add_inotify(kvp->event, &kvp->runtime_watch, kvp->runtime_directory, NAMES_MASK,
                                    on_runtime, kvp);
}
