/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libmount.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "service/snapshot/board.h"
#include "service/snapshot/mount-tree.h"

#define RECORD_MAGIC     "hvutils-frozen 1\n"
#define RECORD_BYTES_MAX (1024 * 1024)

RecordEntry *record_entry_new(dev_t device, const char *target) {
        RecordEntry *entry = g_new(RecordEntry, 1);

        *entry = (RecordEntry){ .device = device, .target = g_strdup(target) };
        return entry;
}

void record_entry_free(void *p) {
        RecordEntry *entry = p;

        g_free(entry->target);
        g_free(entry);
}

int record_write(const char *path, const GPtrArray *entries) {
        g_autoptr(GString) text = g_string_new(RECORD_MAGIC);

        for (guint i = 0; i < entries->len; i++) {
                const RecordEntry *entry = entries->pdata[i];
                auto_free_libc char *target = mnt_mangle(entry->target);

                if (!target)
                        return -ENOMEM;
                g_string_append_printf(text, "%u:%u %s\n", major(entry->device), minor(entry->device),
                                       target);
        }

        return write_file_atomic(path, text->str, text->len, 0644, false);
}

static RecordEntry *parse_line(const char *line) {
        auto_free_libc char *target = NULL;
        unsigned device_major, device_minor;
        int at = 0;

        if (sscanf(line, "%u:%u %n", &device_major, &device_minor, &at) != 2 || at == 0 || line[at] != '/')
                return NULL;
        target = mnt_unmangle(line + at);
        return target ? record_entry_new(makedev(device_major, device_minor), target) : NULL;
}

int record_read(const char *path, GPtrArray **ret) {
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(record_entry_free);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        size_t n;
        int r;

        r = read_file_at(AT_FDCWD, path, RECORD_BYTES_MAX, &text, &n);
        if (r < 0)
                return r;
        if (!g_str_has_prefix(text, RECORD_MAGIC))
                return -EBADMSG;

        lines = g_strsplit(text + strlen(RECORD_MAGIC), "\n", -1);
        for (char **line = lines; *line; line++) {
                RecordEntry *entry = **line ? parse_line(*line) : NULL;

                if (entry)
                        g_ptr_array_add(entries, entry);
                else if (**line)
                        return -EBADMSG;
        }

        *ret = g_steal_pointer(&entries);
        return 0;
}

/* A descriptor of the super block, through any of its mounts that a path reaches now. */
static int open_device(struct libmnt_table *mounts, dev_t device) {
        g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;

        while (mnt_table_next_fs(mounts, iter, &fs) == 0) {
                int fd;

                if (mnt_fs_get_devno(fs) != device || !mount_tree_reaches(mounts, fs))
                        continue;
                fd = open(mnt_fs_get_target(fs), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
                if (fd >= 0)
                        return fd;
        }

        return -ENOENT;
}

static int read_mounts(struct libmnt_table **ret) {
        g_autofree char *text = NULL;
        size_t n;
        int r;

        r = read_file_at(AT_FDCWD, "/proc/self/mountinfo", 64 * 1024 * 1024, &text, &n);
        return r < 0 ? r : mount_tree_parse(text, ret);
}

/* 1 if it was frozen, 0 if not. A file system that is mounted nowhere any more cannot be thawed from here:
 * the kernel keeps it frozen until it is mounted again. */
static int thaw_entry(struct libmnt_table *mounts, const RecordEntry *entry) {
        auto_fd fd = open_device(mounts, entry->device);

        if (fd < 0)
                return fd;
        if (ioctl(fd, FITHAW, 0) == 0)
                return 1;
        return errno == EINVAL ? 0 : board_thaw_descriptor(fd);
}

int record_thaw(const char *path) {
        g_autoptr(GPtrArray) entries = NULL;
        g_autoptr(MountTable) mounts = NULL;
        int r, failure = 0, thawed = 0;

        r = record_read(path, &entries);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = read_mounts(&mounts);
        if (r < 0)
                return r;

        for (guint i = entries->len; i-- > 0;) {
                r = thaw_entry(mounts, entries->pdata[i]);
                if (r < 0)
                        failure = r;
                else
                        thawed += r;
        }
        if (failure < 0)
                return failure;

        return unlink(path) < 0 && errno != ENOENT ? -errno : thawed;
}
