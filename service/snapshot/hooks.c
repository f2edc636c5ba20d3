/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/snapshot/hooks-list.h"
#include "service/snapshot/hooks-server.h"
#include "service/snapshot/hooks-wire.h"

/* How long the other end may take to say that a phase is over, once its budget is. */
#define GRACE_USEC USEC_PER_SEC

struct Hooks {
        sd_event *event;
        const Configuration *configuration;
        char *runtime_directory, *root;
        double time_scale;

        int fd; /* -1: no snapshot in whose course a hook ran */
        sd_event_source *io;
        int child; /* pidfd of who runs the hooks, if that is a child of ours */
        sd_event_source *child_exit;

        HooksDone done; /* while a phase runs */
        void *userdata;
        HookPhase phase;
        GPtrArray *reports;
        sd_event_source *limit, *at_once;
};

static void report_free(void *report) {
        hook_report_free(report);
}

/* --- the end of a phase --- */

static void hooks_disconnect(Hooks *hooks) {
        hooks->io = sd_event_source_disable_unref(hooks->io);
        if (hooks->fd >= 0)
                (void) close(g_steal_fd(&hooks->fd));
}

static void hooks_finish(Hooks *hooks, int result) {
        HooksDone done = g_steal_pointer(&hooks->done);
        g_autoptr(GPtrArray) reports = g_steal_pointer(&hooks->reports);

        hooks->limit = sd_event_source_disable_unref(hooks->limit);
        hooks->at_once = sd_event_source_disable_unref(hooks->at_once);
        if (result < 0 || hooks->phase != HOOK_PHASE_FREEZE)
                hooks_disconnect(hooks);
        if (done)
                done(result, reports, hooks->userdata);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        hooks_finish(userdata, -ETIMEDOUT);
        return 0;
}

static int on_at_once(sd_event_source *source, void *userdata) {
        hooks_finish(userdata, HOOKS_OK);
        return 0;
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Hooks *hooks = userdata;
        HookReport *report;
        LinkMessage message;
        int r, result;

        r = hooks_receive(fd, &message);
        if (r == -EAGAIN || r == -EINTR)
                return 0;
        if (r >= 0 && !hooks->done)
                r = -EPROTO; /* nobody asked */
        if (r >= 0 && hooks_end_read(&message, &result)) {
                hooks_finish(hooks, result);
                return 0;
        }
        if (r >= 0)
                r = hook_report_read(&message, &report);
        if (r >= 0)
                g_ptr_array_add(hooks->reports, report);
        else if (hooks->done)
                hooks_finish(hooks, r);
        else
                hooks_disconnect(hooks);
        return 0;
}

/* --- who runs them --- */

