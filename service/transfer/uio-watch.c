/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/uio-watch.h"

#include <stdbool.h>
#include <sys/inotify.h>

#include "common/cleanup.h"

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        UioWatch *watch = userdata;
        bool lost = event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT);

        if (lost)
                uio_watch_stop(watch);
        else if (event->mask & IN_Q_OVERFLOW || g_str_has_prefix(event->name, "uio"))
                watch->appeared(watch->userdata);

        return 0;
}

int uio_watch_start(UioWatch *watch, sd_event *event, const char *directory, UioAppeared appeared,
                    void *userdata) {
        if (watch->source)
                return 0;

        watch->appeared = appeared;
        watch->userdata = userdata;
        return sd_event_add_inotify(event, &watch->source, directory,
                                    IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_ONLYDIR,
                                    on_inotify, watch);
}

void uio_watch_stop(UioWatch *watch) {
        watch->source = sd_event_source_disable_unref(watch->source);
}
