/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvhost without libfuse. */

#include <errno.h>

#include "emulator/device-node.h"

int device_mount_new(sd_event *event, const char *mount_point, const NodeAccess *access, DeviceMount **ret) {
        return -EOPNOTSUPP;
}

DeviceMount *device_mount_free(DeviceMount *mount) {
        return NULL;
}

int device_mount_add(DeviceMount *mount, Service *service, const char *link) {
        return -EOPNOTSUPP;
}
