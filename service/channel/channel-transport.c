/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/channel/channel-transport.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

/* --- what both have in common --- */

static ssize_t transport_read(int fd, void *buffer, size_t n) {
        ssize_t k = read(fd, buffer, n);

        return k < 0 ? -errno : k;
}

static int transport_poll(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (poll(&p, 1, 0) < 0)
                return errno == EINTR ? 0 : -errno;

        return p.revents;
}

static void transport_close(int fd) {
        (void)close(fd);
}

/* --- the character device; also its twin on FUSE --- */

static int device_open(const char *path) {
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        return fd < 0 ? -errno : fd;
}

static ssize_t device_write(int fd, const void *buffer, size_t n) {
        ssize_t k = write(fd, buffer, n);

        return k < 0 ? -errno : k;
}

const ChannelTransport channel_transport_device = {
        .name = "device",
        .open = device_open,
        .read = transport_read,
        .write = device_write,
        .poll = transport_poll,
        .close = transport_close,
};

/* --- the emulated host's socket --- */

static int socket_open(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        auto_fd fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        return g_steal_fd(&fd);
}

static ssize_t socket_write(int fd, const void *buffer, size_t n) {
        ssize_t k = send(fd, buffer, n, MSG_NOSIGNAL);

        return k < 0 ? -errno : k;
}

const ChannelTransport channel_transport_socket = {
        .name = "socket",
        .open = socket_open,
        .read = transport_read,
        .write = socket_write,
        .poll = transport_poll,
        .close = transport_close,
};

const ChannelTransport *channel_transport_find(const char *path) {
        struct stat st;

        if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
                return &channel_transport_socket;

        return &channel_transport_device;
}
