/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/link/link-connection.h"

#include <errno.h>
#include <sys/epoll.h>

#include "common/cleanup.h"
#include "service/link/link-socket.h"

struct LinkConnection {
        int fd;
        bool greeted;
        int error; /* why it is over; 0 while it lives */

        GQueue *packets; /* of GBytes, what the other end has not taken yet */

        sd_event_source *io;
        sd_event_source *hello_timeout;
        sd_event_source *end;

        const LinkConnectionOwner *owner;
        void *userdata;
};

static void packet_free(gpointer packet) {
        g_bytes_unref(packet);
}

LinkConnection *link_connection_free(LinkConnection *connection) {
        if (!connection)
                return NULL;

        sd_event_source_disable_unref(connection->end);
        sd_event_source_disable_unref(connection->hello_timeout);
        sd_event_source_disable_unref(connection->io);
        g_queue_free_full(connection->packets, packet_free);
        if (connection->fd >= 0)
                close(connection->fd);
        g_free(connection);
        return NULL;
}

/* The one door to the end. The owner hears of it from the loop, see on_end(). */
static void connection_fail(LinkConnection *connection, int error) {
        if (connection->error < 0)
                return;

        connection->error = error;
        (void)sd_event_source_set_enabled(connection->io, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(connection->hello_timeout, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(connection->end, SD_EVENT_ONESHOT);
}

static int on_end(sd_event_source *source, void *userdata) {
        LinkConnection *connection = userdata;

        connection->owner->over(connection, connection->error, connection->userdata);
        return 0;
}

static int on_hello_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        connection_fail(userdata, -ETIMEDOUT);
        return 0;
}

static void connection_watch(LinkConnection *connection) {
        uint32_t events = g_queue_is_empty(connection->packets) ? EPOLLIN : EPOLLIN | EPOLLOUT;

        int r = sd_event_source_set_io_events(connection->io, events);
        if (r < 0)
                connection_fail(connection, r);
}

static void connection_flush(LinkConnection *connection) {
        GBytes *packet;

        while ((packet = g_queue_peek_head(connection->packets))) {
                gsize n;
                const void *bytes = g_bytes_get_data(packet, &n);

                int r = link_socket_send(connection->fd, bytes, n);
                if (r == -EAGAIN)
                        break;
                if (r < 0) {
                        connection_fail(connection, r);
                        return;
                }
                packet_free(g_queue_pop_head(connection->packets));
        }
        connection_watch(connection);
}

static int connection_queue(LinkConnection *connection, const LinkMessage *message) {
        if (g_queue_get_length(connection->packets) >= LINK_QUEUE_MAX) {
                connection_fail(connection, -ENOBUFS);
                return -ENOTCONN;
        }

        g_queue_push_tail(connection->packets, g_bytes_new(message->bytes, message->size));
        connection_watch(connection);
        return 0;
}

static int connection_put(LinkConnection *connection, const LinkMessage *message) {
        if (!g_queue_is_empty(connection->packets))
                return connection_queue(connection, message);

        int r = link_socket_send(connection->fd, message->bytes, message->size);
        if (r == -EAGAIN)
                return connection_queue(connection, message);
        if (r < 0) {
                connection_fail(connection, r);
                return -ENOTCONN;
        }
        return 0;
}

static void connection_greet(LinkConnection *connection, const LinkMessage *hello) {
        int r = link_hello_check(hello);
        if (r < 0) {
                connection_fail(connection, r);
                return;
        }

        connection->greeted = true;
        (void)sd_event_source_set_enabled(connection->hello_timeout, SD_EVENT_OFF);
        connection->owner->greeted(connection, hello, connection->userdata);
}

static void connection_read(LinkConnection *connection) {
        LinkMessage message;

        int r = link_socket_receive(connection->fd, &message);
        if (r == -EAGAIN || r == -EINTR)
                return;
        if (r >= 0 && connection->greeted && message.kind == LINK_HELLO)
                r = -EBADMSG;
        if (r < 0) {
                connection_fail(connection, r);
                return;
        }

        if (!connection->greeted)
                connection_greet(connection, &message);
        else
                connection->owner->message(connection, &message, connection->userdata);
}

/* Reading comes last: it may be the end of the connection. */
static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        LinkConnection *connection = userdata;

        if (revents & EPOLLOUT)
                connection_flush(connection);
        if (connection->error == 0 && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                connection_read(connection);
        return 0;
}

static int connection_add_sources(LinkConnection *connection, sd_event *event, uint64_t timeout_usec) {
        int r = sd_event_add_io(event, &connection->io, connection->fd, EPOLLIN, on_io, connection);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(event, &connection->hello_timeout, CLOCK_MONOTONIC, timeout_usec, 0,
                                       on_hello_timeout, connection);
        if (r < 0)
                return r;

        r = sd_event_add_defer(event, &connection->end, on_end, connection);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(connection->end, SD_EVENT_OFF);
}

int link_connection_new(sd_event *event, int fd, const char *role, double time_scale,
                        const LinkConnectionOwner *owner, void *userdata, LinkConnection **ret) {
        g_autoptr(LinkConnection) connection = g_new(LinkConnection, 1);
        LinkMessage hello;

        *connection = (LinkConnection){
                .fd = -1,
                .packets = g_queue_new(),
                .owner = owner,
                .userdata = userdata,
        };
        connection->fd = fd;

        int r = connection_add_sources(connection, event, (uint64_t)(LINK_HELLO_TIMEOUT_USEC * time_scale));
        if (r < 0) {
                connection->fd = -1;
                return r;
        }

        link_hello_init(&hello, role);
        (void)connection_put(connection, &hello);

        *ret = g_steal_pointer(&connection);
        return 0;
}

bool link_connection_is_greeted(const LinkConnection *connection) {
        return connection->greeted && connection->error == 0;
}

int link_connection_send(LinkConnection *connection, const LinkMessage *message) {
        if (!link_connection_is_greeted(connection))
                return -ENOTCONN;
        return connection_put(connection, message);
}
