/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/kvp.h"

#include <string.h>

#include "cli/client.h"
#include "cli/offline.h"
#include "common/utf16.h"

const KvpPool kvp_search_order[] = {
        KVP_POOL_ID_EXTERNAL,
        KVP_POOL_ID_AUTO_EXTERNAL,
        KVP_POOL_ID_GUEST,
        KVP_POOL_ID_AUTO,
};
const size_t kvp_search_order_count = G_N_ELEMENTS(kvp_search_order);

struct KvpEntries {
        GArray *array; /* KvpEntry */
};

void kvp_entry_done(KvpEntry *entry) {
        g_clear_pointer(&entry->key, g_free);
        g_clear_pointer(&entry->value, g_free);
}

static void entry_clear(void *p) {
        kvp_entry_done(p);
}

KvpEntries *kvp_entries_new(void) {
        KvpEntries *entries = g_new0(KvpEntries, 1);
        entries->array = g_array_new(false, false, sizeof(KvpEntry));
        g_array_set_clear_func(entries->array, entry_clear);
        return entries;
}

KvpEntries *kvp_entries_free(KvpEntries *entries) {
        if (!entries)
                return NULL;
        g_array_unref(entries->array);
        g_free(entries);
        return NULL;
}

void kvp_entries_add(KvpEntries *entries, KvpPool pool, uint64_t generation, const char *key,
                     const char *value) {
        KvpEntry entry = {
                .pool = pool,
                .generation = generation,
                .key = g_strdup(key),
                .value = g_strdup(value),
        };
        g_array_append_val(entries->array, entry);
}

size_t kvp_entries_count(const KvpEntries *entries) {
        return entries->array->len;
}

const KvpEntry *kvp_entries_get(const KvpEntries *entries, size_t index) {
        return &g_array_index(entries->array, KvpEntry, index);
}

ExitStatus kvp_backend_new(const Options *options, KvpBackend **ret, Failure *failure) {
        if (options->root)
                return kvp_offline_new(options->root, ret, failure);
        return kvp_bus_new(options, ret, failure);
}

KvpBackend *kvp_backend_free(KvpBackend *backend) {
        return backend ? backend->operations->free(backend) : NULL;
}

size_t kvp_pools_of(const Options *options, const KvpPool **ret) {
        if (options_given(options, OPTION_POOL)) {
                *ret = &options->pool;
                return 1;
        }
        *ret = kvp_search_order;
        return kvp_search_order_count;
}

/* One text against one limit of the record, or of the host. */
static ExitStatus check_length(const char *noun, const char *text, size_t bytes_max, size_t units_max,
                               unsigned flags, Failure *failure) {
        size_t bytes = strlen(text);
        if (!utf8_is_clean(text, bytes))
                return failure_set(failure, EXIT_STATUS_INVALID, "%s is not valid UTF-8", noun);

        size_t units = utf16_units(text, bytes);
        if (units > units_max && !(flags & KVP_SET_LONG))
                return failure_set(failure, EXIT_STATUS_INVALID,
                                   "%s is %zu UTF-16 units, the host reads at most %zu", noun, units,
                                   units_max);
        if (bytes > bytes_max)
                return failure_set(failure, EXIT_STATUS_INVALID,
                                   "%s is %zu bytes, a record holds at most %zu", noun, bytes, bytes_max);
        return EXIT_STATUS_OK;
}

static void hint_at_long(Failure *failure, const char *text, size_t bytes_max, unsigned flags) {
        if (!(flags & KVP_SET_LONG) && strlen(text) <= bytes_max)
                failure_set_hint(failure, "use --long if only programs in this guest need to read it");
}

ExitStatus kvp_check_key(const char *key, unsigned flags, Failure *failure) {
        if (!*key)
                return failure_set(failure, EXIT_STATUS_INVALID, "the key is empty");
        ExitStatus status = check_length("key", key, RECORD_KEY_MAX, RECORD_KEY_UNITS_MAX, flags, failure);
        if (status && g_utf8_validate(key, -1, NULL))
                hint_at_long(failure, key, RECORD_KEY_MAX, flags);
        return status;
}

ExitStatus kvp_check_value(const char *value, unsigned flags, Failure *failure) {
        ExitStatus status =
                check_length("value", value, RECORD_VALUE_MAX, RECORD_VALUE_UNITS_MAX, flags, failure);
        if (status && g_utf8_validate(value, -1, NULL))
                hint_at_long(failure, value, RECORD_VALUE_MAX, flags);
        return status;
}
