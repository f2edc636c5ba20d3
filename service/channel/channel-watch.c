/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/channel/channel-watch.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>

#include "common/cleanup.h"

#define WATCH_MASK (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        PathWatch *watch = userdata;
        bool lost = event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_Q_OVERFLOW | IN_UNMOUNT);

        if (lost || (event->len > 0 && strcmp(event->name, watch->component) == 0))
                watch->appeared(watch->userdata);

        return 0;
}

int path_watch_start(PathWatch *watch, sd_event *event, const char *path, PathWatchCallback appeared,
                     void *userdata) {
        g_autofree char *directory = g_strdup(path);
        g_autofree char *component = NULL;
        int r;

        path_watch_done(watch);
        watch->appeared = appeared;
        watch->userdata = userdata;

        do {
                char *parent = g_path_get_dirname(directory);

                g_free(component);
                component = g_path_get_basename(directory);
                g_free(directory);
                directory = parent;
                r = sd_event_add_inotify(event, &watch->source, directory, WATCH_MASK, on_inotify, watch);
        } while ((r == -ENOENT || r == -ENOTDIR) && strcmp(directory, "/") != 0 &&
                 strcmp(directory, ".") != 0);
        if (r < 0)
                return r;

        watch->component = g_steal_pointer(&component);
        return 0;
}

void path_watch_done(PathWatch *watch) {
        watch->source = sd_event_source_disable_unref(watch->source);
        g_clear_pointer(&watch->component, g_free);
}
