/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/file-util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void complain(const char *file, unsigned line, const char *sentence, void *userdata) {
        g_assert_true(g_utf8_validate(sentence, -1, NULL));
}

/* Whatever stands in the file, what comes out is a configuration that holds to its limits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autoptr(Configuration) configuration = NULL;
        char path[32];

        auto_fd fd = memfd_create("hvutils.conf", MFD_CLOEXEC);
        if (fd < 0 || pwrite_full(fd, data, size, 0) < 0)
                return 0;

        (void) g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        (void) configuration_load(path, "", false, complain, NULL, &configuration);
        g_assert_cmpuint(configuration->kvp.maximum_records, <=, 1048576);
        g_assert_cmpuint(configuration->transfer.file_mode, <=, 0777);
        g_assert_nonnull(configuration->transfer.allowed_roots);
        g_assert_nonnull(configuration->network.configurator);
        return 0;
}
