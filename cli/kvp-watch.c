/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/kvp-watch.h"

#include <errno.h>
#include <string.h>

#include "cli/text.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

/* One change of so many keys is read by asking for each; of more, by reading the pool. */
#define SINGLE_READS_MAX 16

typedef struct WatchedPool {
        bool watched;
        uint64_t first_generation;
        GHashTable *values; /* key → value, as last told */
        GHashTable *stale;  /* set of keys to be read again */
        bool all_stale;
        char origin[16]; /* of the last signal */
} WatchedPool;

struct KvpWatch {
        Client *client;
        char *pattern;
        KvpWatchCallback callback;
        void *userdata;
        bool enough;
        WatchedPool pools[_KVP_POOL_ID_MAX];
        sd_bus_slot *slots[2];
};

static void tell(KvpWatch *watch, KvpPool pool, const char *key, const char *value, bool initial) {
        const WatchedPool *watched = &watch->pools[pool];
        KvpWatchEvent event = {
                .pool = pool,
                .generation = initial ? watched->first_generation : 0,
                .key = key,
                .value = value,
                .origin = initial ? "" : watched->origin,
                .initial = initial,
        };
        if (!watch->enough && text_matches(watch->pattern, key))
                watch->enough = !watch->callback(&event, watch->userdata);
}

static void note_value(KvpWatch *watch, KvpPool pool, const char *key, const char *value, bool initial) {
        GHashTable *values = watch->pools[pool].values;
        if (g_strcmp0(g_hash_table_lookup(values, key), value) == 0)
                return;
        g_hash_table_replace(values, g_strdup(key), g_strdup(value));
        tell(watch, pool, key, value, initial);
}

static void note_removed(KvpWatch *watch, KvpPool pool, const char *key) {
        if (g_hash_table_remove(watch->pools[pool].values, key))
                tell(watch, pool, key, NULL, false);
}

static void note_missing(KvpWatch *watch, KvpPool pool, const KvpEntries *entries) {
        g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
        for (size_t i = 0; i < kvp_entries_count(entries); i++)
                g_hash_table_add(present, kvp_entries_get(entries, i)->key);

        g_autoptr(GList) known = g_hash_table_get_keys(watch->pools[pool].values);
        for (GList *link = known; link; link = link->next)
                if (!g_hash_table_contains(present, link->data)) {
                        g_autofree char *key = g_strdup(link->data);
                        note_removed(watch, pool, key);
                }
}

static ExitStatus read_whole_pool(KvpWatch *watch, KvpPool pool, unsigned call_flags, bool initial,
                                  Failure *failure) {
        g_autoptr(KvpEntries) entries = kvp_entries_new();
        uint64_t generation = 0;
        ExitStatus status = kvp_bus_read_pool(watch->client, pool, call_flags, entries, &generation, failure);
        if (status)
                return status;
        if (initial)
                watch->pools[pool].first_generation = generation;
        note_missing(watch, pool, entries);
        for (size_t i = 0; i < kvp_entries_count(entries); i++) {
                const KvpEntry *entry = kvp_entries_get(entries, i);
                note_value(watch, pool, entry->key, entry->value, initial);
        }
        return EXIT_STATUS_OK;
}

static void read_key(KvpWatch *watch, KvpPool pool, const char *key) {
        g_auto(Failure) failure = { 0 };
        g_autofree char *value = NULL;
        ExitStatus status = kvp_bus_read_key(watch->client, pool, key, &value, &failure);
        if (status == EXIT_STATUS_OK)
                note_value(watch, pool, key, value, false);
        else if (status == EXIT_STATUS_NOT_FOUND)
                note_removed(watch, pool, key);
}

static void read_keys(KvpWatch *watch, KvpPool pool, GHashTable *keys) {
        GHashTableIter iter;
        void *key;
        g_hash_table_iter_init(&iter, keys);
        while (g_hash_table_iter_next(&iter, &key, NULL))
                read_key(watch, pool, key);
}

/* Reading answers other signals too: what they point at is taken in the next round. A pool that cannot be
 * read just now (the service restarts) is compared when it is back. */
static void refresh(KvpWatch *watch, KvpPool pool) {
        WatchedPool *watched = &watch->pools[pool];
        g_auto(Failure) failure = { 0 };
        g_autoptr(GHashTable) keys = g_steal_pointer(&watched->stale);
        bool all = watched->all_stale || g_hash_table_size(keys) > SINGLE_READS_MAX;

        watched->stale = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        watched->all_stale = false;
        if (all)
                (void) read_whole_pool(watch, pool, CLIENT_CALL_QUIET, false, &failure);
        else
                read_keys(watch, pool, keys);
}

static void refresh_all(KvpWatch *watch) {
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                if (watch->pools[i].watched &&
                    (watch->pools[i].all_stale || g_hash_table_size(watch->pools[i].stale) > 0))
                        refresh(watch, (KvpPool) i);
}

