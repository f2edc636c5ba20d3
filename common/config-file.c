/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/config-file.h"

#include <fcntl.h>
#include <string.h>

#include "common/file-util.h"

#define FILE_MAX (1024 * 1024)

static void assignment_free(void *p) {
        ConfigAssignment *assignment = p;

        g_free(assignment->section);
        g_free(assignment->key);
        g_free(assignment->value);
        g_free(assignment);
}

/* The lines of a file, judged one at a time by GKeyFile: given the whole file it would stop at the first
 * mistake. */
typedef struct Scan {
        const char *path;
        ConfigurationComplaint complain;
        void *userdata;
        unsigned line;
        char *section; /* NULL: before the first one, or below a broken header */
        bool broken;   /* below a header that could not be read: its keys are nobody's */
        GPtrArray *assignments;
} Scan;

static void report(const Scan *scan, const char *sentence) {
        scan->complain(scan->path, scan->line, sentence, scan->userdata);
}

static GKeyFile *parse_line(const char *text) {
        g_autoptr(GKeyFile) file = g_key_file_new();

        if (!g_utf8_validate(text, -1, NULL) ||
            !g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL))
                return NULL;
        return g_steal_pointer(&file);
}

static void scan_header(Scan *scan, const char *text) {
        g_autoptr(GKeyFile) file = parse_line(text);

        g_clear_pointer(&scan->section, g_free);
        if (file)
                scan->section = g_key_file_get_start_group(file);

        scan->broken = !scan->section;
        if (scan->broken)
                report(scan, "not a section header, ignoring the lines up to the next one");
}

static void take_assignment(Scan *scan, GKeyFile *file) {
        g_auto(GStrv) keys = g_key_file_get_keys(file, scan->section, NULL, NULL);
        ConfigAssignment *assignment;

        if (!keys || !keys[0])
                return;

        assignment = g_new(ConfigAssignment, 1);
        *assignment = (ConfigAssignment){
                .section = g_strdup(scan->section),
                .key = g_strdup(keys[0]),
                .value = g_strchomp(g_key_file_get_value(file, scan->section, keys[0], NULL)),
                .line = scan->line,
        };
        g_ptr_array_add(scan->assignments, assignment);
}

static void scan_assignment(Scan *scan, const char *text) {
        g_autofree char *whole = NULL;
        g_autoptr(GKeyFile) file = NULL;

        if (scan->broken)
                return;
        if (!scan->section) {
                report(scan, "stands before the first section, ignoring");
                return;
        }

        whole = g_strdup_printf("[%s]\n%s\n", scan->section, text);
        file = parse_line(whole);
        if (file)
                take_assignment(scan, file);
        else
                report(scan, "neither a section header nor an assignment, ignoring");
}

static void scan_line(Scan *scan, char *text) {
        g_strstrip(text);
        if (text[0] == '\0' || text[0] == '#' || text[0] == ';')
                return;

        if (text[0] == '[')
                scan_header(scan, text);
        else
                scan_assignment(scan, text);
}

int config_file_read(const char *path, ConfigurationComplaint complain, void *userdata, GPtrArray **ret) {
        g_autoptr(GPtrArray) assignments = g_ptr_array_new_with_free_func(assignment_free);
        g_autofree char *contents = NULL;
        g_auto(GStrv) lines = NULL;
        Scan scan = { .path = path, .complain = complain, .userdata = userdata, .assignments = assignments };
        int r;

        r = read_file_at(AT_FDCWD, path, FILE_MAX, &contents, NULL);
        if (r < 0)
                return r;

        lines = g_strsplit(contents, "\n", -1);
        for (char **line = lines; *line; line++) {
                scan.line++;
                scan_line(&scan, *line);
        }

        g_free(scan.section);
        *ret = g_steal_pointer(&assignments);
        return 0;
}

/* Later directories hide files of the same name in earlier ones. */
static void collect_drop_ins(const char *directory, GHashTable *paths) {
        g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                if (name[0] != '.' && g_str_has_suffix(name, ".conf"))
                        g_hash_table_insert(paths, g_strdup(name), g_build_filename(directory, name, NULL));
}

static void add_main_file(const char *root, GPtrArray *files) {
        static const char *const candidates[] = { "/etc/hvutils/hvutils.conf",
                                                  "/usr/lib/hvutils/hvutils.conf" };

        for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++) {
                g_autofree char *path = g_strconcat(root, candidates[i], NULL);

                if (g_file_test(path, G_FILE_TEST_EXISTS)) {
                        g_ptr_array_add(files, g_steal_pointer(&path));
                        return;
                }
        }
}

GPtrArray *config_file_search(const char *root) {
        static const char *const directories[] = { "/usr/lib/hvutils/hvutils.conf.d",
                                                   "/run/hvutils/hvutils.conf.d",
                                                   "/etc/hvutils/hvutils.conf.d" };
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autoptr(GList) names = NULL;

        add_main_file(root, files);
        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                g_autofree char *directory = g_strconcat(root, directories[i], NULL);

                collect_drop_ins(directory, paths);
        }

        names = g_list_sort(g_hash_table_get_keys(paths), (GCompareFunc) strcmp);
        for (GList *name = names; name; name = name->next)
                g_ptr_array_add(files, g_strdup(g_hash_table_lookup(paths, name->data)));

        return g_steal_pointer(&files);
}
