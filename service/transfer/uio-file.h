/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The system calls on /dev/uioN as a table, because this device cannot be made by anyone but the kernel. The
 * other row is the emulated host's: a SOCK_SEQPACKET socket, which brings its counter, 4 bytes, for every
 * interrupt and takes 4 bytes, 1, for write(fd, 1); the memory of the rings is the file rings-uioN beside it.
 */

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct UioFile {
        const char *name; /* "ring", "emulated ring" */
        /* A descriptor, and in *ret_memory what to map: a descriptor of its own, or -1 for the device itself. Errors
         * besides open's: ENODEV the device is being removed, EAGAIN the host refused, EINVAL it was unbound while
         * open and the host must offer it anew. */
        int (*open)(const char *path, int *ret_memory);
        /* Takes note of all interrupts so far. 0, also when there was none; -EIO: the device is gone, and with it the
         * pages under the mapping. */
        int (*acknowledge)(int fd);
        /* Interrupts the host; the kernel also clears our interrupt mask then. -EIO or -EINVAL: the device is gone. */
        int (*signal)(int fd);
} UioFile;

extern const UioFile uio_file_device;
extern const UioFile uio_file_socket;

/* By what stands at the path. */
const UioFile *uio_file_find(const char *path);

G_END_DECLS
