/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/hooks-session.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/snapshot/hook-process.h"
#include "service/snapshot/hooks-list.h"
#include "service/snapshot/hooks-wire.h"

/* With less left of the budget than this a hook is not begun. */
#define WORTH_STARTING_USEC (10 * USEC_PER_MSEC)

typedef struct HookStep {
        char *path;
        HookPhase phase; /* the argument */
} HookStep;

struct HooksSession {
        sd_event *event;
        char *root, *runtime_directory, *frozen;
        int fd; /* -1: the connection ended */
        sd_event_source *io;
        HooksSessionOver over;
        void *userdata;

        HooksRequest request; /* the one that runs, or ran last */
        bool running;
        bool abort; /* a hook failed, and that ends the phase */
        uint64_t deadline;
        GPtrArray *steps; /* HookStep of this phase */
        guint next;
        HookProcess *process;
        GPtrArray *overdue; /* HookProcess that timed out, until the end of the session */
        GPtrArray *owed;    /* paths that got freeze, in that order */

        sd_event_source *frozen_watch, *frozen_limit; /* while we wait for RUNTIME/frozen to go */
};

static void session_step(HooksSession *session);

static void step_free(void *p) {
        HookStep *step = p;

        g_free(step->path);
        g_free(step);
}

static void overdue_free(void *process) {
        hook_process_free(process);
}

static void session_add_step(HooksSession *session, const char *path, HookPhase phase) {
        HookStep *step = g_new0(HookStep, 1);

        step->path = g_strdup(path);
        step->phase = phase;
        g_ptr_array_add(session->steps, step);
}

static const HookStep *session_get_step(const HooksSession *session) {
        return g_ptr_array_index(session->steps, session->next);
}

/* --- telling snapshotd --- */

static void session_send(HooksSession *session, const LinkMessage *message) {
        int r;

        if (session->fd < 0)
                return;
        r = hooks_send(session->fd, message);
        /* Its end is seen by reading. A report that does not fit into the socket is one that nobody reads. */
        if (r < 0 && r != -ECONNRESET)
                log_errno(LOG_DEBUG, r, "Cannot report on a hook");
}

static void session_report(HooksSession *session, const HookStep *step, HookOutcome outcome, uint64_t usec,
                           const char *line) {
        g_autofree char *name = g_path_get_basename(step->path);
        g_autoptr(HookReport) report = hook_report_new(name, step->phase, outcome, usec, line);
        LinkMessage message;

        hook_report_write(report, &message);
        session_send(session, &message);
}

/* --- a phase --- */

static void session_plan(HooksSession *session) {
        g_ptr_array_set_size(session->steps, 0);
        session->next = 0;
        session->abort = false;
        if (session->request.phase == HOOK_PHASE_FREEZE) {
                g_autoptr(GPtrArray) paths = hooks_list(session->root);

                for (guint i = 0; i < paths->len; i++)
                        session_add_step(session, g_ptr_array_index(paths, i), HOOK_PHASE_FREEZE);
                return;
        }
        for (guint i = session->owed->len; i-- > 0;) {
                const char *path = g_ptr_array_index(session->owed, i);

                if (session->request.phase == HOOK_PHASE_FAILED)
                        session_add_step(session, path, HOOK_PHASE_FAILED);
                session_add_step(session, path, HOOK_PHASE_THAW);
        }
}

static void session_begin(HooksSession *session, const HooksRequest *request) {
        uint64_t now = now_usec(CLOCK_BOOTTIME);

        session->request = *request;
        session->running = true;
        session->deadline =
                request->budget_usec > USEC_INFINITY - now ? USEC_INFINITY : now + request->budget_usec;
        session_plan(session);
        session_step(session);
}

static void session_wait_for_thaw(HooksSession *session);

static void session_end_phase(HooksSession *session) {
        LinkMessage message;

        session->running = false;
        if (session->request.phase != HOOK_PHASE_FREEZE)
                g_ptr_array_set_size(session->owed, 0);
        hooks_end_write(session->abort ? HOOKS_ABORT : HOOKS_OK, &message);
        session_send(session, &message);
        if (session->fd < 0)
                session_wait_for_thaw(session);
}

/* Only what comes before the freeze has a budget; a thaw is owed however late it is. */
static uint64_t step_limit(const HooksSession *session, const HookStep *step) {
        uint64_t now = now_usec(CLOCK_BOOTTIME);

        if (step->phase != HOOK_PHASE_FREEZE)
                return session->request.timeout_usec;
        if (now + WORTH_STARTING_USEC > session->deadline)
                return 0;
        return MIN(session->request.timeout_usec, session->deadline - now);
}

static void on_hook_done(HookProcess *process, HookOutcome outcome, uint64_t usec, const char *line,
                         void *userdata) {
        HooksSession *session = userdata;
        const HookStep *step = session_get_step(session);

        session->process = NULL;
        session_report(session, step, outcome, usec, line);
        if (step->phase == HOOK_PHASE_FREEZE && outcome == HOOK_OUTCOME_FAILED && session->request.abort)
                session->abort = true;
        if (outcome == HOOK_OUTCOME_TIMEOUT)
                g_ptr_array_add(session->overdue, process);
        else
                hook_process_free(process);
        session->next++;
        session_step(session);
}

