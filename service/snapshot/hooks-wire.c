/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/hooks-wire.h"

#include <errno.h>
#include <sys/socket.h>

#include "service/link/fields.h"

#define FIELD_TIMEOUT "TIMEOUT_USEC"
#define FIELD_ABORT   "ABORT"
#define FIELD_NAME    "NAME"
#define FIELD_OUTCOME "OUTCOME"
#define FIELD_USEC    "USEC"

static const char *const hook_phase_table[_HOOK_PHASE_MAX] = {
        [HOOK_PHASE_FREEZE] = "freeze",
        [HOOK_PHASE_THAW] = "thaw",
        [HOOK_PHASE_FAILED] = "failed",
};
DEFINE_STRING_TABLE_LOOKUP(hook_phase, HookPhase);

static const char *const hook_outcome_table[_HOOK_OUTCOME_MAX] = {
        [HOOK_OUTCOME_OK] = "ok",
        [HOOK_OUTCOME_FAILED] = "failed",
        [HOOK_OUTCOME_TIMEOUT] = "timeout",
        [HOOK_OUTCOME_SKIPPED] = "skipped",
};
DEFINE_STRING_TABLE_LOOKUP(hook_outcome, HookOutcome);

/* --- requests --- */

void hooks_request_write(const HooksRequest *request, LinkMessage *ret) {
        link_message_init(ret, LINK_COMMAND);
        (void) link_message_add(ret, LINK_FIELD_PHASE, hook_phase_to_string(request->phase));
        (void) link_message_add_u64(ret, LINK_FIELD_BUDGET_USEC, request->budget_usec);
        (void) link_message_add_u64(ret, FIELD_TIMEOUT, request->timeout_usec);
        (void) link_message_add_u64(ret, LINK_FIELD_WATCHDOG, request->watchdog_usec);
        (void) link_message_add_u64(ret, FIELD_ABORT, request->abort);
}

int hooks_request_read(const LinkMessage *message, HooksRequest *ret) {
        HooksRequest request = { .phase = hook_phase_from_string(
                                         link_message_get(message, LINK_FIELD_PHASE)) };
        uint64_t abort_word;
        int r;

        if (message->kind != LINK_COMMAND || (int) request.phase < 0)
                return -EBADMSG;
        r = link_message_get_u64(message, LINK_FIELD_BUDGET_USEC, &request.budget_usec);
        if (r >= 0)
                r = link_message_get_u64(message, FIELD_TIMEOUT, &request.timeout_usec);
        if (r >= 0)
                r = link_message_get_u64(message, LINK_FIELD_WATCHDOG, &request.watchdog_usec);
        if (r >= 0)
                r = link_message_get_u64(message, FIELD_ABORT, &abort_word);
        if (r < 0)
                return r;
        request.abort = abort_word != 0;
        *ret = request;
        return 0;
}

/* --- reports --- */

HookReport *hook_report_new(const char *name, HookPhase phase, HookOutcome outcome, uint64_t usec,
                            const char *line) {
        HookReport *report = g_new0(HookReport, 1);

        report->name = g_strdup(name);
        report->phase = phase;
        report->outcome = outcome;
        report->usec = usec;
        report->line = g_strdup(line ? line : "");
        return report;
}

HookReport *hook_report_free(HookReport *report) {
        if (!report)
                return NULL;
        g_free(report->name);
        g_free(report->line);
        g_free(report);
        return NULL;
}

void hook_report_write(const HookReport *report, LinkMessage *ret) {
        link_message_init(ret, LINK_REPORT);
        (void) link_message_add(ret, FIELD_NAME, report->name);
        (void) link_message_add(ret, LINK_FIELD_PHASE, hook_phase_to_string(report->phase));
        (void) link_message_add(ret, FIELD_OUTCOME, hook_outcome_to_string(report->outcome));
        (void) link_message_add_u64(ret, FIELD_USEC, report->usec);
        (void) link_message_add(ret, LINK_FIELD_NOTE, report->line);
}

int hook_report_read(const LinkMessage *message, HookReport **ret) {
        const char *name = link_message_get(message, FIELD_NAME);
        HookPhase phase = hook_phase_from_string(link_message_get(message, LINK_FIELD_PHASE));
        HookOutcome outcome = hook_outcome_from_string(link_message_get(message, FIELD_OUTCOME));
        uint64_t usec;

        if (message->kind != LINK_REPORT || !name || (int) phase < 0 || (int) outcome < 0 ||
            link_message_get_u64(message, FIELD_USEC, &usec) < 0)
                return -EBADMSG;
        *ret = hook_report_new(name, phase, outcome, usec, link_message_get(message, LINK_FIELD_NOTE));
        return 0;
}

void hooks_end_write(int result, LinkMessage *ret) {
        link_message_init(ret, LINK_REPORT);
        (void) link_message_add_u64(ret, LINK_FIELD_LAST, 1);
        (void) link_message_add_i64(ret, LINK_FIELD_RESULT, result);
}

bool hooks_end_read(const LinkMessage *message, int *ret_result) {
        int64_t result;

        if (message->kind != LINK_REPORT || !link_message_get(message, LINK_FIELD_LAST) ||
            link_message_get_i64(message, LINK_FIELD_RESULT, &result) < 0)
                return false;
        *ret_result = (int) result;
        return true;
}

/* --- the socket --- */

int hooks_send(int fd, const LinkMessage *message) {
        ssize_t n = send(fd, message->bytes, message->size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
                return errno == EPIPE ? -ECONNRESET : -errno;
        return 0;
}

int hooks_receive(int fd, LinkMessage *ret) {
        uint8_t bytes[LINK_MESSAGE_MAX + 1];
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (n < 0)
                return -errno;
        return n == 0 ? -ECONNRESET : link_message_parse(bytes, (size_t) n, ret);
}
