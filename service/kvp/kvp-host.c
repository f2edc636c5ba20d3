/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The host's messages. One at a time: the channel hands in the next only after the answer to the last. The
 * driver gives the host up 30 s after it took the packet, so ours is 20 s: what is not answered by then is
 * abandoned by the channel.
 *
 * A request is copied out of the channel's buffer by the parser, decided by the engine and answered from one
 * buffer that lives as long as the object: no allocation and no timer unless another program holds the pool
 * file.
 */

#include <errno.h>
#include <string.h>

#include "service/kvp/kvp-internal.h"

#define DEADLINE_USEC (20 * USEC_PER_SEC)

static size_t registration(uint8_t *buffer) {
        kvp_wire_registration(buffer);
        return KVP_MESSAGE_SIZE;
}

static int registered(const void *message, size_t n, char version[64]) {
        return kvp_wire_parse_registered(message, n, version);
}

static uint64_t deadline_usec(const void *message, size_t n) {
        return DEADLINE_USEC;
}

static const ChannelProtocol kvp_protocol = {
        .name = "kvp",
        .default_path = "/dev/vmbus/hv_kvp",
        .message_max = KVP_MESSAGE_SIZE,
        .registration = registration,
        .registered = registered,
        .deadline_usec = deadline_usec,
        .request_size = KVP_MESSAGE_SIZE,
};

static void answer_status(Kvp *kvp, WireStatus status) {
        kvp_wire_reply_status(kvp->reply, status);
        (void) channel_reply(kvp->channel, kvp->reply, sizeof kvp->reply);
}

static void answer_pair(Kvp *kvp, const char *key, size_t key_size, const char *value, size_t value_size) {
        kvp_wire_reply_pair(kvp->reply, key, key_size, value, value_size);
        (void) channel_reply(kvp->channel, kvp->reply, sizeof kvp->reply);
}

/* --- refusals --- */

static void log_refusal(Kvp *kvp, KvpRefusal refusal) {
        g_autofree char *note = NULL;
        uint64_t more;

        if (!log_limit_pass(&kvp->refusal_limits[refusal], now_usec(CLOCK_MONOTONIC), &more))
                return;
        if (more > 0)
                note = g_strdup_printf(" (and %" G_GUINT64_FORMAT " like it not logged before)", more);
        log_event(LOG_WARNING, HVUTILS_MESSAGE_HOSTILE, LOG_FIELDS(HVUTILS_FIELD_CHANNEL, "kvp"),
                  "Refused a message of the host: bad %s%s.", kvp_refusal_to_string(refusal),
                  note ? note : "");
}

static void refuse(Kvp *kvp, KvpRefusal refusal, WireStatus status) {
        kvp->counters.refusals[refusal]++;
        log_refusal(kvp, refusal);
        /* A message of another length is no message of this protocol: the channel starts over by itself. */
        if (refusal != KVP_REFUSAL_SIZE)
                answer_status(kvp, status);
}

static void refuse_right(Kvp *kvp, KvpOutcome outcome) {
        const KvpRequest *request = &kvp->request;
        uint64_t more;

        if (outcome == KVP_E_READ_ONLY) {
                kvp->counters.read_only++;
                if (log_limit_pass(&kvp->read_only_limit, now_usec(CLOCK_MONOTONIC), &more))
                        log_event(LOG_NOTICE, HVUTILS_MESSAGE_HOSTILE,
                                  LOG_FIELDS(HVUTILS_FIELD_POOL, kvp_pool_to_string(request->pool),
                                             HVUTILS_FIELD_OPERATION,
                                             kvp_operation_to_string(request->operation)),
                                  "The host may not change pool %s, refused.",
                                  kvp_pool_to_string(request->pool));
        }
        answer_status(kvp, kvp_engine_status(outcome));
}

/* --- reading --- */

static void serve_get(Kvp *kvp) {
        const KvpRequest *request = &kvp->request;
        const char *value;
        size_t size;

        if (kvp_get(kvp, request->pool, request->key, &value, &size) != KVP_OK)
                return answer_status(kvp, WIRE_STATUS_NO_MORE);
        answer_pair(kvp, request->key, request->key_size, value, size);
}

static void serve_fact(Kvp *kvp) {
        const char *key, *value;

        if (kvp_auto_get_record(kvp->autos, kvp->request.index, &key, &value) < 0)
                return answer_status(kvp, WIRE_STATUS_NO_MORE);
        answer_pair(kvp, key, strlen(key), value, strlen(value));
}

static void serve_enumerate(Kvp *kvp) {
        const KvpRequest *request = &kvp->request;
        const char *key, *value;
        size_t key_size, value_size;

        if (request->pool == KVP_POOL_ID_AUTO)
                return serve_fact(kvp);

        (void) kvp_revalidate(kvp, request->pool);
        if (store_get_record(kvp->store, request->pool, request->index, &key, &key_size, &value,
                             &value_size) < 0)
                return answer_status(kvp, WIRE_STATUS_NO_MORE);
        answer_pair(kvp, key, key_size, value, value_size);
}

