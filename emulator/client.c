/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "emulator/listen.h"
#include "emulator/words.h"

void client_answer_done(ClientAnswer *answer) {
        g_clear_pointer(&answer->status, g_free);
        g_clear_pointer(&answer->text, g_free);
}

const char *client_directory(const char *argument) {
        return argument ? argument : g_getenv("HVHOST_DIR");
}

int client_connect(const char *directory) {
        g_autofree char *path = g_build_filename(directory, CONTROL_SOCKET, NULL);

        return connect_at(path);
}

int client_send(int fd, const char *const *words) {
        g_autoptr(GByteArray) packet = g_byte_array_new();

        for (; *words; words++)
                words_append(packet, *words);
        if (packet->len > CONTROL_PACKET_MAX)
                return -E2BIG;
        if (send(fd, packet->data, packet->len, MSG_NOSIGNAL) < 0)
                return -errno;

        return 0;
}

static int wait_readable(int fd, uint64_t deadline_usec) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        for (;;) {
                uint64_t now = now_usec(CLOCK_MONOTONIC);
                uint64_t left = now < deadline_usec ? deadline_usec - now : 0;
                struct timespec ts = { (time_t) (left / USEC_PER_SEC),
                                       (long) (left % USEC_PER_SEC * NSEC_PER_USEC) };
                int r = ppoll(&p, 1, deadline_usec == USEC_INFINITY ? NULL : &ts, NULL);

                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

static int receive_words(int fd, uint64_t deadline_usec, char ***ret) {
        g_autofree char *packet = g_malloc(CONTROL_PACKET_MAX);
        ssize_t n;
        int r;

        r = wait_readable(fd, deadline_usec);
        if (r < 0)
                return r;
        n = recv(fd, packet, CONTROL_PACKET_MAX, 0);
        if (n < 0)
                return -errno;
        if (n == 0)
                return -ECONNRESET;

        return words_split(packet, (size_t) n, CONTROL_WORDS_MAX, ret);
}

int client_receive(int fd, uint64_t timeout_usec, ClientItem item, void *userdata, ClientAnswer *ret) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);
        uint64_t deadline = timeout_usec > USEC_INFINITY - now ? USEC_INFINITY : now + timeout_usec;

        for (;;) {
                g_auto(GStrv) words = NULL;
                int r;

                r = receive_words(fd, deadline, &words);
                if (r < 0)
                        return r;
                if (!words || !words[0])
                        return -EBADMSG;
                if (strcmp(words[0], "item") == 0) {
                        if (item)
                                item(words + 1, userdata);
                        continue;
                }
                if (strcmp(words[0], "done") != 0 || g_strv_length(words) != 4)
                        return -EBADMSG;

                *ret = (ClientAnswer){ (HostExit) atoi(words[1]), g_strdup(words[2]), g_strdup(words[3]) };
                return 0;
        }
}
