/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/link/link-socket.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"
#include "service/link/fields.h"

#define LINK_BACKLOG 16

void link_user_init(LinkUser *user) {
        const struct passwd *pw = getpwnam(HVUTILS_USER);
        const struct group *gr = getgrnam(HVUTILS_USER);

        user->uid = pw ? pw->pw_uid : 0;
        user->gid = gr ? gr->gr_gid : 0;
}

static int address_init(struct sockaddr_un *address, const char *path) {
        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof address->sun_path)
                return -ENAMETOOLONG;
        memcpy(address->sun_path, path, strlen(path) + 1);
        return 0;
}

/* connect() to a local socket waits only for room in the server's queue, and for that as long as SO_SNDTIMEO
 * says. */
static int connect_within(int fd, const struct sockaddr_un *address, uint64_t wait_usec) {
        struct timeval wait = {
                .tv_sec = (time_t)(wait_usec / USEC_PER_SEC),
                .tv_usec = (suseconds_t)(wait_usec % USEC_PER_SEC),
        };

        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        return 0;
}

int link_socket_connect(const char *path, uint64_t wait_usec) {
        struct sockaddr_un address;
        int flags = wait_usec > 0 ? 0 : SOCK_NONBLOCK;

        int r = address_init(&address, path);
        if (r < 0)
                return r;

        auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
        if (fd < 0)
                return -errno;

        r = connect_within(fd, &address, wait_usec);
        if (r < 0)
                return r;
        return g_steal_fd(&fd);
}

/* From 0600 to root:hvutils 0660. An owner may give his file to a group of his without any capability; one whose
 * own group that is need not, and its unit may forbid chown. */
static int open_to_group(const char *path, const LinkUser *user) {
        struct stat st;

        if (user->gid == 0)
                return 0;
        if (stat(path, &st) < 0)
                return -errno;
        if (st.st_gid != user->gid && chown(path, (uid_t)-1, user->gid) < 0)
                return -errno;
        if (chmod(path, 0660) < 0)
                return -errno;
        return 0;
}

/* A socket bound by name gets the mode of its descriptor, which is why fchmod() comes first. */
static int bind_private(int fd, const char *path) {
        struct sockaddr_un address;

        int r = address_init(&address, path);
        if (r < 0)
                return r;
        if (fchmod(fd, 0600) < 0)
                return -errno;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
                return -errno;
        return 0;
}

int link_socket_listen(const char *path, const LinkUser *user) {
        g_autofree char *early = g_strconcat(path, "~", NULL);

        auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        int r = bind_private(fd, early);
        if (r < 0)
                return r;

        r = open_to_group(early, user);
        if (r >= 0 && (listen(fd, LINK_BACKLOG) < 0 || rename(early, path) < 0))
                r = -errno;
        if (r < 0) {
                (void)unlink(early);
                return r;
        }
        return g_steal_fd(&fd);
}

int link_socket_check_peer(int fd, const LinkUser *user, uid_t *ret_uid) {
        struct ucred peer;
        socklen_t size = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (peer.uid != 0 && peer.uid != user->uid && peer.uid != geteuid())
                return -EPERM;

        *ret_uid = peer.uid;
        return 0;
}

int link_socket_send(int fd, const void *bytes, size_t n) {
        return send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int link_socket_receive(int fd, LinkMessage *ret) {
        uint8_t buffer[LINK_MESSAGE_MAX];

        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0)
                return -errno;
        if (n == 0)
                return -ECONNRESET;
        return link_message_parse(buffer, (size_t)n, ret);
}

void link_hello_init(LinkMessage *hello, const char *role) {
        link_message_init(hello, LINK_HELLO);

        int r = link_message_add(hello, LINK_FIELD_ROLE, role);
        if (r >= 0)
                r = link_message_add(hello, LINK_FIELD_VERSION, HVUTILS_VERSION);
        g_assert(r >= 0);
}

int link_hello_check(const LinkMessage *message) {
        const char *role = link_message_get(message, LINK_FIELD_ROLE);

        return message->kind == LINK_HELLO && role && *role ? 0 : -EBADMSG;
}

const char *link_error_to_string(int error) {
        switch (error) {
        case -EBADMSG:
                return "it sent an ill-formed message";
        case -EPROTONOSUPPORT:
                return "it speaks another version of the protocol";
        case -EPERM:
                return "it runs as a user who has no business here";
        case -ETIMEDOUT:
                return "it did not say hello in time";
        case -ENOBUFS:
                return "it does not read what it is sent";
        case -EUSERS:
                return "too many are connected";
        default:
                return g_strerror(-error);
        }
}
