/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "common/log.h"

/*
 * A key file: group "Snapshots" with Version=1, then a group a snapshot, named by its number. Paths in it may
 * be any bytes, key files are UTF-8: lists are escaped (g_strescape) before they go in.
 */

#define HISTORY_VERSION   1
#define HISTORY_BYTES_MAX (4 * 1024 * 1024)
#define NUMBER_BYTES_MAX  64

struct History {
        char *path, *number_path;
        GPtrArray *reports;
        uint64_t next;
};

static void report_free_opaque(void *report) {
        snapshot_report_free(report);
}

/* --- the file --- */

static void write_list(GKeyFile *file, const char *group, const char *key, const GPtrArray *list) {
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < list->len; i++)
                g_ptr_array_add(words, g_strescape(list->pdata[i], NULL));
        g_key_file_set_string_list(file, group, key, (const char *const *) words->pdata, words->len);
}

static void read_list(GKeyFile *file, const char *group, const char *key, GPtrArray *list) {
        g_auto(GStrv) words = g_key_file_get_string_list(file, group, key, NULL, NULL);

        for (char **word = words; word && *word; word++)
                g_ptr_array_add(list, g_strcompress(*word));
}

static void write_report(GKeyFile *file, const SnapshotReport *report) {
        g_autofree char *group = g_strdup_printf("%" G_GUINT64_FORMAT, report->id);

        g_key_file_set_string(file, group, "Initiator", snapshot_initiator_to_string(report->initiator));
        g_key_file_set_string(file, group, "Owner", report->owner);
        g_key_file_set_string(file, group, "State", snapshot_state_to_string(report->state));
        g_key_file_set_uint64(file, group, "Started", report->started_usec);
        g_key_file_set_uint64(file, group, "Frozen", report->frozen_usec);
        g_key_file_set_string(file, group, "Result", report->result);
        write_list(file, group, "FileSystems", report->file_systems);
        write_list(file, group, "Skipped", report->skipped);
        write_list(file, group, "Hooks", report->hooks);
        write_list(file, group, "Notes", report->notes);
}

static SnapshotReport *read_report(GKeyFile *file, const char *group) {
        g_autofree char *initiator = g_key_file_get_string(file, group, "Initiator", NULL),
                        *owner = g_key_file_get_string(file, group, "Owner", NULL),
                        *state = g_key_file_get_string(file, group, "State", NULL),
                        *result = g_key_file_get_string(file, group, "Result", NULL);
        SnapshotReport *report;
        guint64 id;

        if (!g_ascii_string_to_unsigned(group, 10, 1, G_MAXUINT64, &id, NULL) || !result || !initiator ||
            !state || snapshot_initiator_from_string(initiator) < 0 || snapshot_state_from_string(state) < 0)
                return NULL;

        report = snapshot_report_new(id, snapshot_initiator_from_string(initiator), owner);
        report->state = snapshot_state_from_string(state);
        report->started_usec = g_key_file_get_uint64(file, group, "Started", NULL);
        report->frozen_usec = g_key_file_get_uint64(file, group, "Frozen", NULL);
        snapshot_report_set_result(report, result);
        read_list(file, group, "FileSystems", report->file_systems);
        read_list(file, group, "Skipped", report->skipped);
        read_list(file, group, "Hooks", report->hooks);
        read_list(file, group, "Notes", report->notes);
        return report;
}

static int history_load(History *history) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_auto(GStrv) groups = NULL;
        g_autofree char *text = NULL;
        size_t n;
        int r;

        r = read_file_at(AT_FDCWD, history->path, HISTORY_BYTES_MAX, &text, &n);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (!g_key_file_load_from_data(file, text, n, G_KEY_FILE_NONE, NULL) ||
            g_key_file_get_integer(file, "Snapshots", "Version", NULL) != HISTORY_VERSION)
                return -EBADMSG;

        groups = g_key_file_get_groups(file, NULL);
        for (char **group = groups + 1; *groups && *group; group++) {
                SnapshotReport *report = read_report(file, *group);

                if (!report)
                        continue;
                g_ptr_array_add(history->reports, report);
                history->next = MAX(history->next, report->id + 1);
        }
        return 0;
}

static int history_save(const History *history) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        size_t n;

        g_key_file_set_integer(file, "Snapshots", "Version", HISTORY_VERSION);
        for (guint i = 0; i < history->reports->len; i++)
                write_report(file, history->reports->pdata[i]);
        text = g_key_file_to_data(file, &n, NULL);
        return write_file_atomic(history->path, text, n, 0600, false);
}

/* --- numbers --- */

static void history_load_number(History *history) {
        g_autofree char *text = NULL;
        guint64 number;
        size_t n;

        if (read_file_at(AT_FDCWD, history->number_path, NUMBER_BYTES_MAX, &text, &n) >= 0 &&
            g_ascii_string_to_unsigned(g_strchomp(text), 10, 1, G_MAXUINT64, &number, NULL))
                history->next = MAX(history->next, number);
}

int history_take_number(History *history, uint64_t *ret) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT "\n", history->next + 1);

        *ret = history->next++;
        return write_file_atomic(history->number_path, text, strlen(text), 0644, false);
}

/* --- the door --- */

History *history_new(const char *directory, const char *runtime_directory) {
        History *history = g_new(History, 1);
        int r;

        *history = (History){
                .path = g_build_filename(directory, "snapshots", NULL),
                .number_path = g_build_filename(runtime_directory, "snapshot-number", NULL),
                .reports = g_ptr_array_new_with_free_func(report_free_opaque),
                .next = 1,
        };
        r = history_load(history);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Cannot read %s, the history of snapshots begins anew",
                          history->path);
        history_load_number(history);
        return history;
}

History *history_free(History *history) {
        if (!history)
                return NULL;

        g_ptr_array_unref(history->reports);
        g_free(history->path);
        g_free(history->number_path);
        g_free(history);
        return NULL;
}

int history_add(History *history, SnapshotReport *report) {
        g_ptr_array_add(history->reports, report);
        if (history->reports->len > HISTORY_MAX)
                g_ptr_array_remove_index(history->reports, 0);
        return history_save(history);
}

const GPtrArray *history_get_reports(const History *history) {
        return history->reports;
}
