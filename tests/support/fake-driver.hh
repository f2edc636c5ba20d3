/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The KVP driver on a socket, played by the test: takes the registration, hands in requests, hears the
 * answers. The socket keeps message boundaries, as the device does. */

#include <cstring>
#include <gtest/gtest.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "wire/kvp.h"

class FakeKvpDriver {
      public:
        struct Answer {
                bool arrived = false;
                WireStatus status = 0xffffffff;
                std::string key, value;
        };

        explicit FakeKvpDriver(const std::string &path) : path_(path) {
                struct sockaddr_un address = {};
                address.sun_family = AF_UNIX;
                strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
                unlink(path.c_str());
                listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                EXPECT_EQ(bind(listener_, reinterpret_cast<struct sockaddr *>(&address), sizeof address), 0);
                EXPECT_EQ(listen(listener_, 4), 0);
        }

        ~FakeKvpDriver() {
                withdraw();
                close(listener_);
                unlink(path_.c_str());
        }

        FakeKvpDriver(const FakeKvpDriver &) = delete;
        FakeKvpDriver &operator=(const FakeKvpDriver &) = delete;

        /* A daemon came and registered. */
        bool register_daemon(int timeout_ms = 5000) {
                uint8_t message[KVP_MESSAGE_SIZE + 1];

                withdraw();
                if (!readable(listener_, timeout_ms))
                        return false;
                end_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                if (end_ < 0 || !readable(end_, timeout_ms))
                        return false;
                ssize_t n = recv(end_, message, sizeof message, 0);
                if (n < 0 || !kvp_wire_is_registration(message, static_cast<size_t>(n)))
                        return false;
                kvp_wire_registered(message, "3.1");
                return say(message, KVP_MESSAGE_SIZE);
        }

        /* A daemon is at the door. */
        bool is_wanted(int timeout_ms) {
                return readable(listener_, timeout_ms);
        }

        bool say(const void *message, size_t n) {
                return send(end_, message, n, MSG_NOSIGNAL) == static_cast<ssize_t>(n);
        }

        /* Hands in a request; the answer is to be heard later. */
        bool ask(KvpOperation operation, unsigned pool, uint32_t index, const char *key = "",
                 const char *value = "") {
                uint8_t message[KVP_MESSAGE_SIZE];
                kvp_wire_request(message, operation, pool, index, key, value);
                return say(message, sizeof message);
        }

        Answer hear(int timeout_ms = 5000) {
                uint8_t message[KVP_MESSAGE_SIZE + 1];
                const char *key, *value;
                Answer answer;

                if (!readable(end_, timeout_ms))
                        return answer;
                ssize_t n = recv(end_, message, sizeof message, 0);
                if (n <= 0)
                        return answer;
                answer.arrived = kvp_wire_parse_reply(message, static_cast<size_t>(n), &answer.status, &key,
                                                      &value) >= 0;
                if (answer.arrived && answer.status == WIRE_STATUS_OK) {
                        answer.key = key;
                        answer.value = value;
                }
                return answer;
        }

        /* The answer as it came. */
        bool hear_bytes(uint8_t message[KVP_MESSAGE_SIZE], int timeout_ms = 5000) {
                return readable(end_, timeout_ms) &&
                       recv(end_, message, KVP_MESSAGE_SIZE, 0) == KVP_MESSAGE_SIZE;
        }

        /* The daemon closed the connection. */
        bool hears_the_end(int timeout_ms = 5000) {
                uint8_t message[KVP_MESSAGE_SIZE + 1];
                return readable(end_, timeout_ms) && recv(end_, message, sizeof message, 0) <= 0;
        }

        void withdraw() {
                if (end_ >= 0)
                        close(end_);
                end_ = -1;
        }

        WireStatus set(unsigned pool, const std::string &key, const std::string &value) {
                ask(KVP_OPERATION_SET, pool, 0, key.c_str(), value.c_str());
                return hear().status;
        }

        WireStatus remove(unsigned pool, const std::string &key) {
                ask(KVP_OPERATION_REMOVE, pool, 0, key.c_str());
                return hear().status;
        }

        Answer get(unsigned pool, const std::string &key) {
                ask(KVP_OPERATION_GET, pool, 0, key.c_str());
                return hear();
        }

        Answer record(unsigned pool, uint32_t index) {
                ask(KVP_OPERATION_ENUMERATE, pool, index);
                return hear();
        }

        /* The host's walk: until something else than success. */
        std::vector<std::pair<std::string, std::string>> enumerate(unsigned pool) {
                std::vector<std::pair<std::string, std::string>> pairs;
                for (uint32_t i = 0;; i++) {
                        Answer answer = record(pool, i);
                        if (!answer.arrived || answer.status != WIRE_STATUS_OK)
                                return pairs;
                        pairs.emplace_back(answer.key, answer.value);
                }
        }

      private:
        static bool readable(int fd, int timeout_ms) {
                struct pollfd poll_fd = { fd, POLLIN, 0 };
                return poll(&poll_fd, 1, timeout_ms) == 1;
        }

        std::string path_;
        int listener_ = -1, end_ = -1;
};
