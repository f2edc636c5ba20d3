/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/frozen.h"

#include <sys/inotify.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"

#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR)

struct FrozenWatch {
        char *path;
        bool frozen;
        sd_event_source *source;
        void (*changed)(bool frozen, void *userdata);
        void *userdata;
};

static int on_event(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        FrozenWatch *watch = userdata;
        bool frozen = access(watch->path, F_OK) >= 0;

        if (frozen == watch->frozen)
                return 0;
        watch->frozen = frozen;
        watch->changed(frozen, watch->userdata);
        return 0;
}

int frozen_watch_new(sd_event *event, const char *runtime_directory,
                     void (*changed)(bool frozen, void *userdata), void *userdata, FrozenWatch **ret) {
        g_autoptr(FrozenWatch) watch = g_new0(FrozenWatch, 1);
        int r;

        watch->path = g_build_filename(runtime_directory, HVUTILS_RUNTIME_FROZEN, NULL);
        watch->changed = changed;
        watch->userdata = userdata;
        r = sd_event_add_inotify(event, &watch->source, runtime_directory, EVENTS, on_event, watch);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(watch->source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return r;
        watch->frozen = access(watch->path, F_OK) >= 0;

        *ret = g_steal_pointer(&watch);
        return 0;
}

FrozenWatch *frozen_watch_free(FrozenWatch *watch) {
        if (!watch)
                return NULL;

        sd_event_source_disable_unref(watch->source);
        g_free(watch->path);
        g_free(watch);
        return NULL;
}

bool frozen_watch_get(const FrozenWatch *watch) {
        return watch->frozen;
}
