/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "service/kvp/store-io.h"

#define NSEC_PER_SEC     INT64_C(1000000000)
#define RACY_NSEC        (INT64_C(20) * 1000000)
#define RACY_COARSE_NSEC (2 * NSEC_PER_SEC)
#define OPEN_FLAGS       (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

void store_file_init(StoreFile *file, char *path) {
        *file = (StoreFile){ .path = path, .fd = -1 };
}

void store_file_done(StoreFile *file) {
        store_file_close(file);
        g_clear_pointer(&file->path, g_free);
}

void store_file_close(StoreFile *file) {
        if (file->fd >= 0)
                (void)close(file->fd);
        file->fd = -1;
        file->writable = file->locked = false;
        file->write_error = 0;
}

/* Takes over fd. */
static int file_adopt(StoreFile *file, int fd_given, bool writable) {
        auto_fd fd = fd_given;
        struct stat st;

        if (store_io.fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        store_file_close(file);
        file->fd = g_steal_fd(&fd);
        file->dev = st.st_dev;
        file->ino = st.st_ino;
        file->writable = writable;
        return 0;
}

int store_file_open(StoreFile *file, bool read_only) {
        int fd = -1, write_error = 0;

        if (!read_only) {
                fd = store_io.open(file->path, O_RDWR | OPEN_FLAGS, 0);
                write_error = fd < 0 ? -errno : 0;
        }
        if (fd < 0)
                fd = store_io.open(file->path, O_RDONLY | OPEN_FLAGS, 0);
        if (fd < 0)
                return errno == ELOOP ? -EINVAL : -errno;

        int r = file_adopt(file, fd, !read_only && write_error == 0);
        if (r == 0)
                file->write_error = write_error;
        return r;
}

int store_file_create(StoreFile *file) {
        int fd = store_io.open(file->path, O_RDWR | O_CREAT | O_EXCL | OPEN_FLAGS, 0644);
        if (fd < 0)
                return -errno;

        (void)fchmod(fd, 0644);
        return file_adopt(file, fd, true);
}

static int ofd_lock(int fd, short type) {
        struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

        if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
                return errno == EACCES ? -EAGAIN : -errno;
        return 0;
}

int store_file_lock(StoreFile *file) {
        g_assert(!file->locked);

        if (flock(file->fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;

        int r = ofd_lock(file->fd, F_WRLCK);
        if (r < 0) {
                (void)flock(file->fd, LOCK_UN);
                return r;
        }

        file->locked = true;
        return 0;
}

void store_file_unlock(StoreFile *file) {
        if (!file->locked)
                return;

        (void)ofd_lock(file->fd, F_UNLCK);
        (void)flock(file->fd, LOCK_UN);
        file->locked = false;
}

int store_file_stat(StoreFile *file, struct stat *ret) {
        struct stat st;

        if (store_io.fstat(file->fd, &st) < 0)
                return -errno;
        if (st.st_nlink == 0)
                return -ESTALE;

        *ret = st;
        return 0;
}

int store_file_stat_path(StoreFile *file, struct stat *ret) {
        struct stat st;

        if (store_io.stat(file->path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
        if (st.st_ino != file->ino || st.st_dev != file->dev)
                return -ESTALE;

        *ret = st;
        return 0;
}

static bool timespec_equal(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool store_file_is_unchanged(const StoreFile *file, const struct stat *now) {
        const struct stat *seen = &file->seen;

        return file->known && file->trusted && seen->st_ino == now->st_ino && seen->st_dev == now->st_dev &&
               seen->st_size == now->st_size && seen->st_nlink == now->st_nlink &&
               timespec_equal(&seen->st_mtim, &now->st_mtim) && timespec_equal(&seen->st_ctim, &now->st_ctim);
}

/* Older than any write that could still get the same time. A time in the future proves nothing: clocks jump.
 */
static bool mtime_is_settled(const struct timespec *mtime) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);

        int64_t age = (now.tv_sec - mtime->tv_sec) * NSEC_PER_SEC + now.tv_nsec - mtime->tv_nsec;
        return age > (mtime->tv_nsec == 0 ? RACY_COARSE_NSEC : RACY_NSEC);
}

void store_file_remember(StoreFile *file, const struct stat *seen) {
        file->seen = *seen;
        file->known = true;
        file->trusted = mtime_is_settled(&seen->st_mtim);
}

void store_file_stamp(StoreFile *file, off_t size) {
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
        (void)clock_gettime(CLOCK_REALTIME, &times[1]);
        bool stamped = store_io.futimens(file->fd, times) == 0;

        struct stat st;
        if (store_io.fstat(file->fd, &st) < 0 || st.st_size != size) {
                file->known = file->trusted = false;
                return;
        }

        file->seen = st;
        file->known = true;
        file->trusted = (stamped && timespec_equal(&st.st_mtim, &times[1])) || mtime_is_settled(&st.st_mtim);
}
