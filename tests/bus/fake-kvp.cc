/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/fake-kvp.hh"

#include <cstring>

#include "common/utf16.h"

static const char *const kvp_origin_table[_KVP_ORIGIN_MAX] = { "host", "bus", "file", "guest" };
DEFINE_STRING_TABLE_LOOKUP(kvp_origin, KvpOrigin)

struct KvpTicket {
        Kvp *kvp;
        sd_event_source *timer;
        KvpPool pool;
        std::string key, value;
        KvpDone done;
        void *userdata;
};

Channel *kvp_get_channel(Kvp *kvp) {
        return kvp->channel;
}

void kvp_get_pool_info(Kvp *kvp, KvpPool pool, KvpPoolInfo *ret) {
        const FakePool &p = kvp->pools[pool];
        *ret = KvpPoolInfo{};
        ret->file = pool == KVP_POOL_ID_AUTO ? "" : "/pool";
        ret->problem = p.problem.c_str();
        ret->count = (uint32_t)p.records.size();
        ret->generation = p.generation;
        ret->writable = pool != KVP_POOL_ID_AUTO && pool != KVP_POOL_ID_AUTO_INTERNAL;
        ret->world_readable = p.world_readable;
        ret->private_names = !p.world_readable;
}

int kvp_get(Kvp *kvp, KvpPool pool, const char *key, const char **ret_value, size_t *ret_size) {
        auto &records = kvp->pools[pool].records;
        for (auto i = records.rbegin(); i != records.rend(); ++i)
                if (i->first == key) {
                        *ret_value = i->second.c_str();
                        *ret_size = i->second.size();
                        return KVP_OK;
                }
        return KVP_E_NOT_FOUND;
}

int kvp_visit(Kvp *kvp, KvpPool pool, uint64_t *generation, uint32_t *index, KvpVisit visit, void *userdata) {
        FakePool &p = kvp->pools[pool];
        kvp->visits++;
        if (*generation != 0 && *generation != p.generation)
                return KVP_E_CHANGED;
        *generation = p.generation;
        bool more = true;
        while (more && *index < p.records.size()) {
                auto &record = p.records[(*index)++];
                more = visit(record.first.data(), record.first.size(), record.second.data(),
                             record.second.size(), userdata);
        }
        if (kvp->changing)
                p.generation++;
        return KVP_OK;
}

int kvp_check(Kvp *, KvpSpeaker, KvpPool pool, const char *key, const char *value, unsigned flags, size_t *) {
        size_t n = strlen(key);
        if (pool == KVP_POOL_ID_AUTO || pool == KVP_POOL_ID_AUTO_INTERNAL)
                return KVP_E_READ_ONLY;
        if (n == 0)
                return KVP_E_INVALID;
        if (n > RECORD_KEY_MAX || (!(flags & KVP_WRITE_LONG) && utf16_units(key, n) > RECORD_KEY_UNITS_MAX))
                return KVP_E_KEY_TOO_LONG;
        if (!value)
                return KVP_OK;
        n = strlen(value);
        if (n > RECORD_VALUE_MAX ||
            (!(flags & KVP_WRITE_LONG) && utf16_units(value, n) > RECORD_VALUE_UNITS_MAX))
                return KVP_E_VALUE_TOO_LONG;
        return KVP_OK;
}

static void tell(Kvp *kvp, KvpPool pool, KvpOrigin origin, const char *key, bool removed, bool all) {
        const char *names[] = { key, nullptr }, *none[] = { nullptr };
        KvpChange change = {};
        change.pool = pool;
        change.origin = origin;
        change.keys = removed || all ? none : names;
        change.removed = removed && !all ? names : none;
        change.all = all;
        change.properties = true;
        kvp->pools[pool].generation++;
        if (kvp->observer.changed)
                kvp->observer.changed(&change, kvp->observer_userdata);
}

