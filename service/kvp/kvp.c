/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/kvp.h"

#include <errno.h>
#include <string.h>

#include "service/kvp/kvp-internal.h"

static const char *const kvp_origin_table[_KVP_ORIGIN_MAX] = {
        [KVP_ORIGIN_HOST] = "host",
        [KVP_ORIGIN_BUS] = "bus",
        [KVP_ORIGIN_FILE] = "file",
        [KVP_ORIGIN_GUEST] = "guest",
};
DEFINE_STRING_TABLE_LOOKUP(kvp_origin, KvpOrigin);

uint64_t kvp_scaled(const Kvp *kvp, uint64_t usec) {
        return (uint64_t) ((double) usec * kvp->time_scale);
}

int kvp_timer_arm(Kvp *kvp, sd_event_source **source, uint64_t usec, sd_event_time_handler_t handler) {
        int r;

        if (!*source)
                return sd_event_add_time_relative(kvp->event, source, CLOCK_MONOTONIC, usec, 1, handler, kvp);
        r = sd_event_source_set_time_relative(*source, usec);
        return r < 0 ? r : sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
}

void kvp_timer_disarm(sd_event_source *source) {
        if (source)
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* --- birth and end --- */

static int open_store(Kvp *kvp) {
        g_autofree char *redo = g_build_filename(kvp->runtime_directory, HVUTILS_RUNTIME_REDO, NULL);
        int r;

        r = store_new(kvp->state_directory, redo, &kvp->store);
        if (r < 0)
                return r;
        store_set_limits(kvp->store, kvp->configuration->kvp.maximum_records);
        return 0;
}

static Kvp *allocate(sd_event *event, const KvpSetup *setup) {
        Kvp *kvp = g_new0(Kvp, 1);

        kvp->event = sd_event_ref(event);
        kvp->configuration = setup->configuration;
        kvp->observer = setup->observer;
        kvp->observer_userdata = setup->observer_userdata;
        kvp->network = setup->network;
        kvp->time_scale = setup->time_scale > 0 ? setup->time_scale : 1.0;
        kvp->state_directory = g_strdup(setup->state_directory);
        kvp->runtime_directory = g_strdup(setup->runtime_directory);
        kvp->frozen_path = g_build_filename(setup->runtime_directory, HVUTILS_RUNTIME_FROZEN, NULL);
        g_queue_init(&kvp->tickets);
        return kvp;
}

int kvp_new(sd_event *event, const KvpSetup *setup, Kvp **ret) {
        g_autoptr(Kvp) kvp = allocate(event, setup);
        int r;

        kvp->autos = kvp_auto_new(&setup->facts);
        r = open_store(kvp);
        if (r < 0)
                return r;
        r = kvp_change_init(kvp);
        if (r < 0)
                return r;
        r = kvp_sync_init(kvp);
        if (r < 0)
                return r;
        r = kvp_host_init(kvp, setup->channel_path);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&kvp);
        return 0;
}

Kvp *kvp_free(Kvp *kvp) {
        if (!kvp)
                return NULL;

        kvp_tickets_drop(kvp);
        channel_free(kvp->channel);
        sync_free(kvp->sync);
        sd_event_source_disable_unref(kvp->lock_timer);
        sd_event_source_disable_unref(kvp->ready_timer);
        sd_event_source_disable_unref(kvp->pending_timer);
        sd_event_source_disable_unref(kvp->sync_timer);
        sd_event_source_disable_unref(kvp->rest_timer);
        sd_event_source_disable_unref(kvp->state_watch);
        sd_event_source_disable_unref(kvp->runtime_watch);
        kvp_change_done(kvp);
        store_free(kvp->store);
        kvp_auto_free(kvp->autos);
        g_free(kvp->state_directory);
        g_free(kvp->runtime_directory);
        g_free(kvp->frozen_path);
        sd_event_unref(kvp->event);
        g_free(kvp);
        return NULL;
}

int kvp_start(Kvp *kvp) {
        if (kvp->started)
                return 0;

        kvp->started = true;
        (void) kvp_watch_runtime(kvp);
        kvp_gate_follow_mark(kvp);
        kvp_watch_state(kvp);
        kvp_ready_look(kvp);
        return 0;
}

void kvp_reload(Kvp *kvp, const Configuration *configuration) {
        kvp->configuration = configuration;
        store_set_limits(kvp->store, configuration->kvp.maximum_records);
        if (!kvp_gate_is_closed(kvp))
                kvp_sync_resume(kvp);
}

Channel *kvp_get_channel(Kvp *kvp) {
        return kvp->channel;
}

void kvp_facts_changed(Kvp *kvp) {
        const char *keys[_KVP_FACT_MAX + 1], *none[] = { NULL };
        KvpChange change = {
                .pool = KVP_POOL_ID_AUTO, .origin = KVP_ORIGIN_GUEST, .keys = keys, .removed = none
        };

        if (kvp_auto_refresh(kvp->autos, keys) == 0)
                return;
        change.properties = true;
        if (kvp->observer.changed)
                kvp->observer.changed(&change, kvp->observer_userdata);
}

/* --- reading --- */

static void auto_pool_info(Kvp *kvp, KvpPoolInfo *ret) {
        *ret = (KvpPoolInfo){
                .file = "",
                .problem = "",
                .count = _KVP_FACT_MAX,
                .generation = kvp_auto_get_generation(kvp->autos),
                .world_readable = true,
        };
}

