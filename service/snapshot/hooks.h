/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Hooks: programs of the administrator and of applications that bring themselves into a state worth saving
 * before the freeze and go on after it (hvutils-snapshot(7)).
 *
 * They are the executable regular files in /etc/hvutils/snapshot.d and /usr/lib/hvutils/snapshot.d, sorted by
 * name; a file in /etc hides the one of the same name. A file or directory that anybody but its owner may
 * write, or that belongs to neither root nor us, is left out. A hook gets one argument:
 *
 *      freeze   before the file systems are frozen, in order; an exit status other than 0 is a failure
 *      thaw     after they were thawed, in reverse order: every hook that got freeze, also after a time-out
 *      failed   there will be no snapshot; thaw follows all the same, because scripts made for qemu-ga know
 *               only the other two
 *
 * A hook has HookTimeout=, cut to what is left of the budget; then it is reported, sent SIGTERM, and the
 * others go on. Its output is read until its main process ends (what it leaves running may keep the pipe), at
 * most 64 KiB.
 *
 * Whoever runs hooks must live from freeze to thaw, outside our sandbox and whatever becomes of snapshotd:
 * hvutils-hooks.service, one connection to RUNTIME/hooks a snapshot. Where that socket is not there, a forked
 * child does the same. When the connection ends early, the other end waits until RUNTIME/frozen is gone (at
 * most Watchdog=) and runs the thaw hooks by itself.
 */

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/config.h"
#include "common/string-table.h"

G_BEGIN_DECLS

#define HOOKS_OUTPUT_MAX (64 * 1024)

typedef enum HookPhase {
        HOOK_PHASE_FREEZE,
        HOOK_PHASE_THAW,
        HOOK_PHASE_FAILED, /* failed, then thaw */
        _HOOK_PHASE_MAX,
        _HOOK_PHASE_INVALID = -EINVAL,
} HookPhase;
DECLARE_STRING_TABLE_LOOKUP(hook_phase, HookPhase);

typedef enum HookOutcome {
        HOOK_OUTCOME_OK,
        HOOK_OUTCOME_FAILED,  /* exit status, signal, could not be started */
        HOOK_OUTCOME_TIMEOUT, /* still runs, or was killed for it */
        HOOK_OUTCOME_SKIPPED, /* nothing was left of the budget */
        _HOOK_OUTCOME_MAX,
        _HOOK_OUTCOME_INVALID = -EINVAL,
} HookOutcome;
DECLARE_STRING_TABLE_LOOKUP(hook_outcome, HookOutcome);

typedef struct HookReport {
        char *name; /* of the file */
        HookPhase phase;
        HookOutcome outcome;
        uint64_t usec;
        char *line; /* the last that it said; may be "" */
} HookReport;

/* Named results of a run, beside negative errnos (nobody who runs hooks; -ETIMEDOUT: the one who does is
 * silent; then it is left, and thaws by itself). */
enum {
        HOOKS_OK = 0,
        HOOKS_ABORT = 1, /* a freeze hook failed and HookFailure=abort: give up and run HOOK_PHASE_FAILED */
};

/* --- for snapshotd --- */

typedef struct Hooks Hooks;

/* reports: HookReport *, in the order they ran, also when result is an error; borrowed. */
typedef void (*HooksDone)(int result, const GPtrArray *reports, void *userdata);

typedef struct HooksSetup {
        const char *runtime_directory;
        double time_scale; /* of the times in the configuration */
        const char *root;  /* prefix of the two directories, NULL = $HVUTILS_HOOKS_ROOT (for tests) or "" */
} HooksSetup;

/* The configuration is borrowed: until hooks_set_configuration() or hooks_free(). */
int hooks_new(sd_event *event, const HooksSetup *setup, const Configuration *configuration, Hooks **ret);
/* In the middle of a snapshot: the connection ends early, see above. done is not called any more. */
Hooks *hooks_free(Hooks *hooks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hooks, hooks_free)
void hooks_set_configuration(Hooks *hooks, const Configuration *configuration);

/* One phase at a time (-EBUSY). budget_usec is real time: never scaled here. done is always called later,
 * never from within, once; within the budget and the second that its end may take. After THAW and FAILED
 * nothing is left of the snapshot; both answer at once when no hook got freeze. */
int hooks_run(Hooks *hooks, HookPhase phase, uint64_t budget_usec, HooksDone done, void *userdata);

/* --- hvutils-snapshotd --hooks --- */

/* Serves the listening socket that systemd passed, and returns when nobody is connected any more; without one
 * listens on RUNTIME/hooks (root, 0600) until SIGTERM. */
int hooks_serve(const HooksSetup *setup);

G_END_DECLS
