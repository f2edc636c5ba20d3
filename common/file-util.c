/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/file-util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define READ_STEP 4096

/* Reads until the end of the file; files of /proc and /sys do not know their size. */
static int read_to_end(int fd, size_t max, GByteArray *contents) {
        for (;;) {
                size_t have = contents->len;
                ssize_t n;

                g_byte_array_set_size(contents, (guint) (have + READ_STEP));
                n = read(fd, contents->data + have, READ_STEP);
                if (n < 0 && errno != EINTR)
                        return -errno;
                g_byte_array_set_size(contents, (guint) (have + (size_t) MAX(n, 0)));

                if (contents->len > max)
                        return -E2BIG;
                if (n == 0)
                        return 0;
        }
}

int read_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size) {
        g_autoptr(GByteArray) contents = g_byte_array_new();
        size_t size;
        int r;

        /* O_NONBLOCK: a FIFO that somebody put there must not hold us up. */
        auto_fd fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;

        r = read_to_end(fd, max, contents);
        if (r < 0)
                return r;

        size = contents->len;
        g_byte_array_append(contents, (const guint8 *) "", 1);
        *ret = (char *) g_byte_array_free(g_steal_pointer(&contents), FALSE);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int make_directory(const char *path, mode_t mode) {
        struct stat st;

        if (mkdir(path, mode) >= 0)
                return 1;
        if (errno != EEXIST)
                return -errno;
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

ssize_t pread_full(int fd, void *buffer, size_t n, off_t offset) {
        size_t done = 0;

        while (done < n) {
                ssize_t got = pread(fd, (char *) buffer + done, n - done, offset + (off_t) done);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                if (got == 0)
                        break;
                done += (size_t) got;
        }

        return (ssize_t) done;
}

int pwrite_full(int fd, const void *buffer, size_t n, off_t offset) {
        size_t done = 0;

        while (done < n) {
                ssize_t put = pwrite(fd, (const char *) buffer + done, n - done, offset + (off_t) done);

                if (put < 0 && errno == EINTR)
                        continue;
                if (put < 0)
                        return -errno;
                if (put == 0)
                        return -EIO;
                done += (size_t) put;
        }

        return 0;
}

static int fill_temporary(int fd, const void *data, size_t n, mode_t mode, bool durable) {
        int r;

        r = pwrite_full(fd, data, n, 0);
        if (r < 0)
                return r;
        if (fchmod(fd, mode) < 0)
                return -errno;
        if (durable && fsync(fd) < 0)
                return -errno;
        return 0;
}

static int sync_directory_of(const char *path) {
        g_autofree char *directory = g_path_get_dirname(path);

        auto_fd fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return -errno; /* cppcheck-suppress resourceLeak ; auto_fd closes it */
        return 0;
}

int write_file_atomic(const char *path, const void *data, size_t n, mode_t mode, bool durable) {
        g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
        int r;

        auto_fd fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = fill_temporary(fd, data, n, mode, durable);
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(temporary);
                return r;
        }

        return durable ? sync_directory_of(path) : 0;
}
