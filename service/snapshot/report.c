/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/report.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "service/link/fields.h"

SnapshotReport *snapshot_report_new(uint64_t id, SnapshotInitiator initiator, const char *owner) {
        SnapshotReport *report = g_new(SnapshotReport, 1);

        *report = (SnapshotReport){
                .id = id,
                .initiator = initiator,
                .owner = g_strdup(owner ? owner : ""),
                .started_usec = now_usec(CLOCK_REALTIME),
                .result = g_strdup(""),
                .file_systems = g_ptr_array_new_with_free_func(g_free),
                .skipped = g_ptr_array_new_with_free_func(g_free),
                .hooks = g_ptr_array_new_with_free_func(g_free),
                .notes = g_ptr_array_new_with_free_func(g_free),
        };
        return report;
}

SnapshotReport *snapshot_report_free(SnapshotReport *report) {
        if (!report)
                return NULL;

        g_free(report->owner);
        g_free(report->result);
        g_ptr_array_unref(report->file_systems);
        g_ptr_array_unref(report->skipped);
        g_ptr_array_unref(report->hooks);
        g_ptr_array_unref(report->notes);
        g_free(report);
        return NULL;
}

void snapshot_report_note(SnapshotReport *report, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        g_ptr_array_add(report->notes, g_strdup_vprintf(format, arguments));
        va_end(arguments);
}

void snapshot_report_set_result(SnapshotReport *report, const char *result) {
        g_free(report->result);
        report->result = g_strdup(result);
}

static void take_slot(SnapshotReport *report, const PlanEntry *entry, const BoardSlot *slot,
                      SlotState state) {
        int error = atomic_load(&slot->error);

        if (state == SLOT_WAITING)
                g_ptr_array_add(report->skipped, g_strdup_printf("%s\tnot reached", entry->target));
        else if (state == SLOT_REFUSED)
                g_ptr_array_add(report->skipped,
                                g_strdup_printf("%s\t%s", entry->target,
                                                error == -EBUSY        ? "frozen by somebody else"
                                                : error == -EOPNOTSUPP ? "the kernel cannot freeze it"
                                                                       : g_strerror(-error)));
        else
                g_ptr_array_add(report->file_systems,
                                g_strdup_printf("%s\t%s\t%s\t%" G_GUINT64_FORMAT, entry->target,
                                                entry->source, entry->type,
                                                (uint64_t) atomic_load(&slot->freeze_usec)));
        if (error < 0 && state == SLOT_THAWED)
                snapshot_report_note(report, "%s could not be thawed: %s.", entry->target,
                                     g_strerror(-error));
}

void snapshot_report_take(SnapshotReport *report, const GPtrArray *plan, const Board *board) {
        uint64_t first = board ? atomic_load(&board->first_freeze_usec) : 0,
                 last = board ? atomic_load(&board->last_thaw_usec) : 0;
        unsigned slot = 0;

        for (guint i = 0; i < plan->len; i++) {
                const PlanEntry *entry = plan->pdata[i];

                if (entry->action != PLAN_FREEZE)
                        g_ptr_array_add(report->skipped,
                                        g_strdup_printf("%s\t%s", entry->target, entry->reason));
                else if (board && slot < board->n_slots) {
                        take_slot(report, entry, &board->slots[slot], board_get_state(board, slot));
                        slot++;
                }
        }
        report->frozen_usec = first > 0 && last > first ? last - first : 0;
}

static bool add_list(LinkMessage *message, const char *name, const GPtrArray *list) {
        for (guint i = 0; i < list->len; i++)
                if (link_message_add(message, name, list->pdata[i]) < 0)
                        return false;

        return true;
}

static bool add_lists(const SnapshotReport *report, LinkMessage *message) {
        return add_list(message, LINK_FIELD_FILE_SYSTEM, report->file_systems) &&
               add_list(message, LINK_FIELD_HOOK, report->hooks) &&
               add_list(message, LINK_FIELD_NOTE, report->notes) &&
               add_list(message, LINK_FIELD_SKIPPED, report->skipped);
}

void snapshot_report_add_to(const SnapshotReport *report, LinkMessage *message) {
        LinkMessage plain;

        (void) link_message_add_u64(message, LINK_FIELD_ID, report->id);
        (void) link_message_add(message, LINK_FIELD_INITIATOR,
                                snapshot_initiator_to_string(report->initiator));
        (void) link_message_add(message, LINK_FIELD_OWNER, report->owner);
        (void) link_message_add(message, LINK_FIELD_STATE, snapshot_state_to_string(report->state));
        (void) link_message_add_u64(message, LINK_FIELD_STARTED, report->started_usec);
        (void) link_message_add_u64(message, LINK_FIELD_FROZEN_USEC, report->frozen_usec);
        (void) link_message_add(message, LINK_FIELD_RESULT_TEXT, report->result);

        plain = *message;
        if (add_lists(report, message))
                return;
        (void) link_message_add(&plain, LINK_FIELD_TRUNCATED, "1");
        *message = plain;
        (void) add_lists(report, message);
}
