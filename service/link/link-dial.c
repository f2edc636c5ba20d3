/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "service/link/link-socket.h"

/* The blocking way, for a command line: every function ends by its deadline. */

static uint64_t deadline_after(uint64_t timeout_usec) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        return timeout_usec > USEC_INFINITY - now ? USEC_INFINITY : now + timeout_usec;
}

static uint64_t time_left(uint64_t deadline) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        if (deadline == USEC_INFINITY)
                return USEC_INFINITY;
        return deadline > now ? deadline - now : 0;
}

static int wait_for(int fd, short events, uint64_t deadline) {
        struct pollfd poll_fd = { .fd = fd, .events = events };
        uint64_t left = time_left(deadline);
        struct timespec ts = {
                .tv_sec = (time_t)(left / USEC_PER_SEC),
                .tv_nsec = (long)(left % USEC_PER_SEC * NSEC_PER_USEC),
        };

        int r = ppoll(&poll_fd, 1, left == USEC_INFINITY ? NULL : &ts, NULL);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        return r == 0 ? -ETIMEDOUT : 0;
}

int link_send(int fd, const LinkMessage *message, uint64_t timeout_usec) {
        uint64_t deadline = deadline_after(timeout_usec);

        for (;;) {
                int r = link_socket_send(fd, message->bytes, message->size);
                if (r != -EAGAIN && r != -EINTR)
                        return r;

                r = wait_for(fd, POLLOUT, deadline);
                if (r < 0)
                        return r;
        }
}

int link_receive(int fd, LinkMessage *ret, uint64_t timeout_usec) {
        uint64_t deadline = deadline_after(timeout_usec);

        for (;;) {
                int r = link_socket_receive(fd, ret);
                if (r != -EAGAIN && r != -EINTR)
                        return r;

                r = wait_for(fd, POLLIN, deadline);
                if (r < 0)
                        return r;
        }
}

int link_dial(const char *socket_path, const char *role, uint64_t timeout_usec) {
        uint64_t deadline = deadline_after(timeout_usec);
        LinkMessage hello;
        LinkUser user;
        uid_t uid;

        auto_fd fd = link_socket_connect(socket_path, timeout_usec);
        if (fd < 0)
                return fd;

        link_user_init(&user);
        int r = link_socket_check_peer(fd, &user, &uid);
        if (r < 0)
                return r;

        link_hello_init(&hello, role);
        r = link_send(fd, &hello, time_left(deadline));
        if (r < 0)
                return r;

        r = link_receive(fd, &hello, time_left(deadline));
        if (r >= 0)
                r = link_hello_check(&hello);
        if (r < 0)
                return r;
        return g_steal_fd(&fd);
}
