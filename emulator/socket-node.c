/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/socket-node.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "emulator/listen.h"

struct SocketNode {
        sd_event *event;
        Service *service;
        char *path;
        NodeAccess access;
        sd_event_source *listener; /* owns its descriptor */
        sd_event_source *peer;     /* the daemon; owns its descriptor */
        uint8_t buffer[2 * DRIVER_MESSAGE_MAX];
};

static int add_socket(SocketNode *node, int *fd, sd_event_io_handler_t handler, sd_event_source **ret) {
        g_autoptr(sd_event_source) source = NULL;
        int r;

        r = sd_event_add_io(node->event, &source, *fd, EPOLLIN, handler, node);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(source, 1);
        if (r < 0)
                return r;

        *fd = -1;
        *ret = g_steal_pointer(&source);
        return 0;
}

static void hang_up(SocketNode *node) {
        node->peer = sd_event_source_disable_unref(node->peer);
        service_close(node->service);
        service_settle(node->service);
}

static int on_packet(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        SocketNode *node = userdata;
        ssize_t n;

        n = recv(fd, node->buffer, sizeof(node->buffer), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                hang_up(node);
        else
                (void) service_write(node->service, node->buffer, (size_t) n);
        service_settle(node->service);
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        SocketNode *node = userdata;
        auto_fd peer = -1;
        int r;

        peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0 || service_open(node->service) < 0)
                return 0;

        r = add_socket(node, &peer, on_packet, &node->peer);
        if (r < 0)
                service_close(node->service);
        return 0;
}

/* What cannot be sent because the daemon does not read is lost, and its time runs out. */
static void socket_wake(void *userdata) {
        SocketNode *node = userdata;
        uint8_t message[DRIVER_MESSAGE_MAX];
        ssize_t n;

        if (!node->peer)
                return;
        if (service_poll(node->service) & POLLHUP) {
                hang_up(node);
                return;
        }

        n = service_read(node->service, message, sizeof(message));
        if (n > 0)
                (void) send(sd_event_source_get_io_fd(node->peer), message, (size_t) n,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        service_settle(node->service);
}

static int socket_appear(void *userdata) {
        SocketNode *node = userdata;
        auto_fd fd = listen_at(node->path);

        if (fd < 0)
                return fd;
        if (chown(node->path, (uid_t) -1, node->access.gid) < 0 || chmod(node->path, node->access.mode) < 0)
                return -errno;

        return add_socket(node, &fd, on_connection, &node->listener);
}

static void socket_vanish(void *userdata) {
        SocketNode *node = userdata;

        node->listener = sd_event_source_disable_unref(node->listener);
        (void) unlink(node->path);
}

static const NodeOps socket_ops = {
        .transport = "socket",
        .wake = socket_wake,
        .appear = socket_appear,
        .vanish = socket_vanish,
};

int socket_node_new(sd_event *event, Service *service, const char *path, const NodeAccess *access,
                    SocketNode **ret) {
        g_autoptr(SocketNode) node = g_new0(SocketNode, 1);
        int r;

        node->event = sd_event_ref(event);
        node->service = service;
        node->path = g_strdup(path);
        node->access = *access;
        r = socket_appear(node);
        if (r < 0)
                return r;

        service_set_node(service, &socket_ops, node);
        *ret = g_steal_pointer(&node);
        return 0;
}

SocketNode *socket_node_free(SocketNode *node) {
        if (!node)
                return NULL;

        service_set_node(node->service, NULL, NULL);
        if (node->listener)
                socket_vanish(node);
        sd_event_source_disable_unref(node->peer);
        sd_event_unref(node->event);
        g_free(node->path);
        g_free(node);
        return NULL;
}
