/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The driver behind a FUSE file: what a daemon meets in /dev/vmbus, but for S_ISCHR.
 *
 * One FUSE directory for all services, MOUNT/hv_kvp …, served from the event loop: a read of an empty slot is
 * a request that is answered later, so no thread is needed. DIR/hv_kvp is a link to it that comes and goes
 * with the service; inotify sees that, while it sees nothing of what a FUSE server does by itself.
 *
 * The kernel tells us of a close only after close() returned, but before any later open() of the same
 * process.
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "emulator/node.h"
#include "emulator/service.h"

G_BEGIN_DECLS

typedef struct DeviceMount DeviceMount;

/* -EOPNOTSUPP: built without libfuse. */
int device_mount_new(sd_event *event, const char *mount_point, const NodeAccess *access, DeviceMount **ret);
/* Unmounts. */
DeviceMount *device_mount_free(DeviceMount *mount);
/* Becomes the service's node; link is the path of the link. */
int device_mount_add(DeviceMount *mount, Service *service, const char *link);

G_END_DECLS
