/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What snapshotd and the one who runs hooks say to each other, in the link's messages (without a hello: the
 * socket is root's alone):
 *
 *      command  snapshotd ->   PHASE= BUDGET_USEC= TIMEOUT_USEC= WATCHDOG_USEC= ABORT=0|1
 *      report   -> snapshotd   one hook: NAME= PHASE= OUTCOME= USEC= NOTE=
 *      report   -> snapshotd   the end of the phase: LAST=1 RESULT=HOOKS_OK|HOOKS_ABORT|-errno
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/link/link.h"
#include "service/snapshot/hooks.h"

G_BEGIN_DECLS

typedef struct HooksRequest {
        HookPhase phase;
        uint64_t budget_usec;
        uint64_t timeout_usec;  /* of one hook */
        uint64_t watchdog_usec; /* how long file systems may be frozen */
        bool abort;             /* a freeze hook that fails ends the phase */
} HooksRequest;

void hooks_request_write(const HooksRequest *request, LinkMessage *ret);
int hooks_request_read(const LinkMessage *message, HooksRequest *ret);

HookReport *hook_report_new(const char *name, HookPhase phase, HookOutcome outcome, uint64_t usec,
                            const char *line);
HookReport *hook_report_free(HookReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HookReport, hook_report_free)
void hook_report_write(const HookReport *report, LinkMessage *ret);
int hook_report_read(const LinkMessage *message, HookReport **ret);

void hooks_end_write(int result, LinkMessage *ret);
bool hooks_end_read(const LinkMessage *message, int *ret_result);

/* One packet, never blocking: -EAGAIN, and -ECONNRESET when the other end is gone. */
int hooks_send(int fd, const LinkMessage *message);
int hooks_receive(int fd, LinkMessage *ret);

G_END_DECLS
