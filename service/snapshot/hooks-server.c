/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvutils-snapshotd --hooks: one session after the other. Who connects while the hooks of an earlier snapshot
 * still wait for their thaw waits in the socket's queue: no hook sees freeze twice in a row.
 */

#include "service/snapshot/hooks-server.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/snapshot/hooks-session.h"

#define BACKLOG   4
#define IDLE_USEC USEC_PER_SEC

typedef struct HooksServer {
        const HooksSetup *setup;
        sd_event *event;
        int fd;
        sd_event_source *listener, *idle;
        bool activated; /* the socket is systemd's: we may go when nobody is there */
        HooksSession *session;
} HooksServer;

static void server_done(HooksServer *server) {
        hooks_session_free(server->session);
        sd_event_source_disable_unref(server->listener);
        sd_event_source_disable_unref(server->idle);
        sd_event_unref(server->event);
        if (server->fd >= 0)
                (void) close(server->fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HooksServer, server_done)

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        return sd_event_exit(((HooksServer *) userdata)->event, 0);
}

static int server_go_idle(HooksServer *server) {
        int r = sd_event_source_set_enabled(server->listener, SD_EVENT_ON);

        if (r < 0 || !server->activated)
                return r;
        return sd_event_add_time_relative(server->event, &server->idle, CLOCK_MONOTONIC, IDLE_USEC, 0,
                                          on_idle, server);
}

static void on_session_over(HooksSession *session, void *userdata) {
        HooksServer *server = userdata;

        server->session = hooks_session_free(session);
        if (server_go_idle(server) < 0)
                (void) sd_event_exit(server->event, 1);
}

/* The socket's mode says the same; a socket made by hand may not. */
static int peer_check(int fd) {
        struct ucred peer;
        socklen_t size = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        return peer.uid == 0 || peer.uid == geteuid() ? 0 : -EPERM;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        HooksServer *server = userdata;
        auto_fd connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        int r;

        if (connection < 0)
                return 0;
        r = peer_check(connection);
        if (r >= 0)
                r = hooks_session_new(server->event, server->setup, connection, on_session_over, server,
                                      &server->session);
        if (r < 0) {
                log_errno(LOG_WARNING, r, "Refused somebody who wants hooks to be run");
                return 0;
        }
        connection = -1;
        server->idle = sd_event_source_disable_unref(server->idle);
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* --- the socket --- */

static int socket_listen(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        (void) unlink(path);
        /* Between bind and listen nobody can connect, so the mode is right before anybody comes. */
        if (bind(fd, (const struct sockaddr *) &address, sizeof address) < 0 || chmod(path, 0600) < 0 ||
            listen(fd, BACKLOG) < 0)
                return -errno;
        return g_steal_fd(&fd);
}

static int server_take_socket(HooksServer *server) {
        g_autofree char *path =
                g_build_filename(server->setup->runtime_directory, HVUTILS_SOCKET_HOOKS, NULL);
        int n = sd_listen_fds(1);

        if (n > 1)
                return -EINVAL;
        server->activated = n == 1;
        server->fd = n == 1 ? SD_LISTEN_FDS_START : socket_listen(path);
        return server->fd < 0 ? server->fd : 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata) {
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int watch_signals(sd_event *event) {
        sigset_t handled;
        int r;

        sigemptyset(&handled);
        sigaddset(&handled, SIGTERM);
        sigaddset(&handled, SIGINT);
        if (sigprocmask(SIG_BLOCK, &handled, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(event, NULL, SIGTERM, on_terminate, NULL);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGINT, on_terminate, NULL);
}

int hooks_serve(const HooksSetup *setup) {
        g_auto(HooksServer) server = { .setup = setup, .fd = -1 };
        int r;

        r = server_take_socket(&server);
        if (r < 0)
                return r;
        r = sd_event_new(&server.event);
        if (r < 0)
                return r;
        r = watch_signals(server.event);
        if (r < 0)
                return r;
        r = sd_event_add_io(server.event, &server.listener, server.fd, EPOLLIN, on_connection, &server);
        if (r < 0)
                return r;
        r = server_go_idle(&server);
        if (r < 0)
                return r;
        (void) sd_notify(false, "READY=1");
        return sd_event_loop(server.event);
}

/* --- without a socket --- */

static void on_only_session_over(HooksSession *session, void *userdata) {
        (void) sd_event_exit(userdata, 0);
}

int hooks_serve_connection(const HooksSetup *setup, int fd) {
        g_autoptr(HooksSession) session = NULL;
        g_autoptr(sd_event) event = NULL;
        auto_fd connection = fd;
        int r;

        r = sd_event_new(&event);
        if (r < 0)
                return r;
        r = hooks_session_new(event, setup, connection, on_only_session_over, event, &session);
        if (r < 0)
                return r;
        connection = -1;
        return sd_event_loop(event);
}
