/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Watches RUNTIME/frozen, which exists while a snapshot may hold file systems: written by snapshotd before its first freeze,
 * removed after the last thaw. */

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

G_BEGIN_DECLS

typedef struct FrozenWatch FrozenWatch;

/* changed is called from the event loop, before anything of ordinary priority. The directory must exist; if it goes
 * away, what was last known holds until it is back. */
int frozen_watch_new(sd_event *event, const char *runtime_directory,
                     void (*changed)(bool frozen, void *userdata), void *userdata, FrozenWatch **ret);
FrozenWatch *frozen_watch_free(FrozenWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FrozenWatch, frozen_watch_free)
bool frozen_watch_get(const FrozenWatch *watch);

G_END_DECLS