static int connect_to_service(const Hooks *hooks) {
        g_autofree char *path = g_build_filename(hooks->runtime_directory, HVUTILS_SOCKET_HOOKS, NULL);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        if (connect(fd, (const struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        return g_steal_fd(&fd);
}

/* A child of our own must hold nothing of ours: not the channel, which nobody else could open, not the ends
 * of pipes whose end of file means that we died. */
static void child_run(const Hooks *hooks, int fd) {
        const HooksSetup setup = {
                .runtime_directory = hooks->runtime_directory,
                .root = hooks->root,
        };
        sigset_t none;
        int r;

        log_close();
        fd = dup2(fd, 3);
        (void) close_range(4, ~0U, 0);
        (void) setsid();
        sigemptyset(&none);
        for (int number = 1; number < NSIG; number++)
                (void) signal(number, SIG_DFL);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) prctl(PR_SET_NAME, "hvutils-hooks");
        log_open("hvutils-hooks", LOG_TARGET_AUTO);
        r = hooks_serve_connection(&setup, fd);
        log_close();
        _exit(r < 0 ? 1 : 0);
}

static int on_child_exit(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Hooks *hooks = userdata;
        siginfo_t info;

        (void) waitid(P_PIDFD, (id_t) fd, &info, WEXITED | WNOHANG);
        hooks->child_exit = sd_event_source_disable_unref(hooks->child_exit);
        (void) close(g_steal_fd(&hooks->child));
        return 0;
}

static void hooks_watch_child(Hooks *hooks, pid_t pid) {
        /* One that still thaws for an earlier snapshot is forgotten: it needs nobody. */
        hooks->child_exit = sd_event_source_disable_unref(hooks->child_exit);
        if (hooks->child >= 0)
                (void) close(hooks->child);
        hooks->child = pidfd_open(pid, 0);
        if (hooks->child >= 0)
                (void) sd_event_add_io(hooks->event, &hooks->child_exit, hooks->child, EPOLLIN, on_child_exit,
                                       hooks);
}

static int fork_child(Hooks *hooks) {
        int ends[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                child_run(hooks, ends[1]);
        (void) close(ends[1]);
        if (pid < 0) {
                (void) close(ends[0]);
                return -EAGAIN;
        }
        hooks_watch_child(hooks, pid);
        return ends[0];
}

static int hooks_connect(Hooks *hooks) {
        auto_fd fd = connect_to_service(hooks);
        int r;

        if (fd == -ENOENT || fd == -ECONNREFUSED)
                fd = fork_child(hooks);
        if (fd < 0)
                return fd;
        r = sd_event_add_io(hooks->event, &hooks->io, fd, EPOLLIN, on_message, hooks);
        if (r < 0)
                return r;
        hooks->fd = g_steal_fd(&fd);
        return 0;
}

/* --- a phase --- */

static uint64_t scale(const Hooks *hooks, uint64_t usec) {
        return (uint64_t) ((double) usec * hooks->time_scale);
}

static int hooks_request(Hooks *hooks, uint64_t budget_usec) {
        const Configuration *configuration = hooks->configuration;
        const HooksRequest request = {
                .phase = hooks->phase,
                .budget_usec = budget_usec,
                .timeout_usec = scale(hooks, configuration->snapshot.hook_timeout_usec),
                .watchdog_usec = scale(hooks, configuration->snapshot.watchdog_usec),
                .abort = configuration->snapshot.hook_failure == HOOK_FAILURE_ABORT,
        };
        LinkMessage message;
        int r;

        hooks_request_write(&request, &message);
        r = hooks_send(hooks->fd, &message);
        if (r < 0)
                return r;
        if (budget_usec > USEC_INFINITY - GRACE_USEC)
                return 0;
        return sd_event_add_time_relative(hooks->event, &hooks->limit, CLOCK_BOOTTIME,
                                          budget_usec + GRACE_USEC, 1, on_limit, hooks);
}

/* A service is not started for an empty directory. */
static bool hooks_has_work(const Hooks *hooks) {
        g_autoptr(GPtrArray) paths = NULL;

        if (hooks->fd >= 0)
                return true;
        if (hooks->phase != HOOK_PHASE_FREEZE)
                return false;
        paths = hooks_list(hooks->root);
        return paths->len > 0;
}

static int hooks_start(Hooks *hooks, uint64_t budget_usec) {
        int r = 0;

        if (!hooks_has_work(hooks))
                return sd_event_add_defer(hooks->event, &hooks->at_once, on_at_once, hooks);
        if (hooks->fd < 0)
                r = hooks_connect(hooks);
        return r < 0 ? r : hooks_request(hooks, budget_usec);
}

int hooks_run(Hooks *hooks, HookPhase phase, uint64_t budget_usec, HooksDone done, void *userdata) {
        int r;

        if (hooks->done)
                return -EBUSY;
        hooks->phase = phase;
        hooks->reports = g_ptr_array_new_with_free_func(report_free);
        r = hooks_start(hooks, budget_usec);
        if (r < 0) {
                hooks_finish(hooks, r);
                return r;
        }
        hooks->done = done;
        hooks->userdata = userdata;
        return 0;
}

void hooks_set_configuration(Hooks *hooks, const Configuration *configuration) {
        hooks->configuration = configuration;
}

/* --- birth and end --- */

int hooks_new(sd_event *event, const HooksSetup *setup, const Configuration *configuration, Hooks **ret) {
        Hooks *hooks = g_new0(Hooks, 1);

        hooks->event = sd_event_ref(event);
        hooks->configuration = configuration;
        hooks->runtime_directory = g_strdup(setup->runtime_directory);
        hooks->root = g_strdup(hooks_root(setup->root));
        hooks->time_scale = setup->time_scale;
        hooks->fd = hooks->child = -1;
        *ret = hooks;
        return 0;
}

Hooks *hooks_free(Hooks *hooks) {
        if (!hooks)
                return NULL;
        hooks_disconnect(hooks);
        sd_event_source_disable_unref(hooks->limit);
        sd_event_source_disable_unref(hooks->at_once);
        sd_event_source_disable_unref(hooks->child_exit);
        if (hooks->child >= 0)
                (void) close(hooks->child);
        g_clear_pointer(&hooks->reports, g_ptr_array_unref);
        sd_event_unref(hooks->event);
        g_free(hooks->runtime_directory);
        g_free(hooks->root);
        g_free(hooks);
        return NULL;
}
