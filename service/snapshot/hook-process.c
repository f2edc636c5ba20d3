/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/hook-process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "common/utf16.h"

#define LINE_MAX_BYTES 200
#define HOOK_PATH      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct HookProcess {
        pid_t pid;
        int pidfd;
        int output;
        sd_event_source *exit, *reader, *timer;
        uint64_t started;
        size_t received;
        GString *last, *current; /* the last whole line that was not empty, and the one that is being said */
        HookProcessDone done;    /* NULL once called */
        void *userdata;
};

/* --- output --- */

static void line_end(HookProcess *process) {
        if (process->current->len > 0)
                g_string_assign(process->last, process->current->str);
        g_string_truncate(process->current, 0);
}

static void process_hear(HookProcess *process, const char *bytes, size_t n) {
        for (size_t i = 0; i < n && process->received < HOOKS_OUTPUT_MAX; i++, process->received++)
                if (bytes[i] == '\n')
                        line_end(process);
                else if (process->current->len < LINE_MAX_BYTES)
                        g_string_append_c(process->current,
                                          (guchar) bytes[i] < ' ' || bytes[i] == 0x7f ? ' ' : bytes[i]);
}

/* Past the limit it is still read, so that a chatty hook is not held up, and thrown away. Returns what
 * read() did. */
static ssize_t process_read(HookProcess *process) {
        char buffer[4096];
        ssize_t n = read(process->output, buffer, sizeof buffer);

        if (n > 0)
                process_hear(process, buffer, (size_t) n);
        return n;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        HookProcess *process = userdata;
        ssize_t n = process_read(process);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

/* --- the end --- */

static void process_finish(HookProcess *process, HookOutcome outcome) {
        HookProcessDone done = g_steal_pointer(&process->done);
        g_autofree char *mended = NULL;

        if (!done)
                return;
        line_end(process);
        process->timer = sd_event_source_disable_unref(process->timer);
        process->reader = sd_event_source_disable_unref(process->reader);
        done(process, outcome, now_usec(CLOCK_BOOTTIME) - process->started,
             utf8_mend(process->last->str, process->last->len, &mended), process->userdata);
}

static int on_exit_of_hook(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        HookProcess *process = userdata;
        siginfo_t info = {};
        size_t most = HOOKS_OUTPUT_MAX;
        ssize_t n;

        process->exit = sd_event_source_disable_unref(process->exit);
        if (waitid(P_PIDFD, (id_t) process->pidfd, &info, WEXITED | WNOHANG) < 0)
                info.si_status = -1;
        process->pid = -1;
        /* What is in the pipe is its own; what a background client goes on saying is not waited for. */
        while (process->done && most > 0 && (n = process_read(process)) > 0)
                most -= MIN(most, (size_t) n);
        process_finish(process, info.si_code == CLD_EXITED && info.si_status == 0 ? HOOK_OUTCOME_OK
                                                                                  : HOOK_OUTCOME_FAILED);
        return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        HookProcess *process = userdata;

        if (process->pid > 0)
                (void) pidfd_send_signal(process->pidfd, SIGTERM, NULL, 0);
        process_finish(process, HOOK_OUTCOME_TIMEOUT);
        return 0;
}

/* --- the beginning --- */

static void child_prepare(int output) {
        int null = open("/dev/null", O_RDONLY);
        sigset_t none;

        (void) setsid();
        (void) dup2(null, STDIN_FILENO);
        (void) dup2(output, STDOUT_FILENO);
        (void) dup2(output, STDERR_FILENO);
        (void) close_range(3, ~0U, 0);
        sigemptyset(&none);
        for (int number = 1; number < NSIG; number++)
                (void) signal(number, SIG_DFL);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) !chdir("/");
}

static pid_t hook_fork(const char *path, const char *argument, int output) {
        char *const arguments[] = { (char *) path, (char *) argument, NULL };
        char *const environment[] = { (char *) HOOK_PATH, (char *) "LANG=C.UTF-8", NULL };
        static const char complaint[] = "cannot be executed\n";
        pid_t pid = fork();

        if (pid != 0)
                return pid < 0 ? -errno : pid;
        child_prepare(output);
        (void) execve(path, arguments, environment);
        (void) !write(STDERR_FILENO, complaint, sizeof complaint - 1);
        _exit(127);
}

static int process_watch(HookProcess *process, sd_event *event, uint64_t timeout_usec) {
        int r;

        r = sd_event_add_io(event, &process->exit, process->pidfd, EPOLLIN, on_exit_of_hook, process);
        if (r >= 0)
                r = sd_event_add_io(event, &process->reader, process->output, EPOLLIN, on_output, process);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &process->timer, CLOCK_BOOTTIME, timeout_usec, 1,
                                               on_timeout, process);
        return r;
}

int hook_process_new(sd_event *event, const char *path, const char *argument, uint64_t timeout_usec,
                     HookProcessDone done, void *userdata, HookProcess **ret) {
        g_autoptr(HookProcess) process = g_new0(HookProcess, 1);
        int ends[2], r;

        process->pid = process->pidfd = process->output = -1;
        process->last = g_string_new("");
        process->current = g_string_new("");
        process->started = now_usec(CLOCK_BOOTTIME);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        process->output = ends[0];
        process->pid = hook_fork(path, argument, ends[1]);
        (void) close(ends[1]);
        if (process->pid < 0)
                return process->pid;
        process->pidfd = pidfd_open(process->pid, 0);
        if (process->pidfd < 0 || fcntl(process->output, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = process_watch(process, event, timeout_usec);
        if (r < 0)
                return r;
        process->done = done;
        process->userdata = userdata;
        *ret = g_steal_pointer(&process);
        return 0;
}

HookProcess *hook_process_free(HookProcess *process) {
        if (!process)
                return NULL;
        sd_event_source_disable_unref(process->exit);
        sd_event_source_disable_unref(process->reader);
        sd_event_source_disable_unref(process->timer);
        if (process->pid > 0) {
                (void) kill(process->pid, SIGKILL);
                /* One that hangs in the kernel is left to whoever inherits it. */
                (void) waitpid(process->pid, NULL, WNOHANG);
        }
        if (process->pidfd >= 0)
                (void) close(process->pidfd);
        if (process->output >= 0)
                (void) close(process->output);
        g_string_free(process->last, TRUE);
        g_string_free(process->current, TRUE);
        g_free(process);
        return NULL;
}