/* A pool without trouble of its own still has the daemon's: writes are then not safe against a crash. */
static const char *pool_problem(Kvp *kvp, const StorePoolInfo *info) {
        const char *why = "";

        if (info->problem[0] != '\0' || store_has_redo(kvp->store, &why))
                return info->problem;
        return why ? why : "";
}

/* Behind the closed gate the redo file takes the writes. */
static bool pool_is_writable(Kvp *kvp, KvpPool pool, const StorePoolInfo *info) {
        if (!(kvp_engine_rights(KVP_SPEAKER_GUEST, pool, true) & KVP_RIGHT_WRITE))
                return false;
        return kvp_gate_is_closed(kvp) ? store_has_redo(kvp->store, NULL) : info->writable;
}

void kvp_get_pool_info(Kvp *kvp, KvpPool pool, KvpPoolInfo *ret) {
        StorePoolInfo info;

        if (pool == KVP_POOL_ID_AUTO)
                return auto_pool_info(kvp, ret);

        (void) kvp_revalidate(kvp, pool);
        store_get_pool_info(kvp->store, pool, &info);
        *ret = (KvpPoolInfo){
                .file = info.file,
                .problem = pool_problem(kvp, &info),
                .count = info.count,
                .generation = info.generation,
                .writable = pool_is_writable(kvp, pool, &info),
                .world_readable = info.world_readable,
                .private_names = !info.world_readable,
        };
}

static int get_fact(Kvp *kvp, const char *key, const char **ret_value, size_t *ret_size) {
        if (kvp_auto_get(kvp->autos, key, ret_value) < 0)
                return KVP_E_NOT_FOUND;
        *ret_size = strlen(*ret_value);
        return KVP_OK;
}

int kvp_get(Kvp *kvp, KvpPool pool, const char *key, const char **ret_value, size_t *ret_size) {
        if (pool == KVP_POOL_ID_AUTO)
                return get_fact(kvp, key, ret_value, ret_size);

        (void) kvp_revalidate(kvp, pool);
        if (store_get(kvp->store, pool, key, strlen(key), ret_value, ret_size) < 0)
                return KVP_E_NOT_FOUND;
        return KVP_OK;
}

typedef struct Record {
        const char *key, *value;
        size_t key_size, value_size;
} Record;

static int get_record(Kvp *kvp, KvpPool pool, uint32_t index, Record *ret) {
        if (pool != KVP_POOL_ID_AUTO)
                return store_get_record(kvp->store, pool, index, &ret->key, &ret->key_size, &ret->value,
                                        &ret->value_size);
        if (kvp_auto_get_record(kvp->autos, index, &ret->key, &ret->value) < 0)
                return -ENOENT;
        ret->key_size = strlen(ret->key);
        ret->value_size = strlen(ret->value);
        return 0;
}

int kvp_visit(Kvp *kvp, KvpPool pool, uint64_t *generation, uint32_t *index, KvpVisit visit, void *userdata) {
        KvpPoolInfo info;
        Record record;
        bool go_on = true;

        kvp_get_pool_info(kvp, pool, &info);
        if (*generation != 0 && *generation != info.generation)
                return KVP_E_CHANGED;
        *generation = info.generation;

        while (go_on && get_record(kvp, pool, *index, &record) >= 0) {
                (*index)++;
                go_on = visit(record.key, record.key_size, record.value, record.value_size, userdata);
        }
        return KVP_OK;
}

int kvp_check(Kvp *kvp, KvpSpeaker speaker, KvpPool pool, const char *key, const char *value, unsigned flags,
              size_t *ret_count) {
        KvpOperation operation = value ? KVP_OPERATION_SET : KVP_OPERATION_REMOVE;
        int r;

        if (flags & ~(unsigned) _KVP_WRITE_FLAGS_ALL)
                return KVP_E_INVALID;
        r = kvp_engine_permit(speaker, operation, pool, kvp->configuration->kvp.host_writes);
        if (r != KVP_OK)
                return r;
        return kvp_engine_check_text(key, value, flags, ret_count);
}

/* --- counters --- */

static void visit_channel(Kvp *kvp, KvpStatisticVisit visit, void *userdata) {
        const ChannelStatistics *statistics = channel_get_statistics(kvp->channel);

        visit("kvp.requests", statistics->requests, userdata);
        visit("kvp.replies", statistics->replies, userdata);
        visit("kvp.abandoned", statistics->abandoned, userdata);
        visit("kvp.resets", statistics->resets, userdata);
        visit("kvp.errors", statistics->errors, userdata);
}

void kvp_visit_statistics(Kvp *kvp, KvpStatisticVisit visit, void *userdata) {
        const KvpCounters *counters = &kvp->counters;
        char name[64];

        visit_channel(kvp, visit, userdata);
        for (int i = 0; i < _KVP_OPERATION_MAX; i++) {
                g_snprintf(name, sizeof name, "kvp.%s", kvp_operation_to_string((KvpOperation) i));
                visit(name, counters->operations[i], userdata);
        }
        for (int i = KVP_REFUSAL_NONE + 1; i < _KVP_REFUSAL_MAX; i++) {
                g_snprintf(name, sizeof name, "kvp.refused.%s", kvp_refusal_to_string((KvpRefusal) i));
                visit(name, counters->refusals[i], userdata);
        }
        visit("kvp.refused.read-only", counters->read_only, userdata);
        visit("kvp.lock-timeouts", counters->lock_timeouts, userdata);
        visit("kvp.storage-errors", counters->storage_errors, userdata);
        visit("kvp.syncs", counters->syncs, userdata);
}
