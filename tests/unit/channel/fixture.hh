/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A channel, an owner that notes what it hears, and a driver played by hand: one end of a socket pair, with
 * the errors that only the real device returns on demand. The loop is turned by the test, so that nothing
 * happens between its lines.
 */

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "common/units.h"
#include "service/channel/channel-transport.h"
#include "service/channel/channel.h"

/* The smallest protocol: "register" is answered with "ok" and a version; requests have 8 bytes. */
inline const ChannelProtocol small_protocol = {
        "test",
        "/nonexistent/hv_test",
        16,
        [](uint8_t *buffer) -> size_t {
                memcpy(buffer, "register", 8);
                return 8;
        },
        [](const void *message, size_t n, char version[64]) -> int {
                if (n != 5 || memcmp(message, "ok", 2) != 0)
                        return -EBADMSG;
                memcpy(version, static_cast<const char *>(message) + 2, 3);
                version[3] = '\0';
                return 0;
        },
        [](const void *, size_t) -> uint64_t { return 20 * USEC_PER_SEC; },
        8,
};

/* Every time of the channel is a fiftieth: 20 s are 400 ms, 10 ms are 200 us. */
inline constexpr double small_time = 0.02;

class FakeDriver {
      public:
        static inline FakeDriver *current = nullptr;

        int open_error = 0; /* until it is taken back */
        int opens = 0, closes = 0, reads = 0;
        std::deque<int> read_errors, write_errors; /* each met once */
        int end = -1;                              /* the driver's end of what is open */

        FakeDriver() {
                current = this;
        }
        ~FakeDriver() {
                withdraw();
                current = nullptr;
        }

        void say(const std::string &message) {
                ASSERT_EQ(send(end, message.data(), message.size(), MSG_NOSIGNAL), (ssize_t)message.size());
        }

        /* What the daemon wrote, or "" if nothing. */
        std::string hear() {
                char buffer[64];
                ssize_t n = recv(end, buffer, sizeof(buffer), MSG_DONTWAIT);
                return n > 0 ? std::string(buffer, (size_t)n) : std::string();
        }

        void withdraw() {
                if (end >= 0)
                        close(end);
                end = -1;
        }

        static const ChannelTransport transport;

      private:
        static int pop(std::deque<int> &errors) {
                if (errors.empty())
                        return 0;
                int error = errors.front();
                errors.pop_front();
                return error;
        }

        static int do_open(const char *) {
                int pair[2];

                current->opens++;
                if (current->open_error != 0)
                        return current->open_error;
                current->withdraw();
                if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                        return -errno;
                current->end = pair[1];
                return pair[0];
        }

        static ssize_t do_read(int fd, void *buffer, size_t n) {
                current->reads++;
                int error = pop(current->read_errors);
                return error != 0 ? error : channel_transport_socket.read(fd, buffer, n);
        }

        static ssize_t do_write(int fd, const void *buffer, size_t n) {
                int error = pop(current->write_errors);
                return error != 0 ? error : channel_transport_socket.write(fd, buffer, n);
        }

        static int do_poll(int fd) {
                return channel_transport_socket.poll(fd);
        }

        static void do_close(int fd) {
                current->closes++;
                close(fd);
        }
};

inline const ChannelTransport FakeDriver::transport = {
        "fake", do_open, do_read, do_write, do_poll, do_close
};

class ChannelTest : public testing::Test {
      protected:
        sd_event *event = nullptr;
        FakeDriver driver;
        Channel *channel = nullptr;
        ChannelProtocol protocol = small_protocol;

        std::vector<std::string> requests;
        std::vector<ChannelState> states;
        int abandoned = 0;
        std::function<void(const std::string &)> on_request; /* what the owner does; nothing = keeps it */

        void SetUp() override {
                ASSERT_EQ(sd_event_new(&event), 0);
        }

        void TearDown() override {
                channel_free(channel);
                sd_event_unref(event);
        }

        static const ChannelOwner owner;

        void make(double time_scale = small_time, const char *path = nullptr, bool real = false) {
                ASSERT_EQ(channel_new(event, &protocol, path, time_scale, &owner, this, &channel), 0);
                if (!real)
                        channel_set_transport(channel, &FakeDriver::transport);
        }

        ChannelState state() {
                return channel_get_state(channel);
        }
        const ChannelStatistics &statistics() {
                return *channel_get_statistics(channel);
        }

        /* Turns the loop until the condition holds. */
        bool until(const std::function<bool()> &condition, uint64_t usec = 2 * USEC_PER_SEC) {
                for (uint64_t end = now_usec(CLOCK_MONOTONIC) + usec; !condition();) {
                        uint64_t now = now_usec(CLOCK_MONOTONIC);
                        if (now >= end)
                                return false;
                        sd_event_run(event, end - now);
                }
                return true;
        }
        bool until(ChannelState wanted) {
                return until([&] { return state() == wanted; });
        }

        /* Turns the loop once for what is ready now. */
        void turn() {
                sd_event_run(event, 0);
        }

        /* Turns the loop for a time. */
        void pass(uint64_t usec) {
                until([] { return false; }, usec);
        }

        void registered(double time_scale = small_time) {
                make(time_scale);
                ASSERT_EQ(channel_start(channel), 0);
                accept();
        }

        /* The driver's part of a registration. */
        void accept() {
                ASSERT_TRUE(until(CHANNEL_REGISTERING));
                ASSERT_EQ(driver.hear(), "register");
                driver.say("ok3.1");
                ASSERT_TRUE(until(CHANNEL_REGISTERED));
        }

        int reply(const std::string &text) {
                return channel_reply(channel, text.data(), text.size());
        }
};

inline const ChannelOwner ChannelTest::owner = {
        [](Channel *, const uint8_t *bytes, size_t n, void *userdata) {
                auto *test = static_cast<ChannelTest *>(userdata);
                test->requests.emplace_back(reinterpret_cast<const char *>(bytes), n);
                if (test->on_request)
                        test->on_request(test->requests.back());
        },
        [](Channel *channel, void *userdata) {
                EXPECT_FALSE(channel_has_request(channel));
                static_cast<ChannelTest *>(userdata)->abandoned++;
        },
        [](Channel *channel, ChannelState before, void *userdata) {
                EXPECT_NE(channel_get_state(channel), before);
                static_cast<ChannelTest *>(userdata)->states.push_back(channel_get_state(channel));
        },
};
