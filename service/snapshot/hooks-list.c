/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/hooks-list.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"

/* The first that has a name has it: even when that file is not run, which is how one switches a hook off. */
static const char *const directories[] = { "/etc/hvutils/snapshot.d", "/usr/lib/hvutils/snapshot.d" };

/* What editors and package managers leave beside a file. */
static const char *const leftovers[] = { ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".dpkg-tmp", ".dpkg-bak",
                                         ".ucf-old",  ".ucf-dist",  ".ucf-new",  ".rpmsave",  ".rpmorig",
                                         ".rpmnew",   ".swp",       ".bak",      ".orig",     "~" };

static bool name_is_leftover(const char *name) {
        for (size_t i = 0; i < G_N_ELEMENTS(leftovers); i++)
                if (g_str_has_suffix(name, leftovers[i]))
                        return true;
        return name[0] == '.';
}

/* Whoever can write it would become root by the next snapshot. */
static bool may_be_trusted(const struct stat *st) {
        return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static bool file_is_hook(int directory_fd, const char *path, const char *name) {
        struct stat st;

        if (fstatat(directory_fd, name, &st, 0) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
                return false;
        if (may_be_trusted(&st))
                return true;
        log_warning("The hook %s is not run: others than its owner and root may change it.", path);
        return false;
}

static DIR *directory_open(const char *path) {
        DIR *directory = opendir(path);
        struct stat st;

        if (!directory) {
                if (errno != ENOENT)
                        log_errno(LOG_WARNING, -errno, "Cannot read %s, going on without its hooks", path);
                return NULL;
        }
        if (fstat(dirfd(directory), &st) < 0 || !may_be_trusted(&st)) {
                log_warning("No hook in %s is run: others than its owner and root may change it.", path);
                (void) closedir(directory);
                return NULL;
        }
        return directory;
}

/* names: every name seen so far -> the path to run, or NULL for one that is not run. */
static void directory_add(const char *path, GHashTable *names) {
        DIR *directory = directory_open(path);
        const struct dirent *entry;

        if (!directory)
                return;
        while ((entry = readdir(directory))) {
                g_autofree char *file = g_build_filename(path, entry->d_name, NULL);

                if (name_is_leftover(entry->d_name) || g_hash_table_contains(names, entry->d_name))
                        continue;
                if (!file_is_hook(dirfd(directory), file, entry->d_name))
                        g_clear_pointer(&file, g_free);
                g_hash_table_insert(names, g_strdup(entry->d_name), g_steal_pointer(&file));
        }
        (void) closedir(directory);
}

static int compare_names(const void *a, const void *b) {
        const char *path_a = *(const char *const *) a, *path_b = *(const char *const *) b;

        return strcmp(strrchr(path_a, '/'), strrchr(path_b, '/'));
}

const char *hooks_root(const char *root) {
        if (!root)
                root = g_getenv("HVUTILS_HOOKS_ROOT");
        return root ? root : "";
}

GPtrArray *hooks_list(const char *root) {
        g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        gpointer path;

        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                g_autofree char *directory = g_strconcat(hooks_root(root), directories[i], NULL);

                directory_add(directory, names);
        }
        g_hash_table_iter_init(&iter, names);
        while (g_hash_table_iter_next(&iter, NULL, &path))
                if (path)
                        g_ptr_array_add(paths, g_strdup(path));
        g_ptr_array_sort(paths, compare_names);
        return paths;
}
