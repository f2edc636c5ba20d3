/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "service/transfer/ranges.h"

#define PUSH_STEP   (UINT64_C(8) << 20) /* bytes that may wait in memory before they are pushed to the disk */
#define NAME_TRIES  8
#define EXFAT_MAGIC UINT32_C(0x2011BAB0)
#define NTFS3_MAGIC UINT32_C(0x7366746e)

struct Sink {
        SinkSetup setup;
        PathTarget target;
        char temporary[TEMPORARY_NAME_SIZE];
        int fd;          /* < 0 before the temporary exists and after it has its name */
        uint64_t pushed; /* up to where the kernel was asked to write back */
        Ranges ranges;
};

/* --- the target --- */

/* What stands there now. The rename at the end decides; this is so that the host hears it before it sends. */
static TransferOutcome check_target(const Sink *sink) {
        struct stat st;

        if (fstatat(sink->target.directory_fd, sink->target.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? TRANSFER_OK : transfer_outcome_from_errno(errno);
        if (!S_ISREG(st.st_mode))
                return TRANSFER_E_NOT_A_FILE;
        return sink->setup.overwrite ? TRANSFER_OK : TRANSFER_E_EXISTS;
}

/* --- room --- */

/* A file system that counts no blocks (tmpfs without a size) has no limit of its own. */
static TransferOutcome check_room(const Sink *sink) {
        struct statvfs fs;

        if (fstatvfs(sink->fd, &fs) < 0)
                return TRANSFER_E_STORAGE;
        if (fs.f_blocks > 0 && sink->setup.size > fs.f_bavail * fs.f_frsize)
                return TRANSFER_E_DISK_FULL;
        return TRANSFER_OK;
}

static TransferOutcome reserve(const Sink *sink) {
        off_t size = (off_t) sink->setup.size;
        TransferOutcome outcome;

        if (sink->setup.size > INT64_MAX)
                return TRANSFER_E_DISK_FULL;
        if (sink->setup.size == 0)
                return TRANSFER_OK;
        outcome = check_room(sink);
        if (outcome != TRANSFER_OK)
                return outcome;

        while (fallocate(sink->fd, 0, 0, size) < 0) {
                if (errno == EINTR)
                        continue;
                if (errno != EOPNOTSUPP && errno != ENOSYS)
                        return transfer_outcome_from_errno(errno);
                return ftruncate(sink->fd, size) < 0 ? transfer_outcome_from_errno(errno) : TRANSFER_OK;
        }
        return TRANSFER_OK;
}

/* --- birth and end --- */

static TransferOutcome make_temporary(Sink *sink) {
        int r;

        for (unsigned tries = 0; tries < NAME_TRIES; tries++) {
                temporary_name(sink->temporary);
                r = journal_add(sink->setup.journal, sink->target.directory_fd, sink->temporary);
                if (r < 0)
                        return TRANSFER_E_STORAGE;
                sink->fd = openat(sink->target.directory_fd, sink->temporary,
                                  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (sink->fd >= 0)
                        return TRANSFER_OK;
                r = -errno;
                journal_remove(sink->setup.journal, sink->temporary);
                if (r != -EEXIST)
                        return transfer_outcome_from_errno(r);
        }
        return TRANSFER_E_STORAGE;
}

TransferOutcome sink_new(const SinkSetup *setup, PathTarget *target, Sink **ret) {
        g_autoptr(Sink) sink = g_new0(Sink, 1);
        TransferOutcome outcome;

        sink->setup = *setup;
        sink->fd = -1;
        sink->target = *target;
        *target = PATH_TARGET_NONE;
        ranges_init(&sink->ranges);
        outcome = check_target(sink);
        if (outcome == TRANSFER_OK)
                outcome = make_temporary(sink);
        if (outcome == TRANSFER_OK)
                outcome = reserve(sink);
        if (outcome != TRANSFER_OK)
                return outcome;

        *ret = g_steal_pointer(&sink);
        return TRANSFER_OK;
}

Sink *sink_free(Sink *sink) {
        if (!sink)
                return NULL;

        if (sink->fd >= 0) {
                (void) unlinkat(sink->target.directory_fd, sink->temporary, 0);
                (void) close(sink->fd);
                journal_remove(sink->setup.journal, sink->temporary);
        }
        path_target_done(&sink->target);
        ranges_done(&sink->ranges);
        g_free(sink);
        return NULL;
}

/* --- bytes --- */

/* Starts the write-back of what has come since the last time; does not wait for it. */
static void push(Sink *sink, uint64_t end) {
        if (end < sink->pushed + PUSH_STEP)
                return;
        (void) sync_file_range(sink->fd, (off_t) sink->pushed, (off_t) (end - sink->pushed),
                               SYNC_FILE_RANGE_WRITE);
        sink->pushed = end;
}

TransferOutcome sink_write(Sink *sink, uint64_t offset, const void *data, size_t n) {
        uint64_t end;
        int r;

        if (__builtin_add_overflow(offset, n, &end) || end > sink->setup.size)
                return TRANSFER_E_FRAGMENT;
        if (ranges_add(&sink->ranges, offset, end) < 0)
                return TRANSFER_E_FRAGMENT;
        r = pwrite_full(sink->fd, data, n, (off_t) offset);
        if (r < 0)
                return transfer_outcome_from_errno(r);

        push(sink, end);
        return TRANSFER_OK;
}

uint64_t sink_received(const Sink *sink) {
        return sink->ranges.received;
}

/* --- arrival --- */

static bool has_owners(int fd) {
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0)
                return true;
        switch ((uint32_t) fs.f_type) {
        case MSDOS_SUPER_MAGIC:
        case EXFAT_MAGIC:
        case NTFS3_MAGIC:
        case FUSE_SUPER_MAGIC:
                return false;
        default:
                return true;
        }
}

/* The owner first: a change of owner clears the set-id bits. */
static int set_owner(const Sink *sink) {
        bool needed = sink->setup.uid != geteuid() || sink->setup.gid != getegid();

        if (needed && fchown(sink->fd, sink->setup.uid, sink->setup.gid) < 0 && has_owners(sink->fd))
                return -errno;
        if (fchmod(sink->fd, sink->setup.mode) < 0 && has_owners(sink->fd))
                return -errno;
        return 0;
}

static int take_name_by_link(int directory, const char *from, const char *to) {
        if (linkat(directory, from, directory, to, 0) >= 0)
                return unlinkat(directory, from, 0) < 0 ? -errno : 0;
        if (errno != EPERM && errno != EOPNOTSUPP)
                return -errno;
        if (faccessat(directory, to, F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                return -EEXIST;
        return renameat(directory, from, directory, to) < 0 ? -errno : 0;
}

static int take_name(const Sink *sink) {
        int directory = sink->target.directory_fd;

        if (sink->setup.overwrite)
                return renameat(directory, sink->temporary, directory, sink->target.name) < 0 ? -errno : 0;
        if (renameat2(directory, sink->temporary, directory, sink->target.name, RENAME_NOREPLACE) >= 0)
                return 0;
        return errno == EINVAL || errno == ENOSYS
                       ? take_name_by_link(directory, sink->temporary, sink->target.name)
                       : -errno;
}

/* The name is worth as much as the bytes; a directory that cannot be synced (some FUSE) is not held against it. */
static void sync_directory(const Sink *sink) {
        auto_fd fd = openat(sink->target.directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                (void) fsync(fd);
}

TransferOutcome sink_commit(Sink *sink) {
        int r;

        if (!ranges_cover(&sink->ranges, sink->setup.size))
                return TRANSFER_E_INCOMPLETE;
        r = set_owner(sink);
        if (r < 0)
                return transfer_outcome_from_errno(r);
        if (fsync(sink->fd) < 0)
                return transfer_outcome_from_errno(errno);
        r = take_name(sink);
        if (r < 0)
                return transfer_outcome_from_errno(r);

        (void) close(g_steal_fd(&sink->fd));
        sync_directory(sink);
        journal_remove(sink->setup.journal, sink->temporary);
        return TRANSFER_OK;
}
