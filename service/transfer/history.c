/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/history.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file-util.h"

#define FILE_MAX   (256 * 1024)
#define NUMBER_MAX 32

struct TransferHistory {
        char *file, *number_file;
        GPtrArray *records; /* TransferRecord */
        uint64_t number;    /* the last one given */
        bool unsaved;
};

static void record_free(void *record) {
        transfer_record_free(record);
}

/* --- the file: a key file, a group each, named by the number --- */

static void write_record(GKeyFile *file, const TransferRecord *record) {
        g_autofree char *group = g_strdup_printf("%" G_GUINT64_FORMAT, record->id);

        g_key_file_set_string(file, group, "FileName", record->file_name);
        g_key_file_set_string(file, group, "Directory", record->directory);
        g_key_file_set_uint64(file, group, "Size", record->size);
        g_key_file_set_uint64(file, group, "Received", record->received);
        g_key_file_set_uint64(file, group, "Rate", record->rate);
        g_key_file_set_string(file, group, "State", transfer_state_to_string(record->state));
        g_key_file_set_string(file, group, "Outcome", transfer_outcome_to_string(record->outcome));
        g_key_file_set_uint64(file, group, "Started", record->started);
        g_key_file_set_uint64(file, group, "Finished", record->finished);
}

static TransferRecord *read_record(GKeyFile *file, const char *group) {
        g_autofree char *state = g_key_file_get_string(file, group, "State", NULL);
        g_autofree char *outcome = g_key_file_get_string(file, group, "Outcome", NULL);
        g_autoptr(TransferRecord) record = NULL;
        guint64 id;

        if (!g_ascii_string_to_unsigned(group, 10, 1, UINT64_MAX - 1, &id, NULL))
                return NULL;
        record = transfer_record_new(id);
        record->state = transfer_state_from_string(state);
        record->outcome = transfer_outcome_from_string(outcome);
        record->file_name = g_key_file_get_string(file, group, "FileName", NULL);
        record->directory = g_key_file_get_string(file, group, "Directory", NULL);
        record->size = g_key_file_get_uint64(file, group, "Size", NULL);
        record->received = g_key_file_get_uint64(file, group, "Received", NULL);
        record->rate = g_key_file_get_uint64(file, group, "Rate", NULL);
        record->started = g_key_file_get_uint64(file, group, "Started", NULL);
        record->finished = g_key_file_get_uint64(file, group, "Finished", NULL);
        if (record->state < 0 || record->outcome < 0 || !transfer_record_is_over(record) ||
            !record->file_name || !record->directory)
                return NULL;
        return g_steal_pointer(&record);
}

static void load(TransferHistory *history) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        g_auto(GStrv) groups = NULL;
        size_t n;

        if (read_file_at(AT_FDCWD, history->file, FILE_MAX, &text, &n) < 0 ||
            !g_key_file_load_from_data(file, text, n, G_KEY_FILE_NONE, NULL))
                return;

        groups = g_key_file_get_groups(file, NULL);
        for (char **group = groups; *group; group++) {
                TransferRecord *record = read_record(file, *group);

                if (record)
                        transfer_history_add(history, record);
                transfer_record_free(record);
        }
}

int transfer_history_save(TransferHistory *history) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        gsize n;
        int r;

        if (!history->unsaved)
                return 0;

        for (guint i = 0; i < history->records->len; i++)
                write_record(file, g_ptr_array_index(history->records, i));
        text = g_key_file_to_data(file, &n, NULL);
        r = write_file_atomic(history->file, text, n, 0600, false);
        if (r >= 0)
                history->unsaved = false;
        return r;
}

/* --- records --- */

void transfer_history_add(TransferHistory *history, const TransferRecord *record) {
        if (history->records->len >= TRANSFER_HISTORY_MAX)
                g_ptr_array_remove_index(history->records, 0);
        g_ptr_array_add(history->records, transfer_record_copy(record));
        history->number = MAX(history->number, record->id);
        history->unsaved = true;
}

const TransferRecord *transfer_history_get(const TransferHistory *history, guint index) {
        return index < history->records->len ? g_ptr_array_index(history->records, index) : NULL;
}

/* --- numbers --- */

static void load_number(TransferHistory *history) {
        g_autofree char *text = NULL;
        guint64 number;

        if (read_file_at(AT_FDCWD, history->number_file, NUMBER_MAX, &text, NULL) >= 0 &&
            g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX - 1, &number, NULL))
                history->number = MAX(history->number, number);
}

uint64_t transfer_history_next_number(TransferHistory *history) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, ++history->number);

        (void) write_file_atomic(history->number_file, text, strlen(text), 0600, false);
        return history->number;
}

/* --- life --- */

TransferHistory *transfer_history_new(const char *data_directory, const char *runtime_directory) {
        TransferHistory *history = g_new0(TransferHistory, 1);

        history->file = g_build_filename(data_directory, TRANSFER_HISTORY_FILE, NULL);
        history->number_file = g_build_filename(runtime_directory, TRANSFER_NUMBER_FILE, NULL);
        history->records = g_ptr_array_new_with_free_func(record_free);
        load(history);
        history->unsaved = false;
        load_number(history);
        return history;
}

TransferHistory *transfer_history_free(TransferHistory *history) {
        if (!history)
                return NULL;

        g_free(history->file);
        g_free(history->number_file);
        g_ptr_array_unref(history->records);
        g_free(history);
        return NULL;
}
