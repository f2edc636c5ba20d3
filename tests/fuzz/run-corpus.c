/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver of a fuzz target without libFuzzer: hands it every file of the folders on the command line. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/file-util.h"

#define INPUT_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(int dir_fd, const char *name) {
        g_autofree char *contents = NULL;
        g_autofree void *exact = NULL;
        size_t size;
        int r;

        r = read_file_at(dir_fd, name, INPUT_MAX, &contents, &size);
        if (r < 0)
                return r;

        exact = g_memdup2(contents, size); /* so that a sanitizer sees the first byte too many */
        (void) LLVMFuzzerTestOneInput(exact ? exact : (const uint8_t *) "", size);
        return 0;
}

static int run_folder(const char *path) {
        DIR *folder = opendir(path);
        const struct dirent *entry;
        int ran = 0;

        while (folder && (entry = readdir(folder)))
                if (entry->d_name[0] != '.' && run_file(dirfd(folder), entry->d_name) >= 0)
                        ran++;

        if (folder)
                (void) closedir(folder);
        (void) printf("%s: %d inputs\n", path, ran);
        return ran;
}

/* A folder that is missing or empty is a mistake: a test that tests nothing must not pass. */
int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (run_folder(argv[i]) == 0)
                        return EXIT_FAILURE;
        return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
