/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pools, and the record that a pool file is made of.
 *
 *      offset  size  content
 *           0   512  key,   UTF-8, padded with NUL
 *         512  2048  value, UTF-8, padded with NUL
 *
 * A file is a sequence of such records, no header, no trailer; a shorter tail is not a record. Others write these files too
 * (cloud-init, azure-init, shell scripts): a field may be full without a NUL, hold garbage after the NUL, or not be UTF-8.
 * We write zero-padded records only. Source: tools/hv/hv_kvp_daemon.c, struct kvp_record.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/string-table.h"

G_BEGIN_DECLS

#define RECORD_KEY_SIZE   512
#define RECORD_VALUE_SIZE 2048
#define RECORD_SIZE       (RECORD_KEY_SIZE + RECORD_VALUE_SIZE)

/* Bytes without the NUL that we accept for a new key or value at all. */
#define RECORD_KEY_MAX   (RECORD_KEY_SIZE - 1)
#define RECORD_VALUE_MAX (RECORD_VALUE_SIZE - 1)

/* UTF-16 units that reach the host; the driver cuts the rest silently (drivers/hv/hv_kvp.c, kvp_respond_to_host). */
#define RECORD_KEY_UNITS_MAX   254
#define RECORD_VALUE_UNITS_MAX 1022

typedef enum KvpPool {
        KVP_POOL_ID_EXTERNAL,      /* 0: host to guest */
        KVP_POOL_ID_GUEST,         /* 1: guest to host */
        KVP_POOL_ID_AUTO,          /* 2: the guest's facts, computed, no file content */
        KVP_POOL_ID_AUTO_EXTERNAL, /* 3: the host's facts */
        KVP_POOL_ID_AUTO_INTERNAL, /* 4: never exchanged */
        _KVP_POOL_ID_MAX,
        _KVP_POOL_ID_INVALID = -EINVAL,
} KvpPool;

/* "external", "guest", "auto", "auto_external", "auto_internal": the words on the bus and the last part of the object path. */
DECLARE_STRING_TABLE_LOOKUP(kvp_pool, KvpPool);

/* What a person may type: the word, its number "0" … "4", or "host" for auto_external. -EINVAL. */
KvpPool kvp_pool_from_argument(const char *word);

/* ".kvp_pool_1" */
const char *kvp_pool_file_name(KvpPool pool);

/* Length of the key or value in a record field of size bytes: up to the first NUL, or size. */
size_t record_field_length(const void *field, size_t size);

/* Nothing but zeros behind the first NUL of both fields: the record is what record_encode() makes of its key and value. */
bool record_is_padded(const uint8_t record[RECORD_SIZE]);

/* Fills a whole record, zero-padded. key_size <= RECORD_KEY_SIZE, value_size <= RECORD_VALUE_SIZE (asserted). */
void record_encode(uint8_t record[RECORD_SIZE], const char *key, size_t key_size, const char *value, size_t value_size);

G_END_DECLS
