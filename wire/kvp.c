/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/kvp.h"

#include <linux/hyperv.h>
#include <string.h>

#include "common/utf16.h"

/* The layout is the kernel's; the door repeats it for the reader, and here the compiler compares. */
#define LAYOUT(member, offset) G_STATIC_ASSERT(offsetof(struct hv_kvp_msg, member) == (offset))

G_STATIC_ASSERT(sizeof(struct hv_kvp_msg) == KVP_MESSAGE_SIZE);
G_STATIC_ASSERT(HV_KVP_EXCHANGE_MAX_KEY_SIZE == RECORD_KEY_SIZE);
G_STATIC_ASSERT(HV_KVP_EXCHANGE_MAX_VALUE_SIZE == RECORD_VALUE_SIZE);
LAYOUT(kvp_hdr.pool, 1);
LAYOUT(body.kvp_set.data.key_size, 8);
LAYOUT(body.kvp_set.data.key, 16);
LAYOUT(body.kvp_set.data.value, 528);
LAYOUT(body.kvp_delete.key, 8);
LAYOUT(body.kvp_enum_data.data.key, 20);
LAYOUT(body.kvp_enum_data.data.value, 532);

static const char *const kvp_operation_table[_KVP_OPERATION_MAX] = {
        [KVP_OPERATION_GET] = "get",
        [KVP_OPERATION_SET] = "set",
        [KVP_OPERATION_REMOVE] = "delete",
        [KVP_OPERATION_ENUMERATE] = "enumerate",
        [KVP_OPERATION_GET_ADDRESSES] = "get-ip",
        [KVP_OPERATION_SET_ADDRESSES] = "set-ip",
};
DEFINE_STRING_TABLE_LOOKUP(kvp_operation, KvpOperation);

static const char *const kvp_refusal_table[_KVP_REFUSAL_MAX] = {
        [KVP_REFUSAL_NONE] = "none",           [KVP_REFUSAL_SIZE] = "size",
        [KVP_REFUSAL_OPERATION] = "operation", [KVP_REFUSAL_POOL] = "pool",
        [KVP_REFUSAL_KEY_SIZE] = "key-size",   [KVP_REFUSAL_VALUE_SIZE] = "value-size",
        [KVP_REFUSAL_KEY_TEXT] = "key-text",   [KVP_REFUSAL_VALUE_TEXT] = "value-text",
        [KVP_REFUSAL_ADAPTER] = "adapter",
};
DEFINE_STRING_TABLE_LOOKUP(kvp_refusal, KvpRefusal);

/* Our operations are the kernel's numbers. */
G_STATIC_ASSERT((int)KVP_OPERATION_GET == KVP_OP_GET && (int)KVP_OPERATION_SET == KVP_OP_SET);
G_STATIC_ASSERT((int)KVP_OPERATION_REMOVE == KVP_OP_DELETE &&
                (int)KVP_OPERATION_ENUMERATE == KVP_OP_ENUMERATE);
G_STATIC_ASSERT((int)KVP_OPERATION_GET_ADDRESSES == KVP_OP_GET_IP_INFO);
G_STATIC_ASSERT((int)KVP_OPERATION_SET_ADDRESSES == KVP_OP_SET_IP_INFO &&
                (int)_KVP_OPERATION_MAX == KVP_OP_COUNT);
G_STATIC_ASSERT((int)_KVP_POOL_ID_MAX == KVP_POOL_COUNT);

/* --- registration --- */

void kvp_wire_registration(uint8_t message[KVP_MESSAGE_SIZE]) {
        memset(message, 0, KVP_MESSAGE_SIZE);
        message[0] = KVP_OP_REGISTER1;
}

int kvp_wire_parse_registered(const void *message, size_t n, char ret_version[64]) {
        const struct hv_kvp_msg *m = message;
        const char *version;
        size_t length;

        if (n != KVP_MESSAGE_SIZE || m->kvp_hdr.operation != KVP_OP_REGISTER1)
                return -EBADMSG;

        version = (const char *)m->body.kvp_register.version;
        length = strnlen(version, 64);
        if (length == 64)
                return -EBADMSG;
        for (size_t i = 0; i < length; i++)
                if (!g_ascii_isprint(version[i]))
                        return -EBADMSG;

        memcpy(ret_version, version, length + 1);
        return 0;
}

/* --- the daemon's side: requests --- */

/* Text in a field of the host: `claim` is the size that the message states, the NUL included. The driver
 * sends exactly length + 1. A NUL before that is accepted and ends the text (what follows it is never looked
 * at); none at all within the claim is not: the text would have no end. */
typedef struct Text {
        const char *bytes;
        size_t n;
} Text;

static bool text_parse(const uint8_t *field, size_t claim, Text *ret) {
        Text text = { (const char *)field, strnlen((const char *)field, claim) };

        if (text.n == claim || !utf8_is_clean(text.bytes, text.n))
                return false;

        *ret = text;
        return true;
}