/* --- changing --- */

static void on_changed(int result, uint32_t count, void *userdata) {
        answer_status(userdata, kvp_engine_status(result));
}

static void serve_change(Kvp *kvp) {
        const KvpRequest *request = &kvp->request;

        kvp->host_edit = (StoreEdit){
                .key = request->key,
                .key_size = request->key_size,
                .value = request->operation == KVP_OPERATION_SET ? request->value : NULL,
                .value_size = request->value_size,
        };
        kvp->host_ticket = (KvpTicket){
                .kvp = kvp,
                .embedded = true,
                .speaker = KVP_SPEAKER_HOST,
                .origin = KVP_ORIGIN_HOST,
                .pool = request->pool,
                .edits = &kvp->host_edit,
                .n_edits = 1,
                .done = on_changed,
                .userdata = kvp,
        };
        (void) kvp_ticket_begin(&kvp->host_ticket);
}

/* --- addresses --- */

static void serve_get_addresses(Kvp *kvp) {
        if (!kvp->network.get_addresses)
                return answer_status(kvp, WIRE_STATUS_NOT_SUPPORTED);

        kvp->network.get_addresses(kvp->request.addresses, kvp->reply, kvp->network.userdata);
        (void) channel_reply(kvp->channel, kvp->reply, sizeof kvp->reply);
}

static void on_injected(WireStatus status, void *userdata) {
        Kvp *kvp = userdata;

        kvp->injecting = false;
        answer_status(kvp, status);
}

static void serve_set_addresses(Kvp *kvp) {
        if (!kvp->network.set_addresses)
                return answer_status(kvp, WIRE_STATUS_NOT_SUPPORTED);

        kvp->injecting = true;
        kvp->network.set_addresses(kvp->request.addresses, on_injected, kvp, kvp->network.userdata);
}

/* --- the channel's owner --- */

static void serve(Kvp *kvp) {
        switch (kvp->request.operation) {
        case KVP_OPERATION_GET:
                return serve_get(kvp);
        case KVP_OPERATION_ENUMERATE:
                return serve_enumerate(kvp);
        case KVP_OPERATION_SET:
        case KVP_OPERATION_REMOVE:
                return serve_change(kvp);
        case KVP_OPERATION_GET_ADDRESSES:
                return serve_get_addresses(kvp);
        case KVP_OPERATION_SET_ADDRESSES:
                return serve_set_addresses(kvp);
        case _KVP_OPERATION_MAX:
        case _KVP_OPERATION_INVALID:
                break;
        }
        g_assert_not_reached();
}

static bool has_pool(KvpOperation operation) {
        return operation != KVP_OPERATION_GET_ADDRESSES && operation != KVP_OPERATION_SET_ADDRESSES;
}

static void on_request(Channel *channel, const uint8_t *bytes, size_t n, void *userdata) {
        Kvp *kvp = userdata;
        KvpRequest *request = &kvp->request;
        WireStatus status = WIRE_STATUS_FAIL;
        int r;

        r = kvp_wire_parse(bytes, n, request, &status);
        if (r != 0)
                return refuse(kvp, (KvpRefusal) r, status);

        kvp->counters.operations[request->operation]++;
        if (has_pool(request->operation)) {
                r = kvp_engine_permit(KVP_SPEAKER_HOST, request->operation, request->pool,
                                      kvp->configuration->kvp.host_writes);
                if (r != KVP_OK)
                        return refuse_right(kvp, (KvpOutcome) r);
        }
        serve(kvp);
}

static void on_abandoned(Channel *channel, void *userdata) {
        Kvp *kvp = userdata;

        kvp_ticket_cancel(&kvp->host_ticket);
        if (kvp->injecting && kvp->network.cancel)
                kvp->network.cancel(kvp->network.userdata);
        kvp->injecting = false;
}

static void on_state_changed(Channel *channel, ChannelState before, void *userdata) {
        Kvp *kvp = userdata;

        if (channel_get_state(channel) == CHANNEL_REGISTERED) {
                kvp_auto_set_version(kvp->autos, channel_get_version(channel));
                kvp_facts_changed(kvp);
        }
        if (kvp->observer.channel_changed)
                kvp->observer.channel_changed(kvp->observer_userdata);
}

static const ChannelOwner kvp_owner = {
        .request = on_request,
        .abandoned = on_abandoned,
        .state_changed = on_state_changed,
};

int kvp_host_init(Kvp *kvp, const char *channel_path) {
        kvp->host_ticket = (KvpTicket){ .kvp = kvp, .embedded = true };
        return channel_new(kvp->event, &kvp_protocol, channel_path, kvp->time_scale, &kvp_owner, kvp,
                           &kvp->channel);
}
