/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvctl kvp export, import
 *
 * Two forms, both lossless. JSON: an object a line, {"key":…,"value":…}; other members are passed over, so
 * that what `list --json` prints (an array of such objects) can be imported as well. With -0: key NUL value
 * NUL, and so on.
 */

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/kvp-print.h"
#include "cli/kvp.h"
#include "cli/verbs.h"

/* More than a full pool of records (MaximumRecords= at its default), with every character escaped. */
#define IMPORT_MAX (256u * 1024 * 1024)

static KvpPool pool_of(const Options *options) {
        return options_given(options, OPTION_POOL) ? options->pool : KVP_POOL_ID_GUEST;
}

static void print_json_line(const KvpEntry *entry) {
        JsonBuilder *builder = json_builder_new_immutable();
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "key");
        json_builder_add_string_value(builder, entry->key);
        json_builder_set_member_name(builder, "value");
        json_builder_add_string_value(builder, entry->value);
        json_builder_end_object(builder);

        JsonNode *root = json_builder_get_root(builder);
        g_autofree char *text = json_to_string(root, false);
        puts(text);
        json_node_unref(root);
        g_object_unref(builder);
}

ExitStatus cmd_kvp_export(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(KvpBackend) backend = NULL;
        g_autoptr(KvpEntries) entries = kvp_entries_new();

        ExitStatus status = kvp_backend_new(options, &backend, &failure);
        if (status == EXIT_STATUS_OK)
                status =
                        backend->operations->list(backend, pool_of(options), KVP_LIST_ASK, entries, &failure);
        if (status)
                return complain(status, &failure, "cannot export pool '%s'",
                                kvp_pool_to_string(pool_of(options)));

        for (size_t i = 0; i < kvp_entries_count(entries); i++) {
                if (options_given(options, OPTION_NULL))
                        kvp_print_null(kvp_entries_get(entries, i));
                else
                        print_json_line(kvp_entries_get(entries, i));
        }
        return EXIT_STATUS_OK;
}

/* --- reading --- */

static const char *string_member(JsonObject *object, const char *name) {
        JsonNode *node = json_object_get_member(object, name);
        return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

static ExitStatus take_object(JsonNode *node, KvpEntries *entries, Failure *failure) {
        JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        const char *key = object ? string_member(object, "key") : NULL;
        const char *value = object ? string_member(object, "value") : NULL;
        if (!key || !value)
                return failure_set(failure, EXIT_STATUS_ERROR,
                                   "not an object with the texts \"key\" and \"value\"");
        kvp_entries_add(entries, _KVP_POOL_ID_INVALID, 0, key, value);
        return EXIT_STATUS_OK;
}

static ExitStatus take_node(JsonNode *node, KvpEntries *entries, Failure *failure) {
        if (!JSON_NODE_HOLDS_ARRAY(node))
                return take_object(node, entries, failure);
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
                ExitStatus status = take_object(json_array_get_element(array, i), entries, failure);
                if (status)
                        return status;
        }
        return EXIT_STATUS_OK;
}

static ExitStatus parse_json(const char *text, KvpEntries *entries, Failure *failure) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) root = json_from_string(text, &error);
        if (!root)
                return failure_set(failure, EXIT_STATUS_ERROR, "not JSON: %s",
                                   error ? error->message : "empty");
        return take_node(root, entries, failure);
}

static ExitStatus parse_lines(char *text, KvpEntries *entries, Failure *failure) {
        unsigned number = 0;
        for (char *next, *line = text; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                number++;
                if (*g_strstrip(line) == '\0')
                        continue;
                ExitStatus status = parse_json(line, entries, failure);
                if (status) {
                        g_autofree char *cause = g_steal_pointer(&failure->cause);
                        return failure_set(failure, status, "line %u: %s", number, cause);
                }
        }
        return EXIT_STATUS_OK;
}

