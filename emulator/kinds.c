/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/kinds.h"

#include <string.h>

const DriverKind *const driver_kinds[] = {
        &driver_kvp,
        &driver_vss,
        &driver_fcopy,
        NULL,
};

int driver_kind_find(const char *name) {
        for (int i = 0; driver_kinds[i]; i++)
                if (strcmp(driver_kinds[i]->name, name) == 0)
                        return i;

        return -ENOENT;
}
