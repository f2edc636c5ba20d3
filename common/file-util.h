/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Reads a whole small file (at most max bytes, else -E2BIG) below dir_fd; *ret is NUL-terminated (g_free). */
int read_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size);

/* Makes the directory with this mode if it is missing; what exists is left as it is. Returns 1 if it was made, 0 if it was
 * there, -ENOTDIR if something else is there. Does not make parents. */
int make_directory(const char *path, mode_t mode);

/* Reads exactly n bytes at offset, through EINTR and short reads. Returns the bytes read (fewer only at the end of the file). */
ssize_t pread_full(int fd, void *buffer, size_t n, off_t offset);
/* Writes all n bytes at offset, through EINTR and short writes. */
int pwrite_full(int fd, const void *buffer, size_t n, off_t offset);

/* Replaces a file of our own atomically: temporary in the same directory, mode, fsync if durable, rename. Not for pool files. */
int write_file_atomic(const char *path, const void *data, size_t n, mode_t mode, bool durable);

G_END_DECLS
