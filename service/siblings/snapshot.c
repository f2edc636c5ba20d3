/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/snapshot.h"

#include <errno.h>
#include <string.h>

#include "common/utf16.h"
#include "service/link/fields.h"

static const char *const snapshot_state_table[_SNAPSHOT_STATE_MAX] = {
        [SNAPSHOT_STATE_UNAVAILABLE] = "unavailable", [SNAPSHOT_STATE_IDLE] = "idle",
        [SNAPSHOT_STATE_PREPARING] = "preparing",     [SNAPSHOT_STATE_FREEZING] = "freezing",
        [SNAPSHOT_STATE_FROZEN] = "frozen",           [SNAPSHOT_STATE_THAWING] = "thawing",
        [SNAPSHOT_STATE_FAILED] = "failed",
};
DEFINE_STRING_TABLE_LOOKUP(snapshot_state, SnapshotState);

/* Mount points are any bytes; what goes on to the bus is UTF-8. */
static char *text_dup(const char *text) {
        g_autofree char *mended = NULL;

        return g_strdup(text ? utf8_mend(text, strlen(text), &mended) : "");
}

static char **list_dup(const LinkMessage *report, const char *field) {
        g_autoptr(GPtrArray) list = g_ptr_array_new();
        const char *value;

        for (size_t i = 0; (value = link_message_get_nth(report, field, i)); i++)
                g_ptr_array_add(list, text_dup(value));
        g_ptr_array_add(list, NULL);
        return (char **) g_ptr_array_steal(list, NULL);
}

static void number_read(const LinkMessage *report, const char *field, uint64_t *number) {
        if (link_message_get_u64(report, field, number) < 0)
                *number = 0;
}

int snapshot_new(const LinkMessage *report, Snapshot **ret) {
        SnapshotState state = snapshot_state_from_string(link_message_get(report, LINK_FIELD_STATE));
        Snapshot *snapshot;
        uint64_t id;

        if (report->kind != LINK_REPORT || (int) state < 0 ||
            link_message_get_u64(report, LINK_FIELD_ID, &id) < 0)
                return -EBADMSG;
        snapshot = g_new0(Snapshot, 1);
        snapshot->id = id;
        snapshot->state = state;
        snapshot->initiator = text_dup(link_message_get(report, LINK_FIELD_INITIATOR));
        snapshot->owner = text_dup(link_message_get(report, LINK_FIELD_OWNER));
        snapshot->result = text_dup(link_message_get(report, LINK_FIELD_RESULT_TEXT));
        number_read(report, LINK_FIELD_STARTED, &snapshot->started_usec);
        number_read(report, LINK_FIELD_FROZEN_USEC, &snapshot->frozen_usec);
        snapshot->file_systems = list_dup(report, LINK_FIELD_FILE_SYSTEM);
        snapshot->skipped = list_dup(report, LINK_FIELD_SKIPPED);
        snapshot->hooks = list_dup(report, LINK_FIELD_HOOK);
        snapshot->notes = list_dup(report, LINK_FIELD_NOTE);
        snapshot->truncated = link_message_get(report, LINK_FIELD_TRUNCATED) != NULL;
        snapshot->history = link_message_get(report, LINK_FIELD_HISTORY) != NULL;
        *ret = snapshot;
        return 0;
}

Snapshot *snapshot_free(Snapshot *snapshot) {
        if (!snapshot)
                return NULL;
        g_free(snapshot->initiator);
        g_free(snapshot->owner);
        g_free(snapshot->result);
        g_strfreev(snapshot->file_systems);
        g_strfreev(snapshot->skipped);
        g_strfreev(snapshot->hooks);
        g_strfreev(snapshot->notes);
        g_free(snapshot);
        return NULL;
}
