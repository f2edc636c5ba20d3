/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "service/link/fields.h"
#include "service/link/link-connection.h"
#include "service/link/link-socket.h"

/*
 * The serving end. A peer exists for the owner from its hello to its end; before that it is only a connection
 * that uses up one of LINK_PEERS_MAX places. Strangers are turned away before a byte of theirs is read.
 */

/* A second: no peer that comes again and again, and no lack of descriptors, keeps the daemon busy. */
#define LINK_ARRIVALS_MAX 64

struct LinkPeer {
        LinkServer *server;
        LinkConnection *connection;
        uid_t uid;
        char *role; /* NULL before the hello */
};

struct LinkServer {
        sd_event *event;
        char *socket_path;
        char *role;
        double time_scale;
        LinkUser user;

        int fd;
        struct stat bound; /* the socket file that is ours */
        sd_event_source *io;
        GPtrArray *peers; /* of LinkPeer, owned */
        LogLimit refusals;

        const LinkServerOwner *owner;
        void *userdata;
};

static void peer_free(gpointer data) {
        LinkPeer *peer = data;

        link_connection_free(peer->connection);
        g_free(peer->role);
        g_free(peer);
}

/* The file is removed unless a successor of ours has put his own in its place. */
static void server_unlink(LinkServer *server) {
        struct stat now;

        if (server->fd >= 0 && lstat(server->socket_path, &now) >= 0 && now.st_ino == server->bound.st_ino &&
            now.st_dev == server->bound.st_dev)
                (void) unlink(server->socket_path);
}

LinkServer *link_server_free(LinkServer *server) {
        if (!server)
                return NULL;

        server_unlink(server);
        g_ptr_array_unref(server->peers);
        sd_event_source_disable_unref(server->io);
        if (server->fd >= 0)
                close(server->fd);
        sd_event_unref(server->event);
        g_free(server->socket_path);
        g_free(server->role);
        g_free(server);
        return NULL;
}

static void server_log(LinkServer *server, int error) {
        g_autofree char *note = NULL;
        uint64_t suppressed;

        if (!log_limit_pass(&server->refusals, now_usec(CLOCK_MONOTONIC), &suppressed))
                return;
        if (suppressed > 0)
                note = g_strdup_printf(" (and %" G_GUINT64_FORMAT " like it not logged before)", suppressed);
        log_warning("Closed a connection to %s: %s%s.", server->socket_path, link_error_to_string(error),
                    note ? note : "");
}

static void on_greeted(LinkConnection *connection, const LinkMessage *hello, void *userdata) {
        LinkPeer *peer = userdata;
        LinkServer *server = peer->server;

        peer->role = g_strdup(link_message_get(hello, LINK_FIELD_ROLE));
        server->owner->arrived(server, peer, server->userdata);
}

static void on_message(LinkConnection *connection, const LinkMessage *message, void *userdata) {
        LinkPeer *peer = userdata;
        LinkServer *server = peer->server;

        server->owner->message(server, peer, message, server->userdata);
}

/* The peer is out of the list before the owner hears that it is gone, and freed after that. */
static void on_over(LinkConnection *connection, int error, void *userdata) {
        LinkPeer *peer = userdata;
        LinkServer *server = peer->server;
        guint index;

        if (error != -ECONNRESET && error != -EPIPE)
                server_log(server, error);

        if (g_ptr_array_find(server->peers, peer, &index))
                g_ptr_array_steal_index_fast(server->peers, index);
        peer->connection = link_connection_free(peer->connection);
        if (peer->role)
                server->owner->gone(server, peer, server->userdata);
        peer_free(peer);
}

static const LinkConnectionOwner connection_owner = {
        .greeted = on_greeted,
        .message = on_message,
        .over = on_over,
};

static int server_admit(LinkServer *server, int fd) {
        uid_t uid;

        int r = link_socket_check_peer(fd, &server->user, &uid);
        if (r < 0)
                return r;
        if (server->peers->len >= LINK_PEERS_MAX)
                return -EUSERS;

        LinkPeer *peer = g_new(LinkPeer, 1);
        *peer = (LinkPeer){ .server = server, .uid = uid };

        r = link_connection_new(server->event, fd, server->role, server->time_scale, &connection_owner, peer,
                                &peer->connection);
        if (r < 0) {
                peer_free(peer);
                return r;
        }
        g_ptr_array_add(server->peers, peer);
        return 0;
}

static int on_connection(sd_event_source *source, int listener, uint32_t revents, void *userdata) {
        LinkServer *server = userdata;

        auto_fd fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return 0;

        int r = server_admit(server, fd);
        if (r < 0)
                server_log(server, r);
        else
                fd = -EBADF;
        return 0;
}

int link_server_new(sd_event *event, const char *socket_path, const char *role, double time_scale,
                    const LinkServerOwner *owner, void *userdata, LinkServer **ret) {
        g_autoptr(LinkServer) server = g_new(LinkServer, 1);

        *server = (LinkServer){
                .event = sd_event_ref(event),
                .socket_path = g_strdup(socket_path),
                .role = g_strdup(role),
                .time_scale = time_scale,
                .fd = -EBADF,
                .peers = g_ptr_array_new_with_free_func(peer_free),
                .owner = owner,
                .userdata = userdata,
        };
        link_user_init(&server->user);

        server->fd = link_socket_listen(socket_path, &server->user);
        if (server->fd < 0)
                return server->fd;
        if (lstat(socket_path, &server->bound) < 0)
                return -errno;

        int r = sd_event_add_io(event, &server->io, server->fd, EPOLLIN, on_connection, server);
        if (r < 0)
                return r;
        r = sd_event_source_set_ratelimit(server->io, USEC_PER_SEC, LINK_ARRIVALS_MAX);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&server);
        return 0;
}

const char *link_peer_get_role(const LinkPeer *peer) {
        return peer->role;
}

uid_t link_peer_get_uid(const LinkPeer *peer) {
        return peer->uid;
}

int link_peer_send(LinkPeer *peer, const LinkMessage *message) {
        return peer->connection ? link_connection_send(peer->connection, message) : -ENOTCONN;
}

unsigned link_server_broadcast(LinkServer *server, const LinkMessage *message) {
        unsigned n = 0;

        for (guint i = 0; i < server->peers->len; i++)
                n += link_peer_send(g_ptr_array_index(server->peers, i), message) >= 0;
        return n;
}