static void text_copy(char *to, Text text) {
        if (text.n > 0)
                memcpy(to, text.bytes, text.n);
        to[text.n] = '\0';
}

static KvpRefusal parse_key(const uint8_t *field, uint32_t claim, KvpRequest *request) {
        Text key;

        if (claim == 0 || claim > RECORD_KEY_SIZE)
                return KVP_REFUSAL_KEY_SIZE;
        if (!text_parse(field, claim, &key) || key.n == 0)
                return KVP_REFUSAL_KEY_TEXT;

        text_copy(request->key, key);
        request->key_size = key.n;
        return KVP_REFUSAL_NONE;
}

/* A claim of 0 is what the driver makes of types that it cannot pass on (REG_EXPAND_SZ, REG_QWORD). */
static KvpRefusal parse_value(const uint8_t *field, uint32_t claim, KvpRequest *request) {
        Text value = {};

        if (claim > RECORD_VALUE_SIZE)
                return KVP_REFUSAL_VALUE_SIZE;
        if (claim > 0 && !text_parse(field, claim, &value))
                return KVP_REFUSAL_VALUE_TEXT;

        text_copy(request->value, value);
        request->value_size = value.n;
        return KVP_REFUSAL_NONE;
}

static KvpRefusal parse_set(const struct hv_kvp_msg *m, KvpRequest *request) {
        KvpRefusal refusal;

        refusal = parse_key(m->body.kvp_set.data.key, m->body.kvp_set.data.key_size, request);
        if (refusal != KVP_REFUSAL_NONE)
                return refusal;

        return parse_value(m->body.kvp_set.data.value, m->body.kvp_set.data.value_size, request);
}

static KvpRefusal parse_addresses(const struct hv_kvp_msg *m, KvpRequest *request) {
        const uint8_t *message = (const uint8_t *)m;
        Text adapter;

        if (!text_parse(message + offsetof(struct hv_kvp_msg, body.kvp_ip_val.adapter_id),
                        sizeof(m->body.kvp_ip_val.adapter_id), &adapter))
                return KVP_REFUSAL_ADAPTER;

        request->addresses = message;
        return KVP_REFUSAL_NONE;
}

static KvpRefusal parse_body(const struct hv_kvp_msg *m, KvpRequest *request) {
        switch (request->operation) {
        case KVP_OPERATION_GET:
                return parse_key(m->body.kvp_get.data.key, m->body.kvp_get.data.key_size, request);
        case KVP_OPERATION_SET:
                return parse_set(m, request);
        case KVP_OPERATION_REMOVE:
                return parse_key(m->body.kvp_delete.key, m->body.kvp_delete.key_size, request);
        case KVP_OPERATION_ENUMERATE:
                request->index = m->body.kvp_enum_data.index;
                return KVP_REFUSAL_NONE;
        case KVP_OPERATION_GET_ADDRESSES:
        case KVP_OPERATION_SET_ADDRESSES:
                return parse_addresses(m, request);
        case _KVP_OPERATION_MAX:
        case _KVP_OPERATION_INVALID:
                break;
        }
        g_assert_not_reached();
}

/* The small members; key and value stay as they are but for an empty string, they are 2,560 bytes of which a
 * message uses a few. */
static void request_init(KvpRequest *request, KvpOperation operation, KvpPool pool) {
        request->operation = operation;
        request->pool = pool;
        request->index = 0;
        request->key_size = request->value_size = 0;
        request->key[0] = request->value[0] = '\0';
        request->addresses = NULL;
}

static bool names_pool(KvpOperation operation) {
        return operation != KVP_OPERATION_GET_ADDRESSES && operation != KVP_OPERATION_SET_ADDRESSES;
}

int kvp_wire_parse(const void *message, size_t n, KvpRequest *ret, WireStatus *ret_status) {
        const struct hv_kvp_msg *m = message;
        KvpRefusal refusal;

        *ret_status = WIRE_STATUS_FAIL;
        if (n != KVP_MESSAGE_SIZE)
                return KVP_REFUSAL_SIZE;
        if (m->kvp_hdr.operation >= _KVP_OPERATION_MAX) {
                *ret_status = WIRE_STATUS_NOT_SUPPORTED;
                return KVP_REFUSAL_OPERATION;
        }

        request_init(ret, (KvpOperation)m->kvp_hdr.operation, KVP_POOL_ID_EXTERNAL);
        if (names_pool(ret->operation)) {
                if (m->kvp_hdr.pool >= _KVP_POOL_ID_MAX)
                        return KVP_REFUSAL_POOL;
                ret->pool = (KvpPool)m->kvp_hdr.pool;
        }

        refusal = parse_body(m, ret);
        if (refusal != KVP_REFUSAL_NONE)
                return refusal;

        *ret_status = WIRE_STATUS_OK;
        return 0;
}

/* --- the daemon's side: replies --- */

