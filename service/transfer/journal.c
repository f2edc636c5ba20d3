/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"

#define JOURNAL_MAX 65536 /* bytes; a line is rarely longer than a hundred */

typedef struct Entry {
        uint64_t device, inode;
        char *path;
} Entry;

struct Journal {
        char *file;
        GPtrArray *entries; /* Entry */
};

static void entry_free(void *data) {
        Entry *entry = data;

        g_free(entry->path);
        g_free(entry);
}

Journal *journal_new(const char *directory) {
        Journal *journal = g_new0(Journal, 1);

        journal->file = g_build_filename(directory, JOURNAL_FILE, NULL);
        journal->entries = g_ptr_array_new_with_free_func(entry_free);
        return journal;
}

Journal *journal_free(Journal *journal) {
        if (!journal)
                return NULL;

        g_free(journal->file);
        g_ptr_array_unref(journal->entries);
        g_free(journal);
        return NULL;
}

/* --- names --- */

void temporary_name(char ret[TEMPORARY_NAME_SIZE]) {
        uint64_t number = 0;

        if (getrandom(&number, sizeof number, 0) != sizeof number)
                number = ((uint64_t) g_random_int() << 32) | g_random_int();
        (void) snprintf(ret, TEMPORARY_NAME_SIZE, TEMPORARY_PREFIX "%012" PRIx64 TEMPORARY_SUFFIX,
                        number >> 16);
}

bool temporary_is_ours(const char *name) {
        return g_str_has_prefix(name, TEMPORARY_PREFIX) && g_str_has_suffix(name, TEMPORARY_SUFFIX) &&
               strlen(name) == strlen(TEMPORARY_PREFIX) + 12 + strlen(TEMPORARY_SUFFIX) &&
               strchr(name, '/') == NULL;
}

/* --- the file --- */

static int save(const Journal *journal) {
        g_autoptr(GString) text = g_string_new(NULL);

        if (journal->entries->len == 0)
                return unlink(journal->file) < 0 && errno != ENOENT ? -errno : 0;

        for (guint i = 0; i < journal->entries->len; i++) {
                const Entry *entry = g_ptr_array_index(journal->entries, i);
                g_autofree char *escaped = g_strescape(entry->path, NULL);

                g_string_append_printf(text, "%" PRIu64 " %" PRIu64 " %s\n", entry->device, entry->inode,
                                       escaped);
        }
        return write_file_atomic(journal->file, text->str, text->len, 0600, false);
}

static void load_line(Journal *journal, const char *line) {
        g_auto(GStrv) words = g_strsplit(line, " ", 3);
        g_autofree Entry *entry = g_new0(Entry, 1);

        if (g_strv_length(words) != 3 ||
            !g_ascii_string_to_unsigned(words[0], 10, 0, UINT64_MAX, &entry->device, NULL) ||
            !g_ascii_string_to_unsigned(words[1], 10, 0, UINT64_MAX, &entry->inode, NULL))
                return;
        entry->path = g_strcompress(words[2]);
        g_ptr_array_add(journal->entries, g_steal_pointer(&entry));
}

static void load(Journal *journal) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (read_file_at(AT_FDCWD, journal->file, JOURNAL_MAX, &text, NULL) < 0)
                return;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++)
                load_line(journal, *line);
}

/* --- the entries --- */

static char *path_of(int directory_fd, const char *name) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", directory_fd);
        g_autofree char *directory = g_file_read_link(link, NULL);

        return directory ? g_build_filename(directory, name, NULL) : NULL;
}

int journal_add(Journal *journal, int directory_fd, const char *name) {
        g_autofree char *path = path_of(directory_fd, name);
        struct stat st;
        Entry *entry;

        if (!path || fstat(directory_fd, &st) < 0)
                return -errno;

        entry = g_new0(Entry, 1);
        *entry = (Entry){ .device = st.st_dev, .inode = st.st_ino, .path = g_steal_pointer(&path) };
        g_ptr_array_add(journal->entries, entry);
        return save(journal);
}

void journal_remove(Journal *journal, const char *name) {
        for (guint i = 0; i < journal->entries->len; i++) {
                const Entry *entry = g_ptr_array_index(journal->entries, i);

                if (strcmp(strrchr(entry->path, '/') + 1, name) != 0)
                        continue;
                g_ptr_array_remove_index(journal->entries, i);
                (void) save(journal);
                return;
        }
}

static bool sweep_entry(const Entry *entry) {
        g_autofree char *directory = g_path_get_dirname(entry->path);
        g_autofree char *name = g_path_get_basename(entry->path);
        struct stat st;

        auto_fd fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return false;
        if (st.st_dev != entry->device || st.st_ino != entry->inode || !temporary_is_ours(name))
                return false;
        return unlinkat(fd, name, 0) >= 0;
}

unsigned journal_sweep(Journal *journal) {
        unsigned swept = 0;

        load(journal);
        for (guint i = 0; i < journal->entries->len; i++)
                swept += sweep_entry(g_ptr_array_index(journal->entries, i));
        g_ptr_array_set_size(journal->entries, 0);
        (void) save(journal);
        return swept;
}
