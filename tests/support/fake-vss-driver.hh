/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The VSS driver on a socket, played by the test. */

#include <cstring>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/vss.h"

class FakeVssDriver {
      public:
        /* What ask() and hear() return when nothing comes. */
        static constexpr WireStatus SILENCE = 0x12345678;

        explicit FakeVssDriver(const std::string &path) : path_(path) {
                struct sockaddr_un address = {};
                address.sun_family = AF_UNIX;
                strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
                listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                EXPECT_EQ(bind(listener_, reinterpret_cast<struct sockaddr *>(&address), sizeof address), 0);
                EXPECT_EQ(listen(listener_, 4), 0);
        }
        ~FakeVssDriver() {
                withdraw();
                close(listener_);
                unlink(path_.c_str());
        }
        FakeVssDriver(const FakeVssDriver &) = delete;
        FakeVssDriver &operator=(const FakeVssDriver &) = delete;

        bool register_daemon(int timeout_ms = 5000) {
                uint8_t message[64], answer[4];

                withdraw();
                if (!readable(listener_, timeout_ms))
                        return false;
                end_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                if (!readable(end_, timeout_ms) || recv(end_, message, sizeof message, 0) != VSS_MESSAGE_SIZE)
                        return false;
                vss_wire_registered(answer);
                return send(end_, answer, sizeof answer, MSG_NOSIGNAL) == sizeof answer;
        }

        bool say(uint8_t operation) {
                uint8_t message[VSS_MESSAGE_SIZE];

                vss_wire_request(message, operation);
                return send(end_, message, sizeof message, MSG_NOSIGNAL) == sizeof message;
        }
        WireStatus hear(int timeout_ms = 10000) {
                uint8_t message[64];
                WireStatus status = SILENCE;

                if (!readable(end_, timeout_ms))
                        return SILENCE;
                ssize_t n = recv(end_, message, sizeof message, 0);
                return n > 0 && vss_wire_parse_reply(message, static_cast<size_t>(n), &status) >= 0 ? status
                                                                                                    : SILENCE;
        }
        WireStatus ask(VssOperation operation, int timeout_ms = 10000) {
                return say(vss_wire_operation_byte(operation)) ? hear(timeout_ms) : SILENCE;
        }
        void withdraw() {
                if (end_ >= 0)
                        close(end_);
                end_ = -1;
        }

      private:
        static bool readable(int fd, int timeout_ms) {
                struct pollfd poll_fd = { fd, POLLIN, 0 };
                return poll(&poll_fd, 1, timeout_ms) == 1;
        }

        std::string path_;
        int listener_ = -1, end_ = -1;
};
