/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The system calls by which the store touches a pool file, as a table of functions, so that a test can make
 * the disk full, slow or broken at the very call it means. Nothing else changes the table.
 */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct StoreIo {
        int (*open)(const char *path, int flags, mode_t mode);
        int (*fstat)(int fd, struct stat *ret);
        int (*stat)(const char *path, struct stat *ret);
        ssize_t (*pread)(int fd, void *buffer, size_t n, off_t offset);
        ssize_t (*pwrite)(int fd, const void *buffer, size_t n, off_t offset);
        int (*ftruncate)(int fd, off_t size);
        int (*futimens)(int fd, const struct timespec times[2]);
} StoreIo;

extern StoreIo store_io;
extern const StoreIo store_io_real;

/* Through EINTR and short transfers. Returns the bytes read: fewer than n only at the end of the file. */
ssize_t store_io_read(int fd, void *buffer, size_t n, off_t offset);
/* All n bytes or a negative errno; what was written before the failure stays. */
int store_io_write(int fd, const void *buffer, size_t n, off_t offset);
int store_io_truncate(int fd, off_t size);

G_END_DECLS
