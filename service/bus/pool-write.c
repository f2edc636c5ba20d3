/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/errors.h"
#include "service/bus/pool-object.h"

/* A change from the checks to the answer. Keys and values are borrowed from the message, which the change
 * holds. */
typedef struct PoolWrite {
        const PoolObject *object;
        sd_bus_message *call;
        GArray *pairs; /* KvpPair; empty for Clear */
        const char *expected;
        unsigned flags;
        bool clear;
        KvpTicket *ticket; /* while the store waits for a lock */
        BusCharge *charge;
} PoolWrite;

void pool_write_free(void *p) {
        PoolWrite *write = p;

        if (!write)
                return;
        if (write->ticket)
                kvp_ticket_cancel(write->ticket);
        bus_charge_free(write->charge);
        g_array_unref(write->pairs);
        sd_bus_message_unref(write->call);
        g_free(write);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PoolWrite, pool_write_free)

static PoolWrite *write_new(const PoolObject *object, sd_bus_message *call) {
        PoolWrite *write = g_new0(PoolWrite, 1);

        write->object = object;
        write->call = sd_bus_message_ref(call);
        write->pairs = g_array_new(FALSE, FALSE, sizeof(KvpPair));
        return write;
}

static void write_add(PoolWrite *write, const char *key, const char *value) {
        KvpPair pair = { key, value };

        g_array_append_val(write->pairs, pair);
}

static int write_error(const PoolWrite *write, int result, const KvpPair *pair, sd_bus_error *error) {
        KvpPoolInfo info;

        kvp_get_pool_info(write->object->bus->setup.kvp, write->object->pool, &info);
        return bus_error_kvp(error, result,
                             &(KvpWish){ .pool = write->object->name,
                                         .key = pair ? pair->key : NULL,
                                         .value = pair ? pair->value : NULL,
                                         .flags = write->flags,
                                         .problem = info.problem });
}

/* Before polkit is bothered: what can be refused without asking anybody is. */
static int write_check(const PoolWrite *write, sd_bus_error *error) {
        Kvp *kvp = write->object->bus->setup.kvp;
        int r;

        if (write->pairs->len > KVP_PAIRS_MAX)
                return bus_error_many(error, write->pairs->len);
        for (guint i = 0; i < write->pairs->len; i++) {
                const KvpPair *pair = &g_array_index(write->pairs, KvpPair, i);

                r = kvp_check(kvp, KVP_SPEAKER_GUEST, write->object->pool, pair->key, pair->value,
                              write->flags, NULL);
                if (r != KVP_OK)
                        return write_error(write, r, pair, error);
        }
        if (write->object->pool == KVP_POOL_ID_AUTO || write->object->pool == KVP_POOL_ID_AUTO_INTERNAL)
                return write_error(write, KVP_E_READ_ONLY, NULL, error);
        return 0;
}

static int write_authorize(const PoolWrite *write, const char *member, sd_bus_error *error) {
        g_autoptr(GPtrArray) keys = g_ptr_array_new();
        KvpPool pool = write->object->pool;

        for (guint i = 0; i < write->pairs->len; i++)
                g_ptr_array_add(keys, (gpointer)g_array_index(write->pairs, KvpPair, i).key);
        return bus_authorize(write->object->bus, write->call, HVUTILS_INTERFACE_POOL, member,
                             &(AuthorizeTarget){ .pool = write->object->name,
                                                 .host_pool = pool == KVP_POOL_ID_EXTERNAL ||
                                                              pool == KVP_POOL_ID_AUTO_EXTERNAL,
                                                 .keys = (const char *const *)keys->pdata,
                                                 .n_keys = keys->len },
                             error);
}

static void write_answer(const PoolWrite *write, int result, uint32_t count) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        const KvpPair *pair = write->pairs->len == 1 ? &g_array_index(write->pairs, KvpPair, 0) : NULL;
        int r;

        if (result != KVP_OK) {
                (void)write_error(write, result, pair, &error);
                r = sd_bus_reply_method_error(write->call, &error);
        } else if (write->clear)
                r = sd_bus_reply_method_return(write->call, "u", count);
        else
                r = sd_bus_reply_method_return(write->call, NULL);
        if (r < 0)
                bus_sending_failed(write->object->bus, r);
}

