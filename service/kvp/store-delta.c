/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/store-delta.h"

static void taken_clear(StoreDeltaLog *log) {
        g_clear_pointer(&log->keys, g_ptr_array_unref);
        g_clear_pointer(&log->removed, g_ptr_array_unref);
        g_clear_pointer(&log->taken, g_hash_table_unref);
}

void store_delta_done(StoreDeltaLog *log) {
        taken_clear(log);
        g_clear_pointer(&log->names, g_hash_table_unref);
}

void store_delta_touch(StoreDeltaLog *log) {
        log->changed = true;
}

void store_delta_note(StoreDeltaLog *log, const char *key, size_t key_size, bool removed) {
        log->changed = true;
        if (log->all)
                return;

        if (!log->names)
                log->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_replace(log->names, g_strndup(key, key_size), GINT_TO_POINTER(removed));

        if (g_hash_table_size(log->names) > STORE_DELTA_MAX) {
                log->all = true;
                g_clear_pointer(&log->names, g_hash_table_unref);
        }
}

static void taken_sort(StoreDeltaLog *log) {
        GHashTableIter iter;
        gpointer name, removed;

        g_hash_table_iter_init(&iter, log->taken);
        while (g_hash_table_iter_next(&iter, &name, &removed))
                g_ptr_array_add(removed ? log->removed : log->keys, name);
}

bool store_delta_take(StoreDeltaLog *log, bool *ret_all) {
        if (!log->changed)
                return false;

        taken_clear(log);
        log->taken = g_steal_pointer(&log->names);
        log->keys = g_ptr_array_new();
        log->removed = g_ptr_array_new();
        if (log->taken)
                taken_sort(log);
        g_ptr_array_add(log->keys, NULL);
        g_ptr_array_add(log->removed, NULL);

        *ret_all = log->all;
        log->changed = log->all = false;
        return true;
}
