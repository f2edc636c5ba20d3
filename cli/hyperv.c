/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/hyperv.h"

#include <string.h>

static bool file_says(const char *sysfs, const char *name, const char *expected) {
        g_autofree char *path = g_build_filename(sysfs, name, NULL), *text = NULL;
        if (!g_file_get_contents(path, &text, NULL, NULL))
                return false;
        return strcmp(g_strstrip(text), expected) == 0;
}

bool hyperv_is_guest(const char *sysfs) {
        g_autofree char *vmbus = g_build_filename(sysfs, "bus/vmbus/devices", NULL);
        if (g_file_test(vmbus, G_FILE_TEST_IS_DIR))
                return true;
        return file_says(sysfs, "class/dmi/id/sys_vendor", "Microsoft Corporation") &&
               file_says(sysfs, "class/dmi/id/product_name", "Virtual Machine");
}