void kvp_wire_reply_status(uint8_t message[KVP_MESSAGE_SIZE], WireStatus status) {
        memset(message, 0, KVP_MESSAGE_SIZE);
        memcpy(message, &status, sizeof(status));
}

/* What of the text reaches the host, mended; *buffer holds it if it had to be mended. */
static Text text_for_host(const char *bytes, size_t n, size_t units, size_t max, char **buffer) {
        Text text;

        text.bytes = utf8_mend(bytes, n, buffer);
        text.n = *buffer ? strlen(*buffer) : n;
        /* A byte never needs more than one unit. */
        if (text.n > units)
                text.n = utf8_prefix(text.bytes, text.n, units, max);

        return text;
}

void kvp_wire_reply_pair(uint8_t message[KVP_MESSAGE_SIZE], const char *key, size_t key_size,
                         const char *value, size_t value_size) {
        struct hv_kvp_msg *m = (struct hv_kvp_msg *)message;
        g_autofree char *mended_key = NULL, *mended_value = NULL;
        Text k = text_for_host(key, key_size, RECORD_KEY_UNITS_MAX, RECORD_KEY_MAX, &mended_key);
        Text v = text_for_host(value, value_size, RECORD_VALUE_UNITS_MAX, RECORD_VALUE_MAX, &mended_value);

        kvp_wire_reply_status(message, WIRE_STATUS_OK);
        text_copy((char *)m->body.kvp_enum_data.data.key, k);
        text_copy((char *)m->body.kvp_enum_data.data.value, v);
}

/* --- the driver's side --- */

/* As the driver does: the claim counts the NUL. */
static uint32_t field_put(uint8_t *field, size_t size, const char *text) {
        size_t n = strlen(text);

        g_assert(n < size);

        memcpy(field, text, n + 1);
        return (uint32_t)n + 1;
}

void kvp_wire_request(uint8_t message[KVP_MESSAGE_SIZE], KvpOperation operation, unsigned pool,
                      uint32_t index, const char *key, const char *value) {
        struct hv_kvp_msg *m = (struct hv_kvp_msg *)message;
        struct hv_kvp_exchg_msg_value *data = &m->body.kvp_set.data;

        memset(message, 0, KVP_MESSAGE_SIZE);
        m->kvp_hdr.operation = (uint8_t)operation;
        m->kvp_hdr.pool = (uint8_t)pool;

        switch (operation) {
        case KVP_OPERATION_SET:
                if (value)
                        data->value_size = field_put(data->value, RECORD_VALUE_SIZE, value);
                /* fall through */
        case KVP_OPERATION_GET:
                data->key_size = field_put(data->key, RECORD_KEY_SIZE, key);
                return;
        case KVP_OPERATION_REMOVE:
                m->body.kvp_delete.key_size = field_put(m->body.kvp_delete.key, RECORD_KEY_SIZE, key);
                return;
        case KVP_OPERATION_ENUMERATE:
                m->body.kvp_enum_data.index = index;
                return;
        case KVP_OPERATION_GET_ADDRESSES:
        case KVP_OPERATION_SET_ADDRESSES:
                (void)field_put(message + 4, sizeof(m->body.kvp_ip_val.adapter_id), key);
                return;
        case _KVP_OPERATION_MAX:
        case _KVP_OPERATION_INVALID:
                break;
        }
        g_assert_not_reached();
}

void kvp_wire_registered(uint8_t message[KVP_MESSAGE_SIZE], const char *version) {
        struct hv_kvp_msg *m = (struct hv_kvp_msg *)message;

        kvp_wire_registration(message);
        (void)field_put(m->body.kvp_register.version, sizeof(m->body.kvp_register.version), version);
}

static const char *field_string(const uint8_t *field, size_t size) {
        return strnlen((const char *)field, size) < size ? (const char *)field : NULL;
}

int kvp_wire_parse_reply(const void *message, size_t n, WireStatus *ret_status, const char **ret_key,
                         const char **ret_value) {
        const struct hv_kvp_msg *m = message;
        const char *key, *value;

        if (n < KVP_MESSAGE_SIZE)
                return -EBADMSG;

        key = field_string(m->body.kvp_enum_data.data.key, RECORD_KEY_SIZE);
        value = field_string(m->body.kvp_enum_data.data.value, RECORD_VALUE_SIZE);
        if (m->error == 0 && ((ret_key && !key) || (ret_value && !value)))
                return -EBADMSG;

        *ret_status = (WireStatus)m->error;
        if (ret_key)
                *ret_key = key;
        if (ret_value)
                *ret_value = value;
        return 0;
}

bool kvp_wire_is_registration(const void *message, size_t n) {
        const struct hv_kvp_msg *m = message;

        return n >= KVP_MESSAGE_SIZE &&
               (m->kvp_hdr.operation == KVP_OP_REGISTER1 || m->kvp_hdr.operation == KVP_OP_REGISTER);
}