static void on_written(int result, uint32_t count, void *userdata) {
        PoolWrite *write = userdata;

        write->ticket = NULL;
        write_answer(write, result, count);
        g_hash_table_remove(write->object->bus->writes, write);
}

static void write_act(PoolWrite *write) {
        Bus *bus = write->object->bus;
        KvpTicket *ticket = NULL;
        int r;

        if (write->clear)
                r = kvp_clear(bus->setup.kvp, KVP_ORIGIN_BUS, write->object->pool, on_written, write,
                              &ticket);
        else
                r = kvp_write(bus->setup.kvp, KVP_ORIGIN_BUS, write->object->pool,
                              (const KvpPair *)write->pairs->data, write->pairs->len, write->expected,
                              write->flags, on_written, write, &ticket);
        if (ticket)
                write->ticket = ticket; /* else on_written() has freed it, or will never hear of it */
        else if (r < 0 && g_hash_table_contains(bus->writes, write))
                on_written(r, 0, write);
}

/* The one way of all changes: check, authorize, act, answer. Takes write. */
static int write_run(PoolWrite *taken, const char *member, sd_bus_error *error) {
        g_autoptr(PoolWrite) write = taken;
        Bus *bus = write->object->bus;
        int r;

        r = write_check(write, error);
        if (r < 0)
                return r;
        r = write_authorize(write, member, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        write->charge =
                bus_charge_new(bus->limits, BUS_LIMIT_CALLS, sd_bus_message_get_sender(write->call) ?: "");
        if (!write->charge)
                return bus_error_limit(error, BUS_LIMIT_CALLS);
        g_hash_table_add(bus->writes, write);
        write_act(g_steal_pointer(&write));
        return 1;
}

int method_pool_set(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_autoptr(PoolWrite) write = write_new(userdata, m);
        const char *key, *value;
        int r;

        r = sd_bus_message_read(m, "ss", &key, &value);
        if (r < 0)
                return r;
        write_add(write, key, value);
        return write_run(g_steal_pointer(&write), "Set", error);
}

int method_pool_set_if(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_autoptr(PoolWrite) write = write_new(userdata, m);
        const unsigned exclusive = KVP_WRITE_CREATE_ONLY | KVP_WRITE_EXPECT;
        const char *key, *value;
        int r;

        r = sd_bus_message_read(m, "sssu", &key, &value, &write->expected, &write->flags);
        if (r < 0)
                return r;
        if (write->flags & ~(unsigned)_KVP_WRITE_FLAGS_ALL)
                return bus_error_invalid(error,
                                         "Unknown flag; known are 1 (create), 2 (expect) and 4 (long).");
        if ((write->flags & exclusive) == exclusive)
                return bus_error_invalid(error, "Flag 1 (create) and flag 2 (expect) exclude each other.");
        write_add(write, key, value);
        return write_run(g_steal_pointer(&write), "SetIf", error);
}

int method_pool_set_many(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_autoptr(PoolWrite) write = write_new(userdata, m);
        const char *key, *value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
                write_add(write, key, value);
        if (r < 0)
                return r;
        if (write->pairs->len == 0)
                return sd_bus_reply_method_return(m, NULL);
        return write_run(g_steal_pointer(&write), "SetMany", error);
}

int method_pool_remove(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_autoptr(PoolWrite) write = write_new(userdata, m);
        const char *key;
        int r;

        r = sd_bus_message_read(m, "s", &key);
        if (r < 0)
                return r;
        write_add(write, key, NULL);
        return write_run(g_steal_pointer(&write), "Remove", error);
}

int method_pool_clear(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        PoolWrite *write = write_new(userdata, m);

        write->clear = true;
        return write_run(write, "Clear", error);
}
