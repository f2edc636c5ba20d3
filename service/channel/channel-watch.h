/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waits for a path to appear. /dev/vmbus itself may be missing, so the watch lies on the nearest directory that exists and
 * wakes when the next part of the path is made, moved there or changes its access; the caller then tries to open, and if the
 * path is still not there, watches anew, one level deeper. What inotify cannot see (a FUSE node, a mount laid over the
 * directory) is left to the caller's timer.
 */

#include <glib.h>
#include <systemd/sd-event.h>

G_BEGIN_DECLS

typedef void (*PathWatchCallback)(void *userdata);

typedef struct PathWatch {
        sd_event_source *source;
        char *component; /* the name that is awaited in the watched directory */
        PathWatchCallback appeared;
        void *userdata;
} PathWatch;

/* Watches; a watch that exists is laid anew. Negative errno if the kernel has no watch to spare. */
int path_watch_start(PathWatch *watch, sd_event *event, const char *path, PathWatchCallback appeared, void *userdata);
void path_watch_done(PathWatch *watch);

G_END_DECLS
