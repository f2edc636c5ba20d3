/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/redo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "service/kvp/redo-file.h"

static RedoFile *redo_file_map(int fd) {
        void *p = mmap(NULL, REDO_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        return p == MAP_FAILED ? NULL : (RedoFile *)p;
}

static void read_boot_id(char ret[REDO_BOOT_ID_SIZE]) {
        g_autofree char *text = NULL;
        size_t n = 0;

        memset(ret, 0, REDO_BOOT_ID_SIZE);
        if (read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &text, &n) >= 0)
                memcpy(ret, text, MIN(n, REDO_BOOT_ID_SIZE - 1));
}

/* A file of another version, or one that is no redo file at all, is begun anew. The mark that makes it ours
 * comes last. */
static int redo_file_begin(int fd) {
        if (ftruncate(fd, 0) < 0)
                return -errno;

        int r = posix_fallocate(fd, 0, REDO_SIZE);
        if (r != 0)
                return -r;

        return pwrite_full(fd, REDO_MAGIC, strlen(REDO_MAGIC), offsetof(RedoFile, magic));
}

static bool redo_file_is_ours(int fd) {
        char magic[sizeof(REDO_MAGIC) - 1];
        struct stat st;

        return fstat(fd, &st) == 0 && st.st_size == REDO_SIZE &&
               pread_full(fd, magic, sizeof(magic), offsetof(RedoFile, magic)) == (ssize_t)sizeof(magic) &&
               memcmp(magic, REDO_MAGIC, sizeof(magic)) == 0;
}

/* After a reboot there is no write that was cut, only disks that lost power; inode and device may mean
 * another file now. What was acknowledged stays. */
static void redo_file_check_boot(RedoFile *file) {
        char boot_id[REDO_BOOT_ID_SIZE];

        read_boot_id(boot_id);
        if (memcmp(file->boot_id, boot_id, sizeof(boot_id)) == 0)
                return;

        redo_publish(&file->active, 0);
        memcpy(file->boot_id, boot_id, sizeof(boot_id));
}

static int redo_lock(int fd, const char *path) {
        struct stat by_fd, by_path;

        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        /* Removed and made again between our open() and our lock: the other one is somebody else's. */
        if (fstat(fd, &by_fd) < 0 || stat(path, &by_path) < 0 || by_fd.st_ino != by_path.st_ino)
                return -EBUSY;
        return 0;
}

int redo_open(const char *path, const char *directory, Redo **ret) {
        g_autoptr(Redo) redo = g_new0(Redo, 1);

        redo->directory = g_strdup(directory);
        redo->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (redo->fd < 0)
                return -errno;

        int r = redo_lock(redo->fd, path);
        if (r == 0 && !redo_file_is_ours(redo->fd))
                r = redo_file_begin(redo->fd);
        if (r < 0)
                return r;

        redo->file = redo_file_map(redo->fd);
        if (!redo->file)
                return -errno;
        redo_file_check_boot(redo->file);

        *ret = g_steal_pointer(&redo);
        return 0;
}

Redo *redo_free(Redo *redo) {
        if (!redo)
                return NULL;

        if (redo->file)
                (void)munmap(redo->file, REDO_SIZE);
        if (redo->fd >= 0)
                (void)close(redo->fd);
        g_free(redo->directory);
        g_free(redo);
        return NULL;
}