/* True if it runs: on_hook_done() goes on. */
static bool step_start(HooksSession *session, const HookStep *step) {
        uint64_t limit = step_limit(session, step);
        int r;

        if (limit == 0) {
                session_report(session, step, HOOK_OUTCOME_SKIPPED, 0, "");
                return false;
        }
        if (step->phase == HOOK_PHASE_FREEZE)
                g_ptr_array_add(session->owed, g_strdup(step->path));
        r = hook_process_new(session->event, step->path, hook_phase_to_string(step->phase), limit,
                             on_hook_done, session, &session->process);
        if (r >= 0)
                return true;
        log_errno(LOG_ERR, r, "Cannot run the hook %s", step->path);
        session_report(session, step, HOOK_OUTCOME_FAILED, 0, g_strerror(-r));
        if (step->phase == HOOK_PHASE_FREEZE && session->request.abort)
                session->abort = true;
        return false;
}

/* Nobody is frozen for a snapshotd that is gone: no further freeze hook then. */
static bool session_gives_up(const HooksSession *session) {
        return session->request.phase == HOOK_PHASE_FREEZE && (session->abort || session->fd < 0);
}

static void session_step(HooksSession *session) {
        for (; session->next < session->steps->len && !session_gives_up(session); session->next++)
                if (step_start(session, session_get_step(session)))
                        return;
        session_end_phase(session);
}

/* --- nobody asks any more --- */

static void session_thaw_by_itself(HooksSession *session) {
        HooksRequest request = session->request;

        session->frozen_watch = sd_event_source_disable_unref(session->frozen_watch);
        session->frozen_limit = sd_event_source_disable_unref(session->frozen_limit);
        request.phase = HOOK_PHASE_THAW;
        session_begin(session, &request);
}

static int on_runtime_changed(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        HooksSession *session = userdata;

        if (access(session->frozen, F_OK) < 0)
                session_thaw_by_itself(session);
        return 0;
}

static int on_frozen_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        HooksSession *session = userdata;

        log_warning("%s is still there, running the thaw hooks all the same", session->frozen);
        session_thaw_by_itself(session);
        return 0;
}

static void session_wait_for_thaw(HooksSession *session) {
        int r;

        if (session->owed->len == 0) {
                session->over(session, session->userdata);
                return;
        }
        r = sd_event_add_inotify(session->event, &session->frozen_watch, session->runtime_directory,
                                 IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF, on_runtime_changed, session);
        if (r >= 0)
                r = sd_event_add_time_relative(session->event, &session->frozen_limit, CLOCK_BOOTTIME,
                                               session->request.watchdog_usec, 0, on_frozen_limit, session);
        if (r < 0 || access(session->frozen, F_OK) < 0)
                session_thaw_by_itself(session);
}

static void session_disconnect(HooksSession *session) {
        session->io = sd_event_source_disable_unref(session->io);
        (void) close(g_steal_fd(&session->fd));
        if (!session->running)
                session_wait_for_thaw(session);
}

/* --- requests --- */

static int on_request(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        HooksSession *session = userdata;
        HooksRequest request;
        LinkMessage message;
        int r;

        /* What somebody asked who is gone again is not begun. */
        r = events & EPOLLHUP ? -ECONNRESET : hooks_receive(fd, &message);
        if (r == -EAGAIN || r == -EINTR)
                return 0;
        if (r >= 0)
                r = hooks_request_read(&message, &request);
        if (r >= 0 && session->running)
                r = -EBUSY;
        if (r < 0)
                session_disconnect(session);
        else
                session_begin(session, &request);
        return 0;
}

/* --- birth and end --- */

int hooks_session_new(sd_event *event, const HooksSetup *setup, int fd, HooksSessionOver over, void *userdata,
                      HooksSession **ret) {
        g_autoptr(HooksSession) session = g_new0(HooksSession, 1);
        int r;

        session->event = sd_event_ref(event);
        session->root = g_strdup(setup->root);
        session->runtime_directory = g_strdup(setup->runtime_directory);
        session->frozen = g_build_filename(setup->runtime_directory, HVUTILS_RUNTIME_FROZEN, NULL);
        session->fd = fd;
        session->over = over;
        session->userdata = userdata;
        session->steps = g_ptr_array_new_with_free_func(step_free);
        session->overdue = g_ptr_array_new_with_free_func(overdue_free);
        session->owed = g_ptr_array_new_with_free_func(g_free);
        r = sd_event_add_io(event, &session->io, fd, EPOLLIN, on_request, session);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&session);
        return 0;
}

HooksSession *hooks_session_free(HooksSession *session) {
        if (!session)
                return NULL;
        sd_event_source_disable_unref(session->io);
        sd_event_source_disable_unref(session->frozen_watch);
        sd_event_source_disable_unref(session->frozen_limit);
        if (session->fd >= 0)
                (void) close(session->fd);
        hook_process_free(session->process);
        g_ptr_array_unref(session->steps);
        g_ptr_array_unref(session->overdue);
        g_ptr_array_unref(session->owed);
        sd_event_unref(session->event);
        g_free(session->root);
        g_free(session->runtime_directory);
        g_free(session->frozen);
        g_free(session);
        return NULL;
}