static int put(Kvp *kvp, KvpOrigin origin, KvpPool pool, const std::string &key, const char *value) {
        auto &records = kvp->pools[pool].records;
        for (auto i = records.begin(); i != records.end(); ++i)
                if (i->first == key) {
                        if (value)
                                i->second = value;
                        else
                                records.erase(i);
                        tell(kvp, pool, origin, key.c_str(), !value, false);
                        return KVP_OK;
                }
        if (!value)
                return KVP_E_NOT_FOUND;
        records.emplace_back(key, value);
        tell(kvp, pool, origin, key.c_str(), false, false);
        return KVP_OK;
}

static int on_ticket(sd_event_source *, uint64_t, void *userdata) {
        auto *ticket = static_cast<KvpTicket *>(userdata);
        int r = put(ticket->kvp, KVP_ORIGIN_BUS, ticket->pool, ticket->key, ticket->value.c_str());
        ticket->done(r, 0, ticket->userdata);
        sd_event_source_unref(ticket->timer);
        delete ticket;
        return 0;
}

KvpTicket *kvp_ticket_cancel(KvpTicket *ticket) {
        sd_event_source_disable_unref(ticket->timer);
        delete ticket;
        return nullptr;
}

static int decide(Kvp *kvp, KvpPool pool, const KvpPair &pair, const char *expected, unsigned flags) {
        const char *value;
        size_t size;
        int r = kvp_get(kvp, pool, pair.key, &value, &size);

        if (strcmp(pair.key, "full") == 0)
                return KVP_E_FULL;
        if (strcmp(pair.key, "frozen") == 0)
                return KVP_E_FROZEN;
        if (strcmp(pair.key, "storage") == 0)
                return -ENOSPC;
        if ((flags & KVP_WRITE_CREATE_ONLY) && r == KVP_OK)
                return KVP_E_EXISTS;
        if (flags & KVP_WRITE_EXPECT)
                return r != KVP_OK ? r : strcmp(value, expected) == 0 ? KVP_OK : KVP_E_CHANGED;
        return KVP_OK;
}

int kvp_write(Kvp *kvp, KvpOrigin origin, KvpPool pool, const KvpPair *pairs, size_t n, const char *expected,
              unsigned flags, KvpDone done, void *userdata, KvpTicket **ret_ticket) {
        *ret_ticket = nullptr;
        if (n == 1 && (strcmp(pairs[0].key, "busy") == 0 || strcmp(pairs[0].key, "locked") == 0)) {
                uint64_t delay = strcmp(pairs[0].key, "busy") == 0 ? 300000 : UINT64_C(3600000000);
                auto *ticket =
                        new KvpTicket{ kvp, nullptr, pool, pairs[0].key, pairs[0].value, done, userdata };
                sd_event_add_time_relative(kvp->event, &ticket->timer, CLOCK_MONOTONIC, delay, 0, on_ticket,
                                           ticket);
                *ret_ticket = ticket;
                return 0;
        }
        int r = KVP_OK;
        for (size_t i = 0; i < n && r == KVP_OK; i++)
                r = decide(kvp, pool, pairs[i], expected, flags);
        for (size_t i = 0; i < n && r == KVP_OK; i++)
                r = put(kvp, origin, pool, pairs[i].key, pairs[i].value);
        done(r, 0, userdata);
        return 0;
}

int kvp_clear(Kvp *kvp, KvpOrigin origin, KvpPool pool, KvpDone done, void *userdata,
              KvpTicket **ret_ticket) {
        auto count = (uint32_t)kvp->pools[pool].records.size();
        *ret_ticket = nullptr;
        kvp->pools[pool].records.clear();
        tell(kvp, pool, origin, nullptr, false, true);
        done(KVP_OK, count, userdata);
        return 0;
}

void kvp_visit_statistics(Kvp *, KvpStatisticVisit visit, void *userdata) {
        visit("kvp.requests", 7, userdata);
}
