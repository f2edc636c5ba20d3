/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

static ExitStatus read_all(int fd, size_t max, GString *text, Failure *failure) {
        char block[65536];
        for (;;) {
                ssize_t n = read(fd, block, sizeof block);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return failure_set(failure, EXIT_STATUS_ERROR, "%s", g_strerror(errno));
                if (n == 0)
                        return EXIT_STATUS_OK;
                g_string_append_len(text, block, n);
                if (text->len > max)
                        return failure_set(failure, EXIT_STATUS_INVALID, "more than %zu bytes", max);
        }
}

ExitStatus input_read(const char *path, size_t max, char **ret, size_t *ret_size, Failure *failure) {
        bool is_stdin = !path || strcmp(path, "-") == 0;
        auto_fd opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        if (!is_stdin && opened < 0)
                return failure_set(failure, EXIT_STATUS_ERROR, "cannot open '%s': %s", path,
                                   g_strerror(errno));

        g_autoptr(GString) text = g_string_new(NULL);
        ExitStatus status = read_all(is_stdin ? STDIN_FILENO : opened, max, text, failure);
        if (status) {
                g_autofree char *cause = g_steal_pointer(&failure->cause);
                return failure_set(failure, status, "cannot read %s: %s", is_stdin ? "stdin" : path, cause);
        }
        *ret_size = text->len;
        *ret = g_string_free(g_steal_pointer(&text), false);
        return EXIT_STATUS_OK;
}
