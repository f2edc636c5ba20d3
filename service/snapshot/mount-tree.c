/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/mount-tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

/* libmount reports a broken line to this function; such a line is left out (1), the rest of the table is
 * good. */
static int on_parse_error(struct libmnt_table *table, const char *filename, int line) {
        return 1;
}

int mount_tree_parse(const char *text, struct libmnt_table **ret) {
        g_autoptr(MountTable) table = mnt_new_table();
        FILE *file;
        int r;

        if (!table)
                return -ENOMEM;
        if (*text) {
                file = fmemopen((void *)text, strlen(text), "re");
                if (!file)
                        return -errno;
                mnt_table_set_parser_errcb(table, on_parse_error);
                r = mnt_table_parse_stream(table, file, "mounts");
                (void)fclose(file);
                if (r != 0)
                        return r < 0 ? r : -EINVAL;
        }

        *ret = g_steal_pointer(&table);
        return 0;
}

static int add_utab_line(struct libmnt_table *table, const char *line) {
        g_auto(GStrv) words = g_strsplit(line, " ", -1);
        struct libmnt_fs *fs = mnt_new_fs();
        int r = 0;

        if (!fs)
                return -ENOMEM;
        for (char **word = words; r == 0 && *word; word++) {
                auto_free_libc char *value = strchr(*word, '=') ? mnt_unmangle(strchr(*word, '=') + 1) : NULL;

                if (value && g_str_has_prefix(*word, "TARGET="))
                        r = mnt_fs_set_target(fs, value);
                else if (value && g_str_has_prefix(*word, "OPTS="))
                        r = mnt_fs_set_options(fs, value);
        }
        if (r == 0 && mnt_fs_get_target(fs))
                r = mnt_table_add_fs(table, fs);

        mnt_unref_fs(fs);
        return r;
}

int mount_tree_parse_utab(const char *text, struct libmnt_table **ret) {
        g_autoptr(MountTable) table = mnt_new_table();
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        int r;

        if (!table)
                return -ENOMEM;
        for (char **line = lines; *line; line++) {
                r = add_utab_line(table, *line);
                if (r < 0)
                        return r;
        }

        *ret = g_steal_pointer(&table);
        return 0;
}

static bool goes_through(const char *path, const char *target) {
        size_t n = strlen(target);

        if (strcmp(target, "/") == 0)
                return true;
        return strncmp(path, target, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The mount that the walk along path crosses into next when it stands on the mount with this id: the child
 * whose mount point comes first on the path. */
static struct libmnt_fs *next_crossing(struct libmnt_table *table, int id, const char *path) {
        g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs, *found = NULL;

        while (mnt_table_next_fs(table, iter, &fs) == 0) {
                const char *target = mnt_fs_get_target(fs);

                if (mnt_fs_get_parent_id(fs) != id || mnt_fs_get_id(fs) == id || !goes_through(path, target))
                        continue;
                if (!found || strlen(target) < strlen(mnt_fs_get_target(found)))
                        found = fs;
        }

        return found;
}

/* The mount that has no parent in the table: the namespace's (or chroot's) root. */
static struct libmnt_fs *find_root(struct libmnt_table *table) {
        g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;

        while (mnt_table_next_fs(table, iter, &fs) == 0) {
                g_autoptr(MountIter) inner = mnt_new_iter(MNT_ITER_FORWARD);
                struct libmnt_fs *other;
                bool has_parent = false;

                if (strcmp(mnt_fs_get_target(fs), "/") != 0)
                        continue;
                while (!has_parent && mnt_table_next_fs(table, inner, &other) == 0)
                        has_parent = other != fs && mnt_fs_get_id(other) == mnt_fs_get_parent_id(fs);
                if (!has_parent)
                        return fs;
        }

        return NULL;
}

struct libmnt_fs *mount_tree_find(struct libmnt_table *table, const char *path) {
        struct libmnt_fs *fs = find_root(table), *next = fs;

        while (next) {
                fs = next;
                next = next_crossing(table, mnt_fs_get_id(fs), path);
        }

        return fs;
}

bool mount_tree_reaches(struct libmnt_table *table, struct libmnt_fs *fs) {
        return mount_tree_find(table, mnt_fs_get_target(fs)) == fs;
}
