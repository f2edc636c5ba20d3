/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/host.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "emulator/control.h"
#include "emulator/device-node.h"
#include "emulator/kinds.h"
#include "emulator/ring-node.h"
#include "emulator/socket-node.h"

typedef struct Host {
        sd_event *event;
        GPtrArray *services; /* ends in NULL */
        GPtrArray *sockets;  /* SocketNode */
        RingNode *ring;
        DeviceMount *mount;
        Control *control;
} Host;

static void free_service(void *service) {
        service_free(service);
}

static void free_socket(void *node) {
        socket_node_free(node);
}

/* Those who ask go before those who are asked. */
static void host_done(Host *host) {
        control_free(host->control);
        g_clear_pointer(&host->sockets, g_ptr_array_unref);
        ring_node_free(host->ring);
        device_mount_free(host->mount);
        g_clear_pointer(&host->services, g_ptr_array_unref);
        sd_event_unref(host->event);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Host, host_done)

static int complain(int r, const char *what, const char *name) {
        (void) fprintf(stderr, "hvhost: %s %s: %s\n", what, name, g_strerror(-r));
        return r;
}

/* --- nodes --- */

static int group_of(const char *name, gid_t *ret) {
        struct group *group;

        if (!name)
                return 0;

        group = getgrnam(name);
        if (!group)
                return -ESRCH;

        *ret = group->gr_gid;
        return 0;
}

static int add_socket(Host *host, Service *service, const char *path, const NodeAccess *access) {
        SocketNode *node;
        int r;

        r = socket_node_new(host->event, service, path, access, &node);
        if (r < 0)
                return r;

        g_ptr_array_add(host->sockets, node);
        return 0;
}

static int add_service(Host *host, const HostOptions *options, const DriverKind *kind,
                       const NodeAccess *access) {
        g_autofree char *path = g_build_filename(options->directory, kind->node, NULL);
        Service *service;
        int r;

        r = service_new(host->event, kind, options->time_scale, &service);
        if (r < 0)
                return complain(r, "cannot emulate", kind->name);

        g_ptr_array_insert(host->services, (int) host->services->len - 1, service);
        if (options->ring && kind == &driver_fcopy)
                r = ring_node_new(host->event, service, options->directory, &host->ring);
        else
                r = host->mount ? device_mount_add(host->mount, service, path)
                                : add_socket(host, service, path, access);
        if (r < 0)
                return complain(r, "cannot offer", path);
        return 0;
}

static int add_services(Host *host, const HostOptions *options) {
        NodeAccess access = { .mode = options->group ? 0660 : 0600, .gid = getegid() };
        int r;

        r = group_of(options->group, &access.gid);
        if (r < 0)
                return complain(r, "no such group:", options->group);
        if (options->mount_point) {
                r = device_mount_new(host->event, options->mount_point, &access, &host->mount);
                if (r < 0)
                        return complain(r, "cannot mount the devices at", options->mount_point);
        }

        for (const DriverKind *const *kind = driver_kinds; *kind; kind++) {
                r = add_service(host, options, *kind, &access);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- the scenario --- */

static int on_scenario_end(sd_event_source *source, const siginfo_t *info, void *userdata) {
        sd_event *event = sd_event_source_get_event(source);

        return sd_event_exit(event, info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status);
}

static int start_scenario(Host *host, const HostOptions *options) {
        const char *arguments[] = { "hvhost", "run", "--host", options->directory, options->scenario, NULL };
        pid_t pid;
        int r;

        r = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, (char **) arguments, environ);
        if (r > 0)
                return complain(-r, "cannot play", options->scenario);

        return sd_event_add_child(host->event, NULL, pid, WEXITED, on_scenario_end, NULL);
}

/* --- life --- */

static int prepare_signals(sd_event *event) {
        sigset_t signals;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;

        r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r < 0)
                return r;
        return sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
}

static int start(Host *host, const HostOptions *options) {
        g_autofree char *path = g_build_filename(options->directory, CONTROL_SOCKET, NULL);
        int r;

        r = make_directory(options->directory, 0755);
        if (r < 0)
                return complain(r, "cannot make", options->directory);
        r = sd_event_new(&host->event);
        if (r < 0)
                return complain(r, "cannot make", "an event loop");
        r = prepare_signals(host->event);
        if (r < 0)
                return complain(r, "cannot listen to", "signals");
        r = add_services(host, options);
        if (r < 0)
                return r;
        r = control_new(host->event, path, (Service *const *) host->services->pdata, &host->control);
        if (r < 0)
                return complain(r, "cannot listen at", path);

        return options->scenario ? start_scenario(host, options) : 0;
}

int host_serve(const HostOptions *options) {
        g_auto(Host) host = {
                .services = g_ptr_array_new_with_free_func(free_service),
                .sockets = g_ptr_array_new_with_free_func(free_socket),
        };
        int r;

        g_ptr_array_add(host.services, NULL);
        if (start(&host, options) < 0)
                return HOST_EXIT_FAILURE;

        (void) sd_notify(0, "READY=1");
        r = sd_event_loop(host.event);
        if (r < 0) {
                (void) complain(r, "the event loop", "failed");
                return HOST_EXIT_FAILURE;
        }
        return r;
}
