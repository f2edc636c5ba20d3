/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cleanup.h"
#include "common/utf16.h"
#include "service/bus/errors.h"
#include "service/bus/pool-object.h"

/*
 * GetAll. Two passes: the records are collected by key, because of several with one key the last counts, then
 * the answer is written. A small pool is done at once; a large one goes on in slices at idle priority,
 * between the host's messages. If the pool changes meanwhile, we begin again, a few times; then the rest is
 * done in one go.
 */

#define PAIR_OVERHEAD    16 /* alignment and lengths of {ss} on the wire */
#define LISTING_RESTARTS 8

typedef struct PoolListing {
        const PoolObject *object;
        sd_bus_message *call, *reply;
        GHashTable *values; /* key -> value, both mended */
        GPtrArray *order;   /* its keys, as the file has them */
        guint written;
        uint64_t generation;
        uint32_t index;
        unsigned restarts;
        size_t bytes;  /* of the answer */
        size_t budget; /* left of this slice */
        sd_event_source *slice;
        BusCharge *listing_charge, *call_charge;
} PoolListing;

void pool_listing_free(void *p) {
        PoolListing *listing = p;

        if (!listing)
                return;
        sd_event_source_disable_unref(listing->slice);
        bus_charge_free(listing->listing_charge);
        bus_charge_free(listing->call_charge);
        g_ptr_array_unref(listing->order);
        g_hash_table_unref(listing->values);
        sd_bus_message_unref(listing->reply);
        sd_bus_message_unref(listing->call);
        g_free(listing);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PoolListing, pool_listing_free)

static PoolListing *listing_new(const PoolObject *object, sd_bus_message *call) {
        PoolListing *listing = g_new0(PoolListing, 1);

        listing->object = object;
        listing->call = sd_bus_message_ref(call);
        listing->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        listing->order = g_ptr_array_new();
        return listing;
}

static char *mend(const char *bytes, size_t n) {
        g_autofree char *buffer = NULL;
        const char *text = utf8_mend(bytes, n, &buffer);

        return buffer ? g_steal_pointer(&buffer) : g_strndup(text, n);
}

static bool listing_spend(PoolListing *listing, size_t n) {
        listing->budget -= MIN(n, listing->budget);
        return listing->budget > 0;
}

static bool on_record(const char *key, size_t key_size, const char *value, size_t value_size,
                      void *userdata) {
        PoolListing *listing = userdata;
        g_autofree char *name = mend(key, key_size), *text = mend(value, value_size);
        const char *earlier = g_hash_table_lookup(listing->values, name);
        size_t n = PAIR_OVERHEAD + strlen(name) + strlen(text);

        listing->bytes += n;
        if (earlier)
                listing->bytes -= PAIR_OVERHEAD + strlen(name) + strlen(earlier);
        else
                g_ptr_array_add(listing->order, name);
        /* Of duplicates the first key stays, with the last value. */
        g_hash_table_insert(listing->values, g_steal_pointer(&name), g_steal_pointer(&text));
        return listing_spend(listing, n) && listing->bytes <= BUS_ANSWER_MAX;
}

static void listing_restart(PoolListing *listing) {
        g_ptr_array_set_size(listing->order, 0);
        g_hash_table_remove_all(listing->values);
        listing->bytes = 0;
        listing->index = 0;
        listing->generation = 0;
        listing->restarts++;
}

/* 1 = all read, 0 = go on later. */
static int listing_collect(PoolListing *listing, sd_bus_error *error) {
        bool finish = listing->restarts >= LISTING_RESTARTS;
        int r;

        if (finish)
                listing->budget = SIZE_MAX;
        r = kvp_visit(listing->object->bus->setup.kvp, listing->object->pool, &listing->generation,
                      &listing->index, on_record, listing);
        if (r == KVP_E_CHANGED) {
                listing_restart(listing);
                return 0;
        }
        if (r != KVP_OK)
                return bus_error_kvp(error, r, &(KvpWish){ .pool = listing->object->name });
        if (listing->bytes > BUS_ANSWER_MAX)
                return bus_error_too_large(error, listing->object->name);
        return listing->budget > 0;
}

static int listing_begin_reply(PoolListing *listing) {
        int r;

        r = sd_bus_message_new_method_return(listing->call, &listing->reply);
        if (r < 0)
                return r;
        return sd_bus_message_open_container(listing->reply, 'a', "{ss}");
}

/* 1 = all written, 0 = go on later. */
static int listing_write(PoolListing *listing) {
        int r;

        while (listing->written < listing->order->len) {
                const char *key = listing->order->pdata[listing->written++];
                const char *value = g_hash_table_lookup(listing->values, key);

                r = sd_bus_message_append(listing->reply, "{ss}", key, value);
                if (r < 0)
                        return r;
                if (!listing_spend(listing, PAIR_OVERHEAD + strlen(key) + strlen(value)))
                        return 0;
        }
        r = sd_bus_message_close_container(listing->reply);
        return r < 0 ? r : 1;
}

/* One slice of either pass. 1 = the answer is complete, 0 = go on later. */
static int listing_step(PoolListing *listing, size_t budget, sd_bus_error *error) {
        int r;

        listing->budget = budget;
        if (!listing->reply) {
                r = listing_collect(listing, error);
                if (r <= 0)
                        return r;
                r = listing_begin_reply(listing);
                if (r < 0)
                        return r;
                listing->budget = budget;
        }
        return listing_write(listing);
}

static int on_slice(sd_event_source *source, void *userdata) {
        PoolListing *listing = userdata;
        Bus *bus = listing->object->bus;
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        int r;

        r = listing_step(listing, BUS_ANSWER_SLICE, &error);
        if (r == 0)
                return 0;
        r = r < 0 ? sd_bus_reply_method_errno(listing->call, r, &error)
                  : sd_bus_send(NULL, listing->reply, NULL);
        if (r < 0)
                bus_sending_failed(bus, r);
        g_hash_table_remove(bus->listings, listing);
        return 0;
}

static int listing_go_on(PoolListing *taken, sd_bus_error *error) {
        g_autoptr(PoolListing) listing = taken;
        Bus *bus = listing->object->bus;
        const char *sender = sd_bus_message_get_sender(listing->call) ?: "";
        int r;

        listing->call_charge = bus_charge_new(bus->limits, BUS_LIMIT_CALLS, sender);
        if (!listing->call_charge)
                return bus_error_limit(error, BUS_LIMIT_CALLS);
        listing->listing_charge = bus_charge_new(bus->limits, BUS_LIMIT_LISTINGS, sender);
        if (!listing->listing_charge)
                return bus_error_limit(error, BUS_LIMIT_LISTINGS);
        r = sd_event_add_defer(bus->event, &listing->slice, on_slice, listing);
        if (r < 0)
                return r;
        (void)sd_event_source_set_priority(listing->slice, SD_EVENT_PRIORITY_IDLE);
        (void)sd_event_source_set_enabled(listing->slice, SD_EVENT_ON);
        g_hash_table_add(bus->listings, g_steal_pointer(&listing));
        return 1;
}

int method_pool_get_all(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_autoptr(PoolListing) listing = NULL;
        int r;

        r = pool_authorize_read(userdata, m, "GetAll", NULL, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        listing = listing_new(userdata, m);
        r = listing_step(listing, BUS_ANSWER_INLINE_MAX, error);
        if (r < 0)
                return r;
        if (r == 0)
                return listing_go_on(g_steal_pointer(&listing), error);
        return sd_bus_send(NULL, listing->reply, NULL);
}
