/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/record.h"

#include "service/link/fields.h"

static const char *const transfer_state_table[_TRANSFER_STATE_MAX] = {
        [TRANSFER_RECEIVING] = "receiving", [TRANSFER_PAUSED] = "paused",   [TRANSFER_COMPLETE] = "complete",
        [TRANSFER_CANCELLED] = "cancelled", [TRANSFER_REFUSED] = "refused", [TRANSFER_FAILED] = "failed",
};
DEFINE_STRING_TABLE_LOOKUP(transfer_state, TransferState);

TransferRecord *transfer_record_new(uint64_t id) {
        TransferRecord *record = g_new0(TransferRecord, 1);

        record->id = id;
        return record;
}

TransferRecord *transfer_record_free(TransferRecord *record) {
        if (!record)
                return NULL;

        g_free(record->file_name);
        g_free(record->directory);
        g_free(record);
        return NULL;
}

TransferRecord *transfer_record_copy(const TransferRecord *record) {
        TransferRecord *copy = g_memdup2(record, sizeof *record);

        copy->file_name = g_strdup(record->file_name);
        copy->directory = g_strdup(record->directory);
        return copy;
}

bool transfer_record_is_over(const TransferRecord *record) {
        return record->state != TRANSFER_RECEIVING && record->state != TRANSFER_PAUSED;
}

TransferState transfer_state_of_end(TransferOutcome outcome, bool had_begun) {
        if (outcome == TRANSFER_OK)
                return TRANSFER_COMPLETE;
        if (outcome == TRANSFER_E_CANCELLED || outcome == TRANSFER_E_STOPPED)
                return TRANSFER_CANCELLED;
        return had_begun ? TRANSFER_FAILED : TRANSFER_REFUSED;
}

/* A name that fills its field must not push the others out of the message. */
#define TEXT_MAX 1024

static void add_text(LinkMessage *message, const char *field, const char *text) {
        g_autofree char *cut = g_strndup(text ? text : "", TEXT_MAX);
        g_autofree char *valid = g_utf8_make_valid(cut, -1);

        (void) link_message_add(message, field, valid);
}

void transfer_record_to_link(const TransferRecord *record, LinkMessage *message) {
        (void) link_message_add_u64(message, LINK_FIELD_ID, record->id);
        (void) link_message_add(message, LINK_FIELD_STATE, transfer_state_to_string(record->state));
        (void) link_message_add_u64(message, LINK_FIELD_SIZE, record->size);
        (void) link_message_add_u64(message, LINK_FIELD_RECEIVED, record->received);
        (void) link_message_add_u64(message, LINK_FIELD_RATE, record->rate);
        (void) link_message_add_u64(message, LINK_FIELD_STARTED, record->started);
        (void) link_message_add_u64(message, LINK_FIELD_FINISHED, record->finished);
        (void) link_message_add(message, LINK_FIELD_REASON,
                                transfer_record_is_over(record) ? transfer_outcome_sentence(record->outcome)
                                                                : "");
        add_text(message, LINK_FIELD_FILE_NAME, record->file_name);
        add_text(message, LINK_FIELD_DIRECTORY, record->directory);
}
