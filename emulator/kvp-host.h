/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a KVP message becomes between the host and the daemon: the driver's conversion of strings
 * (kvp_send_key() and kvp_respond_to_host() in drivers/hv/hv_kvp.c).
 *
 *  - To the daemon at most 511 bytes of key and 2,047 of value arrive, cut between characters.
 *  - To the host at most 254 units of key and 1,022 of value arrive, cut silently. Text that is not UTF-8
 * before the cut makes the whole answer E_FAIL.
 *  - GET and ENUMERATE are both read in the enumerate view: the value at offset 532.
 *  - With a status that is not OK nothing of the answer's body reaches the host.
 */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/kvp.h"

G_BEGIN_DECLS

/* The request as the daemon gets it. pool may be any byte; key and value may be NULL where the operation has
 * none. -EILSEQ: not UTF-8; -E2BIG: more than the host's own field holds (255 units of key, 1,023 of value).
 */
int kvp_host_request(uint8_t message[KVP_MESSAGE_SIZE], KvpOperation operation, unsigned pool, uint32_t index,
                     const char *key, const char *value);

/* The answer as the host gets it. */
typedef struct KvpView {
        WireStatus status;
        char *key;   /* ENUMERATE, if the status is OK */
        char *value; /* GET and ENUMERATE, if the status is OK */
} KvpView;

void kvp_view_init(KvpView *view, KvpOperation operation, WireStatus status, const uint8_t *reply, size_t n);
void kvp_view_done(KvpView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KvpView, kvp_view_done)

G_END_DECLS
