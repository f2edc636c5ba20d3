/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/transfer.h"

#include <errno.h>
#include <string.h>

#include "common/utf16.h"
#include "service/link/fields.h"

static const struct {
        const char *word;
        bool is_running;
} states[] = {
        { "receiving", true },  { "paused", true },   { "complete", false },
        { "cancelled", false }, { "refused", false }, { "failed", false },
};

static bool state_read(const char *word, const char **ret_word, bool *ret_is_running) {
        for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
                if (g_strcmp0(word, states[i].word) == 0) {
                        *ret_word = states[i].word;
                        *ret_is_running = states[i].is_running;
                        return true;
                }
        return false;
}

/* Names are what a file system takes; what goes on to the bus is UTF-8. */
static char *text_dup(const char *text) {
        g_autofree char *mended = NULL;

        return g_strdup(text ? utf8_mend(text, strlen(text), &mended) : "");
}

static uint64_t number_read(const LinkMessage *report, const char *field) {
        uint64_t number;

        return link_message_get_u64(report, field, &number) < 0 ? 0 : number;
}

int transfer_new(const LinkMessage *report, Transfer **ret) {
        Transfer *transfer;
        const char *state;
        bool is_running;
        uint64_t id;

        if (report->kind != LINK_REPORT || link_message_get_u64(report, LINK_FIELD_ID, &id) < 0 ||
            !state_read(link_message_get(report, LINK_FIELD_STATE), &state, &is_running))
                return -EBADMSG;
        transfer = g_new0(Transfer, 1);
        transfer->id = id;
        transfer->state = state;
        transfer->is_running = is_running;
        transfer->file_name = text_dup(link_message_get(report, LINK_FIELD_FILE_NAME));
        transfer->directory = text_dup(link_message_get(report, LINK_FIELD_DIRECTORY));
        transfer->reason = text_dup(link_message_get(report, LINK_FIELD_REASON));
        transfer->size = number_read(report, LINK_FIELD_SIZE);
        transfer->received = number_read(report, LINK_FIELD_RECEIVED);
        *ret = transfer;
        return 0;
}

Transfer *transfer_free(Transfer *transfer) {
        if (!transfer)
                return NULL;
        g_free(transfer->file_name);
        g_free(transfer->directory);
        g_free(transfer->reason);
        g_free(transfer);
        return NULL;
}
