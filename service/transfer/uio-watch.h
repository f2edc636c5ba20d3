/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waits for any uioN to appear in the directory of the nodes. */

#include <systemd/sd-event.h>

#include <glib.h>

G_BEGIN_DECLS

typedef void (*UioAppeared)(void *userdata);

typedef struct UioWatch {
        sd_event_source *source;
        UioAppeared appeared;
        void *userdata;
} UioWatch;

/* Without effect if it watches already. Negative errno if the kernel has no watch to spare or there is no directory. */
int uio_watch_start(UioWatch *watch, sd_event *event, const char *directory, UioAppeared appeared,
                    void *userdata);
void uio_watch_stop(UioWatch *watch);

G_END_DECLS
