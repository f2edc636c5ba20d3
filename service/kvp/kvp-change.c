/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What changed, told once. The names lie in the store until they are taken; here is only noted whose doing
 * they are. They are told when the loop has nothing better to do, or at once before something of another
 * origin would be mixed with them.
 */

#include <errno.h>
#include <string.h>

#include "service/kvp/kvp-internal.h"

static const char *const no_names[] = { NULL };

static void log_problem(KvpPool pool, const StorePoolInfo *info) {
        const char *name = kvp_pool_to_string(pool);

        if (info->problem[0] != '\0')
                log_event(LOG_WARNING, HVUTILS_MESSAGE_POOL_PROBLEM,
                          LOG_FIELDS(HVUTILS_FIELD_POOL, name, HVUTILS_FIELD_PATH, info->file),
                          "Pool %s has a problem, serving it from memory: %s", name, info->problem);
        else
                log_event(LOG_NOTICE, HVUTILS_MESSAGE_POOL_RECOVERED,
                          LOG_FIELDS(HVUTILS_FIELD_POOL, name, HVUTILS_FIELD_PATH, info->file),
                          "Pool %s is well again.", name);
}

static bool remember_problem(PoolTold *told, KvpPool pool, const StorePoolInfo *info) {
        if (strcmp(told->problem ? told->problem : "", info->problem) == 0)
                return false;

        log_problem(pool, info);
        g_free(told->problem);
        told->problem = g_strdup(info->problem);
        return true;
}

/* True if Count, Generation, Writable or Problem are not what was last told. */
static bool remember_properties(Kvp *kvp, KvpPool pool) {
        PoolTold *told = &kvp->told[pool];
        StorePoolInfo info;
        bool changed;

        store_get_pool_info(kvp->store, pool, &info);
        changed = remember_problem(told, pool, &info);
        changed |= told->generation != info.generation || told->count != info.count ||
                   told->writable != info.writable;
        told->generation = info.generation;
        told->count = info.count;
        told->writable = info.writable;
        return changed;
}

static size_t count_names(const char *const *names) {
        return names ? g_strv_length((char **)names) : 0;
}

static void take_names(Kvp *kvp, KvpPool pool, KvpChange *change) {
        StoreDelta delta = { 0 };

        change->keys = change->removed = no_names;
        if (!store_take_delta(kvp->store, pool, &delta))
                return;
        change->all =
                delta.all || count_names(delta.keys) + count_names(delta.removed) > KVP_CHANGE_NAMES_MAX;
        if (change->all)
                return;
        change->keys = delta.keys ? delta.keys : no_names;
        change->removed = delta.removed ? delta.removed : no_names;
}

static void tell_pool(Kvp *kvp, KvpPool pool) {
        PoolTold *told = &kvp->told[pool];
        KvpChange change = { .pool = pool, .origin = told->origin };

        told->pending = false;
        change.properties = remember_properties(kvp, pool);
        take_names(kvp, pool, &change);
        if (!change.properties && !change.all && !change.keys[0] && !change.removed[0])
                return;
        if (kvp->observer.changed)
                kvp->observer.changed(&change, kvp->observer_userdata);
}

static int on_tell(sd_event_source *source, void *userdata) {
        Kvp *kvp = userdata;

        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                if (kvp->told[pool].pending)
                        tell_pool(kvp, (KvpPool)pool);
        return 0;
}

static void tell_soon(Kvp *kvp) {
        (void)sd_event_source_set_enabled(kvp->tell, SD_EVENT_ONESHOT);
}

int kvp_change_init(Kvp *kvp) {
        int r;

        r = sd_event_add_defer(kvp->event, &kvp->tell, on_tell, kvp);
        if (r < 0)
                return r;
        (void)sd_event_source_set_priority(kvp->tell, SD_EVENT_PRIORITY_IDLE);
        (void)sd_event_source_set_enabled(kvp->tell, SD_EVENT_OFF);
        return 0;
}

void kvp_change_done(Kvp *kvp) {
        sd_event_source_disable_unref(kvp->tell);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                g_free(kvp->told[pool].problem);
}

void kvp_change_settle(Kvp *kvp, KvpPool pool, KvpOrigin origin) {
        PoolTold *told = &kvp->told[pool];

        if (told->pending && told->origin != origin)
                tell_pool(kvp, pool);
}

void kvp_change_note(Kvp *kvp, KvpPool pool, KvpOrigin origin) {
        PoolTold *told = &kvp->told[pool];

        told->pending = true;
        told->origin = origin;
        tell_soon(kvp);
}

void kvp_change_look(Kvp *kvp) {
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++) {
                PoolTold *told = &kvp->told[pool];

                if (told->pending)
                        continue;
                told->pending = true;
                told->origin = KVP_ORIGIN_FILE;
        }
        tell_soon(kvp);
}

int kvp_revalidate(Kvp *kvp, KvpPool pool) {
        PoolTold *told = &kvp->told[pool];
        int r;

        kvp_change_settle(kvp, pool, KVP_ORIGIN_FILE);
        r = store_revalidate(kvp->store, pool);
        if (r > 0 || (r < 0) != told->failing)
                kvp_change_note(kvp, pool, KVP_ORIGIN_FILE);
        if (r < 0 && !told->failing)
                kvp_ready_soon(kvp);
        told->failing = r < 0;
        return r;
}