static ExitStatus parse_nulls(const char *text, size_t size, KvpEntries *entries, Failure *failure) {
        const char *end = text + size;
        if (size > 0 && end[-1] != '\0')
                return failure_set(failure, EXIT_STATUS_ERROR, "the last text does not end with NUL");
        while (text < end) {
                const char *key = text, *value = key + strlen(key) + 1;
                if (value >= end)
                        return failure_set(failure, EXIT_STATUS_ERROR, "the last key has no value");
                kvp_entries_add(entries, _KVP_POOL_ID_INVALID, 0, key, value);
                text = value + strlen(value) + 1;
        }
        return EXIT_STATUS_OK;
}

static ExitStatus parse(const Options *options, char *text, size_t size, KvpEntries *entries,
                        Failure *failure) {
        if (options_given(options, OPTION_NULL))
                return parse_nulls(text, size, entries, failure);
        if (strlen(text) != size)
                return failure_set(failure, EXIT_STATUS_INVALID, "contains NUL; was it exported with -0?");
        const char *start = text + strspn(text, " \t\r\n");
        return *start == '[' ? parse_json(start, entries, failure) : parse_lines(text, entries, failure);
}

/* --- setting --- */

static ExitStatus check_all(const KvpEntries *entries, unsigned flags, Failure *failure) {
        for (size_t i = 0; i < kvp_entries_count(entries); i++) {
                const KvpEntry *entry = kvp_entries_get(entries, i);
                ExitStatus status = kvp_check_key(entry->key, flags, failure);
                if (status == EXIT_STATUS_OK)
                        status = kvp_check_value(entry->value, flags, failure);
                if (status) {
                        g_autofree char *cause = g_steal_pointer(&failure->cause);
                        return failure_set(failure, status, "'%s': %s", entry->key, cause);
                }
        }
        return EXIT_STATUS_OK;
}

/* One call for as many as one call takes. */
static ExitStatus set_in_batches(KvpBackend *backend, KvpPool pool, const KvpEntries *entries,
                                 Failure *failure) {
        size_t n = kvp_entries_count(entries);
        for (size_t first = 0; first < n; first += KVP_SET_MANY_MAX) {
                g_autoptr(KvpEntries) batch = kvp_entries_new();
                for (size_t i = first; i < MIN(n, first + KVP_SET_MANY_MAX); i++) {
                        const KvpEntry *entry = kvp_entries_get(entries, i);
                        kvp_entries_add(batch, pool, 0, entry->key, entry->value);
                }
                ExitStatus status = backend->operations->set_many(backend, pool, batch, failure);
                if (status)
                        return status;
        }
        return EXIT_STATUS_OK;
}

/* SetMany has no flag for values that the host cannot read whole. */
static ExitStatus set_each(KvpBackend *backend, KvpPool pool, const KvpEntries *entries, Failure *failure) {
        for (size_t i = 0; i < kvp_entries_count(entries); i++) {
                const KvpEntry *entry = kvp_entries_get(entries, i);
                ExitStatus status = backend->operations->set(backend, pool, entry->key, entry->value, NULL,
                                                             KVP_SET_LONG, failure);
                if (status)
                        return status;
        }
        return EXIT_STATUS_OK;
}

static ExitStatus import(const Options *options, Failure *failure) {
        g_autoptr(KvpBackend) backend = NULL;
        g_autoptr(KvpEntries) entries = kvp_entries_new();
        g_autofree char *text = NULL;
        bool is_long = options_given(options, OPTION_LONG);
        size_t size;

        ExitStatus status = input_read(options->arguments[0], IMPORT_MAX, &text, &size, failure);
        if (status == EXIT_STATUS_OK)
                status = parse(options, text, size, entries, failure);
        if (status == EXIT_STATUS_OK)
                status = check_all(entries, is_long ? KVP_SET_LONG : 0, failure);
        if (status == EXIT_STATUS_OK)
                status = kvp_backend_new(options, &backend, failure);
        if (status)
                return status;
        return is_long ? set_each(backend, pool_of(options), entries, failure)
                       : set_in_batches(backend, pool_of(options), entries, failure);
}

ExitStatus cmd_kvp_import(const Options *options) {
        g_auto(Failure) failure = { 0 };
        ExitStatus status = import(options, &failure);
        if (status)
                return complain(status, &failure, "cannot import into pool '%s'",
                                kvp_pool_to_string(pool_of(options)));
        return EXIT_STATUS_OK;
}
