/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A systemd generator: turns AllowedRoots= of hvutils.conf(5) into the paths that hvutils-transferd.service may write, so
 * that the kernel holds what the daemon promises. With "/" among the roots it says nothing. It runs before anything
 * else of the boot and at each `systemctl daemon-reload`; the paths need not exist yet.
 */

#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "common/file-util.h"

#define UNIT_DROP_IN "hvutils-transferd.service.d"

static bool allows_everything(char **roots) {
        for (; *roots; roots++)
                if (strspn(*roots, "/") == strlen(*roots))
                        return true;
        return false;
}

/* A path as systemd reads it: quoted, % doubled. */
static void append_path(GString *text, const char *path) {
        g_string_append(text, " \"-");
        for (; *path; path++) {
                if (strchr("\"\\", *path))
                        g_string_append_c(text, '\\');
                if (*path == '%')
                        g_string_append_c(text, '%');
                g_string_append_c(text, *path);
        }
        g_string_append_c(text, '"');
}

/* Narrow roots also allow to hide the homes and to make all else read-only. */
static char *drop_in(char **roots) {
        GString *text =
                g_string_new("# Made by hvutils-transfer-roots from AllowedRoots= of hvutils.conf(5).\n"
                             "[Service]\n"
                             "ProtectSystem=strict\n"
                             "ReadWritePaths=\n"
                             "ReadWritePaths=-/run/hvutils -/var/lib/hvutils");

        for (; *roots; roots++)
                append_path(text, *roots);
        g_string_append_c(text, '\n');
        return g_string_free(text, FALSE);
}

static int write_drop_in(const char *directory, const char *text) {
        g_autofree char *folder = g_build_filename(directory, UNIT_DROP_IN, NULL);
        g_autofree char *file = g_build_filename(folder, "50-allowed-roots.conf", NULL);
        int r;

        r = make_directory(folder, 0755);
        return r < 0 ? r : write_file_atomic(file, text, strlen(text), 0644, false);
}

/* Mistakes are the daemons' to complain of: nobody reads what a generator says. */
static void ignore_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {}

/* Arguments: the directories for units of ordinary, early and late priority. */
int main(int argc, char **argv) {
        g_autoptr(Configuration) configuration = NULL;
        const char *file = g_getenv("HVUTILS_CONFIG");
        g_autofree char *text = NULL;
        int r;

        if (argc < 2)
                return 2;

        (void) configuration_load(file, "", configuration_is_confidential(), ignore_complaint, NULL,
                                  &configuration);
        if (!configuration || allows_everything(configuration->transfer.allowed_roots))
                return 0;
        text = drop_in(configuration->transfer.allowed_roots);
        r = write_drop_in(argv[1], text);
        if (r < 0)
                (void) fprintf(stderr, "hvutils-transfer-roots: %s: %s\n", argv[1], g_strerror(-r));
        return r < 0 ? 1 : 0;
}
