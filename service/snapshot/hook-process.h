/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One hook, from fork to the end of its main process. What it leaves in the background is not our business:
 * it may keep the pipe and must not keep us. */

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/snapshot/hooks.h"

G_BEGIN_DECLS

typedef struct HookProcess HookProcess;

/* Called once. After HOOK_OUTCOME_TIMEOUT the process may still be there: it was sent SIGTERM, and gets
 * SIGKILL when the object is freed. The object may be freed from within; line goes with it. */
typedef void (*HookProcessDone)(HookProcess *process, HookOutcome outcome, uint64_t usec, const char *line,
                                void *userdata);

int hook_process_new(sd_event *event, const char *path, const char *argument, uint64_t timeout_usec,
                     HookProcessDone done, void *userdata, HookProcess **ret);
HookProcess *hook_process_free(HookProcess *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HookProcess, hook_process_free)

G_END_DECLS
