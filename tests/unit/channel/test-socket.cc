/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "service/channel/channel-holder.h"
#include "tests/support/temporary-directory.hh"
#include "tests/unit/channel/fixture.hh"

/* The emulated host's end, without an emulated host. */
class Listener {
      public:
        explicit Listener(const std::string &path) : path(path) {
                struct sockaddr_un address = {};
                address.sun_family = AF_UNIX;
                strcpy(address.sun_path, path.c_str());
                fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                EXPECT_EQ(bind(fd, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)), 0);
                EXPECT_EQ(listen(fd, 1), 0);
        }
        ~Listener() {
                close(peer);
                close(fd);
                unlink(path.c_str());
        }

        int fd = -1, peer = -1;

      private:
        std::string path;
};

class ChannelSocket : public ChannelTest {
      protected:
        TemporaryDirectory directory;
        std::string path = directory / "vmbus/hv_test";

        void begin() {
                make(1.0, path.c_str(), true);
                ASSERT_EQ(channel_start(channel), 0);
        }

        void take(Listener &listener) {
                ASSERT_TRUE(until(CHANNEL_REGISTERING));
                listener.peer = accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
                ASSERT_GE(listener.peer, 0);
                char buffer[64];
                ASSERT_EQ(recv(listener.peer, buffer, sizeof(buffer), 0), 8);
                ASSERT_EQ(send(listener.peer, "ok3.1", 5, 0), 5);
                ASSERT_TRUE(until(CHANNEL_REGISTERED));
        }
};

TEST_F(ChannelSocket, IsFoundByItsKind) {
        ASSERT_EQ(mkdir((directory / "vmbus").c_str(), 0755), 0);
        Listener listener(path);
        begin();
        take(listener);
        EXPECT_STREQ(channel_get_transport(channel), "socket");
        EXPECT_STREQ(channel_get_path(channel), path.c_str());

        on_request = [&](const std::string &) { EXPECT_EQ(reply("answer"), 0); };
        ASSERT_EQ(send(listener.peer, "request1", 8, 0), 8);
        ASSERT_TRUE(until([&] { return requests.size() == 1; }));
        char buffer[64];
        EXPECT_EQ(recv(listener.peer, buffer, sizeof(buffer), MSG_DONTWAIT), 6);
}

/* The directory is made long after the timer has become slow: it is inotify that wakes us, first for the
 * directory. */
TEST_F(ChannelSocket, IsAwaitedThroughDirectoriesThatAreMissing) {
        begin();
        EXPECT_EQ(state(), CHANNEL_ABSENT);
        pass(700 * USEC_PER_MSEC); /* next look after 640 ms more */
        ASSERT_EQ(mkdir((directory / "vmbus").c_str(), 0755), 0);
        turn();
        Listener listener(path);
        uint64_t before = now_usec(CLOCK_MONOTONIC);
        take(listener);
        EXPECT_LT(now_usec(CLOCK_MONOTONIC) - before, 200 * USEC_PER_MSEC);
}

TEST_F(ChannelSocket, ClosedByThePeerIsWithdrawn) {
        ASSERT_EQ(mkdir((directory / "vmbus").c_str(), 0755), 0);
        {
                Listener listener(path);
                begin();
                take(listener);
        }
        turn();
        EXPECT_EQ(state(), CHANNEL_ABSENT);

        Listener again(path);
        take(again);
        EXPECT_EQ(states, (std::vector{ CHANNEL_REGISTERING, CHANNEL_REGISTERED, CHANNEL_ABSENT,
                                        CHANNEL_REGISTERING, CHANNEL_REGISTERED }));
}

TEST_F(ChannelSocket, ClosedByThePeerRaisesNoSignalOnAnswer) {
        ASSERT_EQ(mkdir((directory / "vmbus").c_str(), 0755), 0);
        Listener listener(path);
        begin();
        take(listener);
        ASSERT_EQ(send(listener.peer, "request1", 8, 0), 8);
        on_request = [&](const std::string &) {
                close(listener.peer);
                listener.peer = -1;
                EXPECT_EQ(reply("answer"), 1);
        };
        turn();
        EXPECT_EQ(requests.size(), 1u);
        EXPECT_EQ(channel_transport_socket.write(-1, "x", 1), -EBADF);
}

TEST_F(ChannelSocket, ThatNobodyServesIsRetried) {
        ASSERT_EQ(mkdir((directory / "vmbus").c_str(), 0755), 0);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, path.c_str());
        ASSERT_EQ(bind(fd, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)), 0);

        begin();
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        close(fd);
}

TEST_F(ChannelSocket, WithATooLongNameIsRetriedNotOverrun) {
        std::string longer = directory.path() + "/" + std::string(120, 's');
        EXPECT_EQ(channel_transport_socket.open(longer.c_str()), -ENAMETOOLONG);
}

/* Connecting never waits, even if the peer's queue is full. */
TEST_F(ChannelSocket, WithAFullQueueIsRetried) {
        ASSERT_EQ(mkdir((directory / "vmbus").c_str(), 0755), 0);
        Listener listener(path);
        std::vector<int> fds;
        for (int i = 0; i < 16; i++) {
                int fd = channel_transport_socket.open(path.c_str());
                if (fd < 0) {
                        EXPECT_EQ(fd, -EAGAIN);
                        break;
                }
                fds.push_back(fd);
        }
        ASSERT_LT(fds.size(), 16u);
        begin();
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        for (int fd : fds)
                close(fd);
}

TEST(ChannelDevice, IsOpenedWhateverKindOfFileItIs) {
        TemporaryDirectory directory;
        std::string path = directory.path() + "/fifo";
        ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);

        EXPECT_EQ(channel_transport_find(path.c_str()), &channel_transport_device);
        int fd = channel_transport_device.open(path.c_str());
        ASSERT_GE(fd, 0);
        EXPECT_EQ(channel_transport_device.poll(fd), 0);
        EXPECT_EQ(channel_transport_device.write(fd, "x", 1), 1);
        EXPECT_EQ(channel_transport_device.poll(fd), POLLIN);
        char c = 0;
        EXPECT_EQ(channel_transport_device.read(fd, &c, 1), 1);
        EXPECT_EQ(c, 'x');
        channel_transport_device.close(fd);

        EXPECT_EQ(channel_transport_device.open((path + "-not").c_str()), -ENOENT);
}

/* The holder is named to root only, who alone may know. */
TEST(ChannelHolder, IsFoundByItsOpenFile) {
        TemporaryDirectory directory;
        std::string path = directory.path() + "/hv_test";
        char holder[64] = "";
        EXPECT_FALSE(channel_holder_find(path.c_str(), holder, sizeof(holder)));

        int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ASSERT_GE(fd, 0);
        bool found = channel_holder_find(path.c_str(), holder, sizeof(holder));
        EXPECT_EQ(found, geteuid() == 0);
        if (found) {
                EXPECT_NE(std::string(holder).find("(PID " + std::to_string(getpid()) + ")"),
                          std::string::npos)
                        << holder;
        }
        close(fd);
        EXPECT_FALSE(channel_holder_find(path.c_str(), holder, sizeof(holder)));
}
