/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/kernel-fs.h"

#include <errno.h>
#include <libmount.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* What <linux/magic.h> leaves out; the numbers are the kernel's. */
#define CONFIGFS_MAGIC 0x62656570
#define FUSECTL_MAGIC  0x65735543
#define MQUEUE_MAGIC   0x19800202

static bool is_kernel_type(long type) {
        static const unsigned long types[] = {
                PROC_SUPER_MAGIC,     SYSFS_MAGIC,     CGROUP_SUPER_MAGIC,   CGROUP2_SUPER_MAGIC,
                DEBUGFS_MAGIC,        TRACEFS_MAGIC,   SECURITYFS_MAGIC,     SELINUX_MAGIC,
                SMACK_MAGIC,          BPF_FS_MAGIC,    EFIVARFS_MAGIC,       PSTOREFS_MAGIC,
                DEVPTS_SUPER_MAGIC,   BINFMTFS_MAGIC,  RDTGROUP_SUPER_MAGIC, NSFS_MAGIC,
                AUTOFS_SUPER_MAGIC,   CONFIGFS_MAGIC,  FUSECTL_MAGIC,        MQUEUE_MAGIC,
                BINDERFS_SUPER_MAGIC, HUGETLBFS_MAGIC, SOCKFS_MAGIC,         PIPEFS_MAGIC,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
                if ((unsigned long) type == types[i])
                        return true;
        return false;
}

/* devtmpfs says of itself that it is tmpfs; only the mount table knows better. */
static int is_device_tree(dev_t device) {
        struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
        struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;
        int r = table && iterator ? 0 : -EIO;

        while (r == 0 && mnt_table_next_fs(table, iterator, &fs) == 0)
                if (mnt_fs_get_devno(fs) == device && mnt_fs_match_fstype(fs, "devtmpfs"))
                        r = 1;
        mnt_free_iter(iterator);
        mnt_unref_table(table);
        return r;
}

int kernel_fs_contains(int fd) {
        struct statfs fs;
        struct stat st;

        if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (is_kernel_type((long) fs.f_type))
                return 1;
        return fs.f_type == TMPFS_MAGIC ? is_device_tree(st.st_dev) : 0;
}
