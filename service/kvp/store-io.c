/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int real_open(const char *path, int flags, mode_t mode) {
        return open(path, flags, mode);
}

static int real_stat(const char *path, struct stat *ret) {
        return lstat(path, ret);
}

#define STORE_IO_REAL                                                                                        \
        {                                                                                                    \
                .open = real_open, .fstat = fstat, .stat = real_stat, .pread = pread, .pwrite = pwrite,      \
                .ftruncate = ftruncate, .futimens = futimens                                                 \
        }

const StoreIo store_io_real = STORE_IO_REAL;
StoreIo store_io = STORE_IO_REAL;

ssize_t store_io_read(int fd, void *buffer, size_t n, off_t offset) {
        size_t done = 0;

        while (done < n) {
                ssize_t k = store_io.pread(fd, (uint8_t *)buffer + done, n - done, offset + (off_t)done);
                if (k == 0)
                        break;
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                done += (size_t)k;
        }

        return (ssize_t)done;
}

int store_io_write(int fd, const void *buffer, size_t n, off_t offset) {
        size_t done = 0;

        while (done < n) {
                ssize_t k =
                        store_io.pwrite(fd, (const uint8_t *)buffer + done, n - done, offset + (off_t)done);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0) /* a quota of the disk is no limit of ours, which is -EDQUOT */
                        return errno == EDQUOT ? -ENOSPC : -errno;
                if (k == 0)
                        return -EIO;
                done += (size_t)k;
        }

        return 0;
}

int store_io_truncate(int fd, off_t size) {
        while (store_io.ftruncate(fd, size) < 0)
                if (errno != EINTR)
                        return -errno;

        return 0;
}
