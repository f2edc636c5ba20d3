/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/channel/channel-holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, closedir)

static DIR *opendir_at(int dir_fd, const char *path) {
        auto_fd fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir;

        if (fd < 0)
                return NULL;
        dir = fdopendir(fd);
        if (dir)
                (void)g_steal_fd(&fd);

        return dir;
}

static bool is_number(const char *name) {
        return g_ascii_isdigit(name[0]);
}

/* By the link's text: asking the file itself could wait for a dead network disk of somebody else. */
static bool process_holds(int proc_fd, const char *pid, const char *wanted) {
        g_autofree char *path = g_strdup_printf("%s/fd", pid);
        g_autoptr(DIR) dir = NULL;
        char target[PATH_MAX];
        struct dirent *entry;
        ssize_t n;

        dir = opendir_at(proc_fd, path);
        if (!dir)
                return false;

        while ((entry = readdir(dir))) {
                n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
                if (n < 0)
                        continue;
                target[n] = '\0';
                if (strcmp(target, wanted) == 0)
                        return true;
        }

        return false;
}

static void describe(int proc_fd, const char *pid, char *buffer, size_t n) {
        g_autofree char *path = g_strdup_printf("%s/comm", pid);
        g_autofree char *comm = NULL;

        if (read_file_at(proc_fd, path, 64, &comm, NULL) < 0)
                (void)snprintf(buffer, n, "PID %s", pid);
        else
                (void)snprintf(buffer, n, "%s (PID %s)", g_strchomp(comm), pid);
}

bool channel_holder_find(const char *path, char *buffer, size_t n) {
        auto_free_libc char *wanted = NULL;
        g_autoptr(DIR) proc = NULL;
        struct dirent *entry;

        if (geteuid() != 0)
                return false;
        wanted = realpath(path, NULL);
        if (!wanted)
                return false;
        proc = opendir("/proc");
        if (!proc)
                return false;

        while ((entry = readdir(proc)))
                if (is_number(entry->d_name) && process_holds(dirfd(proc), entry->d_name, wanted)) {
                        describe(dirfd(proc), entry->d_name, buffer, n);
                        return true;
                }

        return false;
}
