/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The floor under every figure of KVP: a program that does what no daemon can avoid (wait, read the message,
 * write a message of the same size) and nothing else. With a FILE it also does what no writer of a pool file
 * can avoid: both locks, one record, both unlocked. Usage: bench-floor [FILE] --channel=SOCKET.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/kvp.h"
#include "wire/record.h"

static int floor_connect(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        return fd;
}

static int floor_register(int fd, uint8_t *message) {
        char version[64];
        ssize_t n;

        kvp_wire_registration(message);
        if (write(fd, message, KVP_MESSAGE_SIZE) != KVP_MESSAGE_SIZE)
                return -EIO;

        n = read(fd, message, KVP_MESSAGE_SIZE);
        return n < 0 ? -errno : kvp_wire_parse_registered(message, (size_t) n, version);
}

static int floor_write_record(int fd) {
        static const uint8_t record[RECORD_SIZE] = "key";
        struct flock lock = { .l_type = F_WRLCK }, unlock = { .l_type = F_UNLCK };

        if (flock(fd, LOCK_EX) < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
                return -errno;
        if (pwrite(fd, record, sizeof(record), 0) != (ssize_t) sizeof(record))
                return -EIO;
        return fcntl(fd, F_OFD_SETLK, &unlock) < 0 || flock(fd, LOCK_UN) < 0 ? -errno : 0;
}

static int floor_serve(int fd, int file, uint8_t *message) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        for (;;) {
                ssize_t n;

                if (poll(&p, 1, -1) < 0)
                        return -errno;
                n = read(fd, message, KVP_MESSAGE_SIZE);
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                if (file >= 0 && floor_write_record(file) < 0)
                        return -EIO;
                if (write(fd, message, (size_t) n) != n)
                        return -EIO;
        }
}

int main(int argc, char **argv) {
        static uint8_t message[KVP_MESSAGE_SIZE];
        const char *path;
        int file = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
        int fd, r;

        if (argc < 2 || !g_str_has_prefix(argv[argc - 1], "--channel="))
                return 2;
        path = argv[argc - 1] + strlen("--channel=");

        fd = floor_connect(path);
        r = fd < 0 ? fd : floor_register(fd, message);
        if (r >= 0)
                r = floor_serve(fd, file, message);
        if (r < 0)
                fprintf(stderr, "bench-floor: %s: %s\n", path, g_strerror(-r));

        return r < 0;
}
