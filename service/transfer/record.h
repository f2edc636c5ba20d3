/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One transfer as everybody sees it: engine, link, history. */

#include <glib.h>
#include <stdint.h>

#include "common/string-table.h"
#include "service/link/link.h"
#include "service/transfer/outcome.h"

G_BEGIN_DECLS

typedef enum TransferState {
        TRANSFER_RECEIVING,
        TRANSFER_PAUSED, /* a snapshot holds it */
        TRANSFER_COMPLETE,
        TRANSFER_CANCELLED, /* by the host or by Cancel() */
        TRANSFER_REFUSED,   /* it never began */
        TRANSFER_FAILED,
        _TRANSFER_STATE_MAX,
        _TRANSFER_STATE_INVALID = -EINVAL,
} TransferState;
DECLARE_STRING_TABLE_LOOKUP(transfer_state, TransferState);

typedef struct TransferRecord {
        uint64_t id;
        char *file_name;
        char *directory; /* where it goes; as the host asked while that is unknown */
        uint64_t size, received;
        uint64_t rate; /* bytes a second, since the start */
        TransferState state;
        TransferOutcome outcome;    /* TRANSFER_OK while it runs */
        uint64_t started, finished; /* CLOCK_REALTIME microseconds; 0 = not yet */
} TransferRecord;

TransferRecord *transfer_record_new(uint64_t id);
TransferRecord *transfer_record_free(TransferRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferRecord, transfer_record_free)
TransferRecord *transfer_record_copy(const TransferRecord *record);
bool transfer_record_is_over(const TransferRecord *record);
/* What a transfer that ended thus is called. */
TransferState transfer_state_of_end(TransferOutcome outcome, bool had_begun);

/* Adds the fields of service/link/fields.h. */
void transfer_record_to_link(const TransferRecord *record, LinkMessage *message);

G_END_DECLS
