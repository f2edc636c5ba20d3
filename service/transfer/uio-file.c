/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/uio-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

/* --- the character device --- */

static int device_open(const char *path, int *ret_memory) {
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return -errno;

        *ret_memory = -1;
        return fd;
}

static int device_acknowledge(int fd) {
        uint32_t counter;

        if (read(fd, &counter, sizeof(counter)) < 0 && errno != EAGAIN && errno != EINTR)
                return -errno;

        return 0;
}

static int device_signal(int fd) {
        const uint32_t one = 1;

        return write(fd, &one, sizeof(one)) < 0 ? -errno : 0;
}

const UioFile uio_file_device = {
        .name = "ring",
        .open = device_open,
        .acknowledge = device_acknowledge,
        .signal = device_signal,
};

/* --- the emulated host's socket --- */

static int socket_connect(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        auto_fd fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return errno == ECONNREFUSED ? -ENODEV : -errno;

        return g_steal_fd(&fd);
}

static int open_memory(const char *path) {
        g_autofree char *directory = g_path_get_dirname(path), *node = g_path_get_basename(path);
        g_autofree char *rings = g_strdup_printf("%s/rings-%s", directory, node);
        int fd = open(rings, O_RDWR | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static int socket_open(const char *path, int *ret_memory) {
        auto_fd fd = socket_connect(path);
        int memory;

        if (fd < 0)
                return fd;
        memory = open_memory(path);
        if (memory < 0)
                return memory;

        *ret_memory = memory;
        return g_steal_fd(&fd);
}

static int socket_acknowledge(int fd) {
        uint32_t counter;
        ssize_t n;

        do
                n = recv(fd, &counter, sizeof(counter), MSG_DONTWAIT);
        while (n > 0);

        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EIO;
}

static int socket_signal(int fd) {
        const uint32_t one = 1;

        /* A full queue: the host has signals enough to look after. */
        if (send(fd, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
                return -EIO;

        return 0;
}

const UioFile uio_file_socket = {
        .name = "emulated ring",
        .open = socket_open,
        .acknowledge = socket_acknowledge,
        .signal = socket_signal,
};

const UioFile *uio_file_find(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) ? &uio_file_socket : &uio_file_device;
}
