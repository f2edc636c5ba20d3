/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/errno-name.h"

#include <errno.h>
#include <string.h>

static const struct {
        const char *name;
        int number;
} names[] = {
        { "EINTR", EINTR },   { "EBADF", EBADF },   { "EAGAIN", EAGAIN }, { "ENOMEM", ENOMEM },
        { "EFAULT", EFAULT }, { "EBUSY", EBUSY },   { "EINVAL", EINVAL }, { "EIO", EIO },
        { "ENODEV", ENODEV }, { "EACCES", EACCES }, { "ENOENT", ENOENT },
};

int errno_from_name(const char *name) {
        guint64 number;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (strcmp(names[i].name, name) == 0)
                        return names[i].number;

        return g_ascii_string_to_unsigned(name, 10, 1, 4095, &number, NULL) ? (int) number : -EINVAL;
}
