/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <net/if.h>
#include <string.h>

#include "configurators/interface.h"

/* The value of NAME=value in a file of such lines (g_free), or NULL. */
static char *value_in_file(const char *path, const char *name) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        size_t n = strlen(name);

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return NULL;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++)
                if (strncmp(*line, name, n) == 0 && (*line)[n] == '=')
                        return g_strdup(*line + n + 1);
        return NULL;
}

char *interface_master(const char *interface) {
        g_autofree char *path = g_strdup_printf("/sys/class/net/%s/master", interface);
        g_autofree char *target = g_file_read_link(path, NULL), *uevent = NULL, *type = NULL;

        if (!target)
                return NULL;
        uevent = g_strdup_printf("%s/uevent", path);
        type = value_in_file(uevent, "DEVTYPE");
        return g_strcmp0(type, "vrf") == 0 ? NULL : g_path_get_basename(target);
}

char *interface_networkd_word(const char *interface, const char *name) {
        g_autofree char *path = g_strdup_printf("/run/systemd/netif/links/%u", if_nametoindex(interface));

        return value_in_file(path, name);
}

char *interface_networkd_state(const char *interface) {
        return interface_networkd_word(interface, "ADMIN_STATE");
}

char *interface_networkd_lease(const char *interface) {
        g_autofree char *path = g_strdup_printf("/run/systemd/netif/leases/%u", if_nametoindex(interface));

        return value_in_file(path, "ADDRESS");
}
