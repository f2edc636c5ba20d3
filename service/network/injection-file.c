/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/injection-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "common/log.h"
#include "common/units.h"

#define PENDING "injection-"
#define APPLIED "injected-"

static char *file_path(const char *directory, const char *prefix, const char *guid) {
        g_autofree char *name = g_strconcat(prefix, guid, NULL);

        return g_build_filename(directory, name, NULL);
}

int injection_file_keep(const char *directory, const char *guid, const uint8_t message[KVP_MESSAGE_SIZE]) {
        g_autofree char *path = file_path(directory, PENDING, guid);

        return write_file_atomic(path, message, KVP_MESSAGE_SIZE, 0600, false);
}

void injection_file_finish(const char *directory, const char *guid, bool applied) {
        g_autofree char *path = file_path(directory, PENDING, guid);
        g_autofree char *last = file_path(directory, APPLIED, guid);

        if ((applied ? rename(path, last) : unlink(path)) < 0 && errno != ENOENT)
                log_errno(LOG_WARNING, -errno, "Cannot put %s away, it will be applied again", path);
}

void injection_file_forget(const char *directory, const char *guid) {
        g_autofree char *path = file_path(directory, PENDING, guid);
        g_autofree char *last = file_path(directory, APPLIED, guid);

        (void) unlink(path);
        (void) unlink(last);
}

static int file_load(const char *path, const char *guid, bool applied, InjectionFile *ret) {
        g_autofree char *bytes = NULL;
        struct stat status;
        WireStatus refused;
        char item[64];
        size_t n;
        int r;

        r = read_file_at(AT_FDCWD, path, KVP_MESSAGE_SIZE, &bytes, &n);
        if (r < 0)
                return r;
        if (n != KVP_MESSAGE_SIZE || stat(path, &status) < 0)
                return -EBADMSG;
        r = ip_wire_parse_set((const uint8_t *) bytes, &ret->settings, &refused, item);
        if (r != 0 || strcmp(ret->settings.adapter, guid) != 0)
                return -EBADMSG;

        memcpy(ret->message, bytes, n);
        ret->applied = applied;
        ret->received_usec =
                (uint64_t) status.st_mtim.tv_sec * USEC_PER_SEC + (uint64_t) status.st_mtim.tv_nsec / 1000;
        return 0;
}

static void visit_prefix(const char *directory, const char *prefix, InjectionFileVisit visit,
                         void *userdata) {
        GDir *names = g_dir_open(directory, 0, NULL);
        const char *name;

        while (names && (name = g_dir_read_name(names))) {
                g_autofree char *path = g_build_filename(directory, name, NULL);
                InjectionFile file;
                int r;

                if (!g_str_has_prefix(name, prefix))
                        continue;
                r = file_load(path, name + strlen(prefix), strcmp(prefix, APPLIED) == 0, &file);
                if (r >= 0)
                        visit(&file, userdata);
                else if (unlink(path) == 0)
                        log_warning("%s holds no injection, removed.", path);
        }
        if (names)
                g_dir_close(names);
}

void injection_file_visit(const char *directory, InjectionFileVisit visit, void *userdata) {
        visit_prefix(directory, APPLIED, visit, userdata);
        visit_prefix(directory, PENDING, visit, userdata);
}
