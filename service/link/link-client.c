/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/inotify.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "service/link/fields.h"
#include "service/link/link-connection.h"
#include "service/link/link-socket.h"

/*
 * The connecting end lives as long as its daemon and is either connected or waiting. Two things end the wait:
 * the timer (100 ms, doubling to 5 s, from the start again after each hello) and the appearance of the socket
 * in its directory. A server puts its socket there by rename(), listening already; so while the directory is
 * watched and nobody listens, there is no timer: a daemon that is not installed wakes nobody up.
 */

#define RETRY_MIN_USEC (100 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (5 * USEC_PER_SEC)

struct LinkClient {
        sd_event *event;
        char *socket_path;
        char *directory;
        char *name; /* of the socket in its directory */
        char *role;
        double time_scale;
        LinkUser user;

        LinkConnection *connection; /* NULL while waiting */
        bool connected;             /* the owner was told so */
        sd_event_source *retry;
        sd_event_source *appearance; /* NULL while there is no such directory */
        uint64_t retry_usec;
        int logged_error; /* the last reason that was logged; said again only after another one or a hello */

        const LinkClientOwner *owner;
        void *userdata;
};

LinkClient *link_client_free(LinkClient *client) {
        if (!client)
                return NULL;

        link_connection_free(client->connection);
        sd_event_source_disable_unref(client->appearance);
        sd_event_source_disable_unref(client->retry);
        sd_event_unref(client->event);
        g_free(client->socket_path);
        g_free(client->directory);
        g_free(client->name);
        g_free(client->role);
        g_free(client);
        return NULL;
}

/* That nobody listens is no news: the other daemon is not installed, or not started yet. */
static void client_log(LinkClient *client, int error) {
        bool absent = error == -ENOENT || error == -ECONNREFUSED || error == -ECONNRESET;

        if (error == client->logged_error)
                return;
        client->logged_error = error;

        log_full(absent ? LOG_DEBUG : LOG_WARNING, NULL, NULL, "No link to %s: %s. Trying again.",
                 client->socket_path, link_error_to_string(error));
}

static void client_wait(LinkClient *client, int error) {
        if (client->appearance && (error == -ENOENT || error == -ECONNREFUSED))
                return;

        int r = sd_event_source_set_time_relative(client->retry,
                                                  (uint64_t) (client->retry_usec * client->time_scale));
        if (r >= 0)
                r = sd_event_source_set_enabled(client->retry, SD_EVENT_ONESHOT);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot arm a timer, the link to %s stays down", client->socket_path);

        client->retry_usec = MIN(client->retry_usec * 2, RETRY_MAX_USEC);
}

static void on_greeted(LinkConnection *connection, const LinkMessage *hello, void *userdata) {
        LinkClient *client = userdata;

        client->connected = true;
        client->retry_usec = RETRY_MIN_USEC;
        client->logged_error = 0;
        log_debug("Link to %s is up, version %s at the other end.", client->socket_path,
                  link_message_get(hello, LINK_FIELD_VERSION) ?: "unknown");
        client->owner->connected(client, client->userdata);
}

static void on_message(LinkConnection *connection, const LinkMessage *message, void *userdata) {
        LinkClient *client = userdata;

        client->owner->message(client, message, client->userdata);
}

static void on_over(LinkConnection *connection, int error, void *userdata) {
        LinkClient *client = userdata;
        bool was_connected = client->connected;

        client->connected = false;
        client->connection = link_connection_free(client->connection);
        client_log(client, error);
        client_wait(client, error);
        if (was_connected)
                client->owner->disconnected(client, client->userdata);
}

static const LinkConnectionOwner connection_owner = {
        .greeted = on_greeted,
        .message = on_message,
        .over = on_over,
};

static int client_connect(LinkClient *client) {
        uid_t uid;

        auto_fd fd = link_socket_connect(client->socket_path, 0);
        if (fd < 0)
                return fd;

        int r = link_socket_check_peer(fd, &client->user, &uid);
        if (r < 0)
                return r;

        r = link_connection_new(client->event, fd, client->role, client->time_scale, &connection_owner,
                                client, &client->connection);
        if (r < 0)
                return r;
        fd = -EBADF;
        return 0;
}

static int on_appearance(sd_event_source *source, const struct inotify_event *event, void *userdata);

/* The directory may come later than we: asked for again with each attempt. */
static void client_watch_directory(LinkClient *client) {
        if (client->appearance)
                return;

        int r = sd_event_add_inotify(client->event, &client->appearance, client->directory,
                                     IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR, on_appearance,
                                     client);
        if (r < 0 && r != -ENOENT)
                log_errno(LOG_DEBUG, r, "Cannot watch %s, looking from time to time", client->directory);
}

static void client_try(LinkClient *client) {
        client_watch_directory(client);

        int r = client_connect(client);
        if (r < 0) {
                client_log(client, r);
                client_wait(client, r);
        }
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        client_try(userdata);
        return 0;
}

static int on_appearance(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        LinkClient *client = userdata;

        bool lost = event->mask & (IN_IGNORED | IN_MOVE_SELF);

        if (lost)
                client->appearance = sd_event_source_disable_unref(client->appearance);
        else if (!(event->mask & IN_Q_OVERFLOW) &&
                 (event->len == 0 || !g_str_equal(event->name, client->name)))
                return 0;
        if (client->connection)
                return 0;

        (void) sd_event_source_set_enabled(client->retry, SD_EVENT_OFF);
        client_try(client);
        return 0;
}

int link_client_new(sd_event *event, const char *socket_path, const char *role, double time_scale,
                    const LinkClientOwner *owner, void *userdata, LinkClient **ret) {
        g_autoptr(LinkClient) client = g_new(LinkClient, 1);

        *client = (LinkClient){
                .event = sd_event_ref(event),
                .socket_path = g_strdup(socket_path),
                .directory = g_path_get_dirname(socket_path),
                .name = g_path_get_basename(socket_path),
                .role = g_strdup(role),
                .time_scale = time_scale,
                .retry_usec = RETRY_MIN_USEC,
                .owner = owner,
                .userdata = userdata,
        };
        link_user_init(&client->user);

        /* The first attempt comes from the loop as well: an owner is never called back before it has its
         * client. */
        int r = sd_event_add_time_relative(event, &client->retry, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_retry,
                                           client);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&client);
        return 0;
}

bool link_client_is_connected(const LinkClient *client) {
        return client->connection && link_connection_is_greeted(client->connection);
}

int link_client_send(LinkClient *client, const LinkMessage *message) {
        return client->connection ? link_connection_send(client->connection, message) : -ENOTCONN;
}
