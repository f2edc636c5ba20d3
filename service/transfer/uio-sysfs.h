/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which UIO device carries a VMBus class, by sysfs below a given root: the instance's GUID and the number N of
 * uioN are the host's and the kernel's whim, only the class is sure. map0 is both rings together; its size is the
 * only number that is right on every kernel.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

/* Where to look. */
typedef struct UioPlace {
        char *sysfs; /* "/sys" */
        char *dev;   /* "/dev" */
} UioPlace;

/* --channel=PATH: a directory with `sys` and `dev` below it, as the emulated host makes, or /dev/uioN, or NULL for
 * this machine. False if PATH is none of these, hence a device or socket with the driver's framing. */
bool uio_place_init(UioPlace *place, const char *path);
void uio_place_done(UioPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UioPlace, uio_place_done)

typedef struct UioDevice {
        char *node; /* "/dev/uio3" */
        size_t map_size;
} UioDevice;

void uio_device_done(UioDevice *device);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UioDevice, uio_device_done)

/* -ENOENT: the host offers no such device; -ENXIO: it is not bound to uio_hv_generic (yet); -EINVAL: its map is no
 * pair of rings. */
int uio_device_find(UioDevice *device, const UioPlace *place, const char *class_id);

G_END_DECLS