static int read_names(sd_bus_message *message, GHashTable *stale) {
        const char *name;
        int r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &name)) > 0)
                g_hash_table_add(stale, g_strdup(name));
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* Changed(as keys, as removed, b all, s origin): both lists are names to be looked at again. */
static void take_changed(WatchedPool *watched, sd_bus_message *message) {
        const char *origin = "";
        int all = false;
        int r = read_names(message, watched->stale);
        if (r >= 0)
                r = read_names(message, watched->stale);
        if (r >= 0)
                r = sd_bus_message_read(message, "bs", &all, &origin);
        if (r < 0 || all)
                watched->all_stale = true;
        (void) g_strlcpy(watched->origin, origin, sizeof watched->origin);
}

/* A private pool has no other signal than that its Generation grew; for the others Changed says more. */
static void take_properties(KvpWatch *watch, KvpPool pool) {
        WatchedPool *watched = &watch->pools[pool];
        if (g_hash_table_size(watched->stale) == 0 && !watched->all_stale)
                watched->all_stale = true;
}

static int on_pool_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        KvpWatch *watch = userdata;
        KvpPool pool = client_pool_of_path(sd_bus_message_get_path(message));
        if (pool < 0 || !watch->pools[pool].watched)
                return 0;
        if (sd_bus_message_is_signal(message, HVUTILS_INTERFACE_POOL, "Changed"))
                take_changed(&watch->pools[pool], message);
        else if (sd_bus_message_is_signal(message, PROPERTIES_INTERFACE, "PropertiesChanged"))
                take_properties(watch, pool);
        return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        KvpWatch *watch = userdata;
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                watch->pools[i].all_stale = true;
        return 0;
}

static int subscribe(KvpWatch *watch) {
        sd_bus *bus = watch->client->bus;
        int r = sd_bus_add_match(bus, &watch->slots[0],
                                 "type='signal',sender='" HVUTILS_BUS_NAME
                                 "',path_namespace='" HVUTILS_OBJECT_KVP "'",
                                 on_pool_signal, watch);
        if (r < 0)
                return r;
        return sd_bus_add_match(
                bus, &watch->slots[1],
                "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                "member='NameOwnerChanged',arg0='" HVUTILS_BUS_NAME "'",
                on_owner_changed, watch);
}

static ExitStatus read_first(KvpWatch *watch, const KvpPool *pools, size_t n, Failure *failure) {
        unsigned call_flags = n == 1 ? CLIENT_CALL_INTERACTIVE : CLIENT_CALL_QUIET;
        for (size_t i = 0; i < n && !watch->enough; i++) {
                ExitStatus status = read_whole_pool(watch, pools[i], call_flags, true, failure);
                if (status && (n == 1 || status != EXIT_STATUS_DENIED))
                        return status;
        }
        return EXIT_STATUS_OK;
}

static void watched_pool_init(WatchedPool *watched) {
        watched->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        watched->stale = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

ExitStatus kvp_watch_new(Client *client, const KvpPool *pools, size_t n, const char *pattern, unsigned flags,
                         KvpWatchCallback callback, void *userdata, KvpWatch **ret, Failure *failure) {
        g_autoptr(KvpWatch) watch = g_new0(KvpWatch, 1);
        watch->client = client;
        watch->pattern = g_strdup(pattern);
        watch->callback = callback;
        watch->userdata = userdata;
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                watched_pool_init(&watch->pools[i]);
        for (size_t i = 0; i < n; i++)
                watch->pools[pools[i]].watched = true;

        int r = subscribe(watch);
        if (r < 0)
                return client_failure_errno(failure, r);
        ExitStatus status = read_first(watch, pools, n, failure);
        if (status && !(status == EXIT_STATUS_UNAVAILABLE && (flags & KVP_WATCH_MAY_BE_ABSENT)))
                return status;
        *ret = g_steal_pointer(&watch);
        return EXIT_STATUS_OK;
}

KvpWatch *kvp_watch_free(KvpWatch *watch) {
        if (!watch)
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(watch->slots); i++)
                sd_bus_slot_unref(watch->slots[i]);
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                g_clear_pointer(&watch->pools[i].values, g_hash_table_unref);
                g_clear_pointer(&watch->pools[i].stale, g_hash_table_unref);
        }
        g_free(watch->pattern);
        g_free(watch);
        return NULL;
}

uint64_t kvp_watch_first_generation(const KvpWatch *watch, KvpPool pool) {
        return watch->pools[pool].first_generation;
}

/* All that lies in the queue is taken before anything is read, so that signals that belong together cost one
 * reading. */
ExitStatus kvp_watch_run(KvpWatch *watch, uint64_t deadline_usec, Failure *failure) {
        while (!watch->enough) {
                int r = sd_bus_process(watch->client->bus, NULL);
                if (r > 0)
                        continue;
                if (r < 0)
                        return client_failure_errno(failure, r);
                refresh_all(watch);
                if (watch->enough)
                        break;
                uint64_t now = now_usec(CLOCK_MONOTONIC);
                if (now >= deadline_usec)
                        return failure_set(failure, EXIT_STATUS_TIMEOUT, "nothing came in time");
                r = sd_bus_wait(watch->client->bus,
                                deadline_usec == USEC_INFINITY ? UINT64_MAX : deadline_usec - now);
                if (r < 0 && r != -EINTR)
                        return client_failure_errno(failure, r);
        }
        return EXIT_STATUS_OK;
}
