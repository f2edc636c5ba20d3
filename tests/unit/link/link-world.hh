/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <utility>
#include <vector>

#include "common/cleanup.h"
#include "common/units.h"
#include "service/link/link.h"
#include "tests/support/temporary-directory.hh"

/* What the tests of the link share: one loop, both ends with a memory, and peers that are only a bare socket.
 */

inline LinkMessage message_of(LinkKind kind,
                              const std::vector<std::pair<std::string, std::string>> &fields = {}) {
        LinkMessage message;

        link_message_init(&message, kind);
        for (const auto &[name, value] : fields)
                EXPECT_EQ(link_message_add(&message, name.c_str(), value.c_str()), 0);
        return message;
}

inline std::string bytes_of(const LinkMessage &message) {
        return std::string(reinterpret_cast<const char *>(message.bytes), message.size);
}

inline std::string hello_of(const std::string &role) {
        return bytes_of(message_of(LINK_HELLO, { { "ROLE", role }, { "VERSION", "test" } }));
}

class Loop {
      public:
        Loop() {
                EXPECT_GE(sd_event_new(&event), 0);
        }
        ~Loop() {
                sd_event_unref(event);
        }

        bool runs_until(const std::function<bool()> &condition, uint64_t limit_usec = 5 * USEC_PER_SEC) {
                uint64_t end = now_usec(CLOCK_MONOTONIC) + limit_usec;

                while (!condition()) {
                        if (now_usec(CLOCK_MONOTONIC) > end)
                                return false;
                        EXPECT_GE(sd_event_run(event, 10 * USEC_PER_MSEC), 0);
                }
                return true;
        }

        void runs_for(uint64_t usec) {
                runs_until([] { return false; }, usec);
        }

        sd_event *event = nullptr;
};

/* hvutilsd's end. */
class Client {
      public:
        Client(Loop &loop, const std::string &path, double time_scale = 1.0) {
                EXPECT_EQ(link_client_new(loop.event, path.c_str(), "hvutilsd", time_scale, &owner, this,
                                          &link),
                          0);
        }
        ~Client() {
                link_client_free(link);
        }

        int send(const LinkMessage &message) {
                return link_client_send(link, &message);
        }

        LinkClient *link = nullptr;
        int connected = 0, disconnected = 0;
        std::vector<LinkMessage> messages;
        std::function<void()> on_message = [] {};

      private:
        static Client *self(void *userdata) {
                return static_cast<Client *>(userdata);
        }
        static constexpr LinkClientOwner owner = {
                [](LinkClient *, void *userdata) { self(userdata)->connected++; },
                [](LinkClient *, void *userdata) { self(userdata)->disconnected++; },
                [](LinkClient *, const LinkMessage *message, void *userdata) {
                        self(userdata)->messages.push_back(*message);
                        self(userdata)->on_message();
                },
        };
};

/* snapshotd's end. */
class Server {
      public:
        Server(Loop &loop, const std::string &path, double time_scale = 1.0) {
                EXPECT_EQ(link_server_new(loop.event, path.c_str(), "snapshotd", time_scale, &owner, this,
                                          &link),
                          0);
        }
        ~Server() {
                link_server_free(link);
        }

        LinkServer *link = nullptr;
        std::vector<LinkPeer *> peers;
        int gone = 0;
        std::vector<LinkMessage> messages;
        std::function<void()> on_message = [] {};

      private:
        static Server *self(void *userdata) {
                return static_cast<Server *>(userdata);
        }
        static constexpr LinkServerOwner owner = {
                [](LinkServer *, LinkPeer *peer, void *userdata) { self(userdata)->peers.push_back(peer); },
                [](LinkServer *, LinkPeer *peer, void *userdata) {
                        auto &peers = self(userdata)->peers;
                        peers.erase(std::remove(peers.begin(), peers.end(), peer), peers.end());
                        self(userdata)->gone++;
                },
                [](LinkServer *, LinkPeer *, const LinkMessage *message, void *userdata) {
                        self(userdata)->messages.push_back(*message);
                        self(userdata)->on_message();
                },
        };
};

/* A socket that does nothing by itself. */
class BareSocket {
      public:
        explicit BareSocket(int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
            : fd(fd) {}
        BareSocket(BareSocket &&other) noexcept : fd(std::exchange(other.fd, -1)) {}
        ~BareSocket() {
                if (fd >= 0)
                        close(fd);
        }

        int release() {
                return std::exchange(fd, -1);
        }

        bool connects(const std::string &path) {
                auto address = address_of(path);
                return connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0;
        }

        bool listens(const std::string &path) {
                auto address = address_of(path);
                return bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0 &&
                       listen(fd, 8) == 0;
        }

        /* A negative descriptor while nobody came. */
        BareSocket accepts() {
                return BareSocket(accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        }

        bool says(const std::string &packet) {
                return ::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL) ==
                       static_cast<ssize_t>(packet.size());
        }

        /* The next packet; false while there is none. */
        bool hears(std::string *ret) {
                std::string buffer(2 * LINK_MESSAGE_MAX, '\0');
                ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
                if (n <= 0)
                        return false;
                *ret = buffer.substr(0, static_cast<size_t>(n));
                return true;
        }

        /* True once the other end has closed; packets before that are swallowed. */
        bool is_closed() {
                char buffer[2 * LINK_MESSAGE_MAX];
                ssize_t n;

                while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
                        ;
                return n == 0 || (errno != EAGAIN && errno != EINTR);
        }

        int fd;

      private:
        static sockaddr_un address_of(const std::string &path) {
                sockaddr_un address = {};
                address.sun_family = AF_UNIX;
                EXPECT_LT(path.size(), sizeof address.sun_path);
                path.copy(address.sun_path, sizeof address.sun_path - 1);
                return address;
        }
};

/* Runs act as user nobody in a child; true if it returned true there. */
inline bool as_nobody(const std::function<bool()> &act) {
        pid_t child = fork();
        if (child == 0)
                _exit(setgid(65534) == 0 && setuid(65534) == 0 && act() ? 0 : 1);

        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
