/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The KVP message between driver and daemon, struct hv_kvp_msg of <linux/hyperv.h>: bytes <-> checked values, pure.
 *
 * One message is 7,432 bytes in either direction. Offsets (decimal, in the message):
 *
 *        0  request: u8 operation, u8 pool, u16 pad      reply: s32 status (overlays them)
 *        4  get, set: u32 type, u32 key_size, u32 value_size; 16 key[512]; 528 value[2048]
 *        4  remove:   u32 key_size; 8 key[512]
 *        4  enumerate: u32 index; 8 u32 type, 12 u32 key_size, 16 u32 value_size; 20 key[512]; 532 value[2048]
 *        4  register reply: version[512]
 *        4  IP information: see wire/ip.h
 *
 * The answer to GET stands at 532, in the enumerate view, because that is where the driver looks (it reads the get view
 * nowhere); FreeBSD reads 528. We fill 532 only.
 *
 * Parsing trusts nothing: sizes are claims, strings may lack a NUL, the pool is any byte. The result is a *copy*: later
 * changes of the buffer change nothing.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/record.h"
#include "wire/status.h"

G_BEGIN_DECLS

#define KVP_MESSAGE_SIZE 7432

/* The daemon speaks first: KVP_OP_REGISTER1, rest zero; the driver answers with its version string ("3.1"). */
void kvp_wire_registration(uint8_t message[KVP_MESSAGE_SIZE]);
/* Reads the driver's answer; *ret_version (at least 64 bytes) gets the version, printable ASCII only.
 * -EBADMSG if it is anything else. */
int kvp_wire_parse_registered(const void *message, size_t n, char ret_version[64]);

typedef enum KvpOperation {
        KVP_OPERATION_GET,
        KVP_OPERATION_SET,
        KVP_OPERATION_REMOVE,
        KVP_OPERATION_ENUMERATE,
        KVP_OPERATION_GET_ADDRESSES, /* GET_IP_INFO */
        KVP_OPERATION_SET_ADDRESSES, /* SET_IP_INFO */
        _KVP_OPERATION_MAX,
        _KVP_OPERATION_INVALID = -EINVAL,
} KvpOperation;
DECLARE_STRING_TABLE_LOOKUP(kvp_operation, KvpOperation); /* "get", "set", "delete", "enumerate", "get-ip", "set-ip" */

/* Why a message was refused; each has its own counter and its own once-a-minute line in the log. */
typedef enum KvpRefusal {
        KVP_REFUSAL_NONE,
        KVP_REFUSAL_SIZE = 1,       /* not 7,432 bytes */
        KVP_REFUSAL_OPERATION,      /* unknown operation */
        KVP_REFUSAL_POOL,           /* 5 … 255 */
        KVP_REFUSAL_KEY_SIZE,       /* claims more than the field, or 0 */
        KVP_REFUSAL_VALUE_SIZE,     /* claims more than the field */
        KVP_REFUSAL_KEY_TEXT,       /* empty, no NUL within the claim, or not UTF-8 */
        KVP_REFUSAL_VALUE_TEXT,     /* no NUL within the claim, or not UTF-8 */
        KVP_REFUSAL_ADAPTER,        /* adapter id unterminated or not UTF-8 */
        _KVP_REFUSAL_MAX,
        _KVP_REFUSAL_INVALID = -EINVAL,
} KvpRefusal;
DECLARE_STRING_TABLE_LOOKUP(kvp_refusal, KvpRefusal);

/* A request whose every field has been checked. Strings are NUL-terminated valid UTF-8; they end at the first NUL of the
 * field even if the message claims more. */
typedef struct KvpRequest {
        KvpOperation operation;
        KvpPool pool;                          /* without meaning for *_ADDRESSES: that byte is not looked at */
        uint32_t index;                        /* ENUMERATE */
        size_t key_size;                       /* bytes without NUL: GET, SET, REMOVE */
        size_t value_size;                     /* SET; 0 also stands for the types the driver cannot pass on */
        char key[RECORD_KEY_SIZE];
        char value[RECORD_VALUE_SIZE];
        const uint8_t *addresses;              /* *_ADDRESSES: the raw message, valid as long as the caller's buffer */
} KvpRequest;

/* Checks, and copies only the bytes in use. Returns 0, or a positive KvpRefusal with *ret_status = what the host must be
 * told (WIRE_STATUS_FAIL, or NOT_SUPPORTED for an unknown operation); *ret then holds nothing to rely on. Never reads
 * beyond n. */
int kvp_wire_parse(const void *message, size_t n, KvpRequest *ret, WireStatus *ret_status);

/* A reply without a body; bytes beyond the status are zero. Every reply writes the whole message, so that nothing of the
 * request or of another record travels with it (60 ns; the message costs some 5 us anyway). */
void kvp_wire_reply_status(uint8_t message[KVP_MESSAGE_SIZE], WireStatus status);
/* The reply to GET and ENUMERATE, in the enumerate view. Key and value are bytes as stored; invalid UTF-8 is mended with
 * U+FFFD and the text is cut between characters at what reaches the host (254 and 1,022 units): the driver would refuse
 * the one and cut the other anywhere. */
void kvp_wire_reply_pair(uint8_t message[KVP_MESSAGE_SIZE], const char *key, size_t key_size, const char *value,
                         size_t value_size);

/* The driver's side, for the emulated host, tests and benchmarks. key: the adapter id for *_ADDRESSES; value NULL: of a
 * type that the driver cannot pass on. A text must fit its field with a NUL (asserted). */
void kvp_wire_request(uint8_t message[KVP_MESSAGE_SIZE], KvpOperation operation, unsigned pool, uint32_t index,
                      const char *key, const char *value);
void kvp_wire_registered(uint8_t message[KVP_MESSAGE_SIZE], const char *version);
/* *ret_key and *ret_value may be NULL and point into message; only meaningful if the status is OK. */
int kvp_wire_parse_reply(const void *message, size_t n, WireStatus *ret_status, const char **ret_key,
                         const char **ret_value);
/* True if the n bytes are a registration (either kind the driver accepts in state 0). */
bool kvp_wire_is_registration(const void *message, size_t n);

G_END_DECLS
