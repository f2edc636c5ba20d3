/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The emulated host, met by a guest that makes plain system calls: what a daemon sees of the driver, and what
 * the host sees of the daemon. Everything that both transports can play runs on both; what only the device
 * can is the suite Device.
 */

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/support/emulated-host.hh"
#include "tests/support/wait-until.hh"
#include "wire/kvp.h"

using namespace std::chrono_literals;
using Transport = EmulatedHost::Transport;
using Message = std::array<uint8_t, KVP_MESSAGE_SIZE>;

/* A daemon of one file descriptor. Calls return what the system call did, or the negative errno. */
class Guest {
      public:
        ~Guest() {
                close();
        }

        int open(const std::string &path) {
                struct stat st;

                if (stat(path.c_str(), &st) < 0)
                        return -errno;
                fd = S_ISSOCK(st.st_mode) ? connect(path)
                                          : ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
                return fd < 0 ? -errno : 0;
        }

        void close() {
                if (fd >= 0)
                        ::close(fd);
                fd = -1;
        }

        ssize_t write(const void *bytes, size_t n) const {
                ssize_t k = ::write(fd, bytes, n);
                return k < 0 ? -errno : k;
        }

        ssize_t read(size_t n = 8192) {
                ssize_t k = ::read(fd, buffer, n);
                return k < 0 ? -errno : k;
        }

        int poll(std::chrono::milliseconds limit = 0ms) const {
                struct pollfd p = { fd, POLLIN, 0 };
                return ::poll(&p, 1, int(limit.count())) < 0 ? -errno : p.revents;
        }

        ssize_t register_(size_t n = KVP_MESSAGE_SIZE) const {
                std::array<uint8_t, KVP_MESSAGE_SIZE + 8> message{};
                kvp_wire_registration(message.data());
                return write(message.data(), n);
        }

        /* Opens, registers, reads the version. */
        bool serve(const std::string &path) {
                return open(path) == 0 && register_() == KVP_MESSAGE_SIZE && (poll(5s) & POLLIN) &&
                       read() == KVP_MESSAGE_SIZE;
        }

        bool await() {
                return (poll(5s) & POLLIN) && read() == KVP_MESSAGE_SIZE;
        }

        ssize_t reply(WireStatus status) const {
                Message message;
                kvp_wire_reply_status(message.data(), status);
                return write(message.data(), message.size());
        }

        ssize_t reply(const std::string &key, const std::string &value) const {
                Message message;
                kvp_wire_reply_pair(message.data(), key.data(), key.size(), value.data(), value.size());
                return write(message.data(), message.size());
        }

        KvpRequest request() const {
                KvpRequest request{};
                WireStatus status;
                EXPECT_EQ(kvp_wire_parse(buffer, KVP_MESSAGE_SIZE, &request, &status), 0);
                return request;
        }

        int fd = -1;
        uint8_t buffer[8192];

      private:
        static int connect(const std::string &path) {
                struct sockaddr_un address = { AF_UNIX, "" };
                int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

                strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
                if (::connect(s, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)) == 0)
                        return s;
                ::close(s);
                return -1;
        }
};

/* 30 s become 300 ms. */
static constexpr double time_scale = 0.01;

class HostTest : public testing::Test {
      protected:
        void start(Transport transport) {
                std::string reason = EmulatedHost::why_not(transport);

                if (!reason.empty())
                        GTEST_SKIP() << reason;
                owned = std::make_unique<EmulatedHost>(EmulatedHost::Options{ transport, time_scale });
        }

        EmulatedHost &host() {
                return *owned;
        }

        std::unique_ptr<EmulatedHost> owned;
        Guest guest;
};

class Host : public HostTest, public testing::WithParamInterface<Transport> {
      protected:
        void SetUp() override {
                start(GetParam());
        }
};
INSTANTIATE_TEST_SUITE_P(Transports, Host, testing::Values(Transport::Socket, Transport::Device),
                         [](const auto &row) {
                                 return row.param == Transport::Socket ? "Socket" : "Device";
                         });

TEST_P(Host, WaitsForADaemon) {
        EXPECT_FALSE(host().wait_registered(50ms));
        EXPECT_EQ(host()({ "kvp", "get", "--timeout=50ms", "key" }).status, 3);
        ASSERT_TRUE(guest.serve(host().channel()));
        EXPECT_TRUE(host().wait_registered());
        EXPECT_EQ(host().status("requests"), "0");
}

TEST_P(Host, SendsARequestThatWaitedForTheRegistration) {
        auto command = host().begin({ "kvp", "set", "key", "value" });

        ASSERT_TRUE(wait_until([&] { return host().status("waiting") == "1"; }));
        ASSERT_TRUE(guest.serve(host().channel()));
        ASSERT_TRUE(guest.await());
        EXPECT_STREQ(guest.request().value, "value");
        guest.reply(WIRE_STATUS_OK);
        EXPECT_EQ(command->wait(), 0);
}

TEST_P(Host, PrintsWhatTheDaemonAnswers) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "kvp", "get", "--pool=guest", "Name" });
        ASSERT_TRUE(guest.await());
        EXPECT_EQ(guest.request().operation, KVP_OPERATION_GET);
        EXPECT_EQ(guest.request().pool, KVP_POOL_ID_GUEST);
        guest.reply("", "gäst");
        EXPECT_EQ(command->wait(), 0);
        EXPECT_EQ(command->output(), "gäst\n");
}

TEST_P(Host, WalksAPoolToItsEnd) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "kvp", "list", "--pool=1", "--json" });
        for (uint32_t i = 0; i < 3; i++) {
                ASSERT_TRUE(guest.await());
                EXPECT_EQ(guest.request().index, i);
                i < 2 ? guest.reply("k" + std::to_string(i), "\"v\"") : guest.reply(WIRE_STATUS_NO_MORE);
        }
        EXPECT_EQ(command->wait(), 0);
        EXPECT_EQ(command->output(), R"([{"key":"k0","value":"\"v\""},{"key":"k1","value":"\"v\""}])"
                                     "\n");
}

TEST_P(Host, ExitsAsTheStatusSays) {
        const std::pair<WireStatus, int> rows[] = {
                { WIRE_STATUS_OK, 0 },
                { WIRE_STATUS_NO_MORE, 4 },
                { WIRE_STATUS_FAIL, 8 },
                { 0x8000ABCD, 8 },
        };

        ASSERT_TRUE(guest.serve(host().channel()));
        for (const auto &[status, code] : rows) {
                auto command = host().begin({ "kvp", "delete", "key" });
                ASSERT_TRUE(guest.await());
                guest.reply(status);
                EXPECT_EQ(command->wait(), code);
        }
        EXPECT_EQ(host()({ "kvp", "delete" }).status, 2);
        EXPECT_EQ(host()({ "kvp", "get", "--pool=256", "k" }).status, 2);
}

TEST_P(Host, FailsARequestThatIsNotAnsweredInTime) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto begin = std::chrono::steady_clock::now();
        auto command = host().begin({ "kvp", "get", "key" });
        ASSERT_TRUE(guest.await());
        EXPECT_EQ(command->wait(), 8);
        auto spent = std::chrono::steady_clock::now() - begin;
        EXPECT_GE(spent, 290ms);
        EXPECT_LT(spent, 3s);
        EXPECT_EQ(host().status("timeouts"), "1");
}

TEST_P(Host, TakesALateAnswerForTheNextRequest) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto first = host().begin({ "kvp", "get", "one" });
        ASSERT_TRUE(guest.await());
        EXPECT_EQ(first->wait(), 8);
        auto second = host().begin({ "kvp", "get", "two" });
        ASSERT_TRUE(guest.poll(5s) & POLLIN);
        guest.reply("", "of one");
        EXPECT_EQ(second->wait(), 0);
        EXPECT_EQ(second->output(), "of one\n");
}

TEST_P(Host, CountsAnAnswerThatNobodyAskedFor) {
        ASSERT_TRUE(guest.serve(host().channel()));
        guest.reply(WIRE_STATUS_OK);
        EXPECT_TRUE(wait_until([&] { return host().status("refused-writes") == "1"; }));
}

TEST_P(Host, FailsTheRequestOfADaemonThatCloses) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "kvp", "get", "key" });
        ASSERT_TRUE(guest.await());
        guest.close();
        EXPECT_EQ(command->wait(200ms), 8);
        EXPECT_TRUE(guest.serve(host().channel()));
}

TEST_P(Host, LosesThePendingRequestWhenTheGuestIsSuspended) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "kvp", "get", "key" });
        ASSERT_TRUE(guest.await());
        EXPECT_EQ(host()({ "suspend" }).status, 0);
        EXPECT_EQ(command->wait(), 1);
        EXPECT_EQ(host().status("state"), "ready");
}

TEST_P(Host, WithdrawsAndOffersAgain) {
        ASSERT_TRUE(guest.serve(host().channel()));
        ASSERT_EQ(host()({ "withdraw" }).status, 0);
        EXPECT_TRUE(guest.poll(5s) & POLLHUP);
        EXPECT_EQ(host()({ "kvp", "get", "key" }).status, 1);
        guest.close();
        EXPECT_TRUE(wait_until([&] { return access(host().channel().c_str(), F_OK) < 0; }));
        ASSERT_EQ(host()({ "offer" }).status, 0);
        EXPECT_EQ(host()({ "offer" }).status, 1);
        EXPECT_TRUE(guest.serve(host().channel()));
}

TEST_P(Host, DelaysARegistrationOnDemand) {
        ASSERT_EQ(host()({ "delay-registration", "100ms" }).status, 0);
        ASSERT_EQ(guest.open(host().channel()), 0);
        ASSERT_EQ(guest.register_(), KVP_MESSAGE_SIZE);
        EXPECT_FALSE(guest.poll(50ms) & POLLIN);
        EXPECT_TRUE(guest.poll(5s) & POLLIN);
}

TEST_P(Host, PassesAnyBytes) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "raw", "--hex=ff 00ff" });
        ASSERT_TRUE(guest.poll(5s) & POLLIN);
        ASSERT_EQ(guest.read(), 3);
        EXPECT_EQ(memcmp(guest.buffer, "\xff\0\xff", 3), 0);
        guest.reply(0x80070032);
        EXPECT_EQ(command->wait(), 8);
        EXPECT_NE(command->errors().find("HV_ERROR_NOT_SUPPORTED"), std::string::npos);
        EXPECT_EQ(command->output().substr(0, 16), "3200078000000000");
}

TEST_P(Host, ForgetsTheRequestOfACommandThatWasEnded) {
        auto command = host().begin({ "kvp", "get", "key" });
        ASSERT_TRUE(wait_until([&] { return host().status("waiting") == "1"; }));
        command->kill();
        EXPECT_TRUE(wait_until([&] { return host().status("waiting") == "0"; }));
}

TEST_P(Host, TellsWhereAScenarioFailed) {
        TemporaryDirectory directory;
        std::string file = directory.write(
                "f.hvs", "wait-registered\nrepeat 2 {\n get guest key\n}\nexpect-value other\n");

        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "run", file });
        for (int i = 0; i < 2; i++) {
                ASSERT_TRUE(guest.await());
                guest.reply("", "value");
        }
        EXPECT_EQ(command->wait(), 1);
        EXPECT_EQ(command->errors(), file + ":5: expected the value 'other', got 'value'\n");
}

/* --- what a socket cannot play --- */

class Device : public HostTest {
      protected:
        void SetUp() override {
                start(Transport::Device);
        }
};

TEST_F(Device, IsOpenedOnce) {
        Guest other;

        ASSERT_EQ(guest.open(host().channel()), 0);
        EXPECT_EQ(other.open(host().channel()), -EBUSY);
        guest.close();
        EXPECT_EQ(other.open(host().channel()), 0);
}

TEST_F(Device, RefusesARegistrationOfAnotherLength) {
        ASSERT_EQ(guest.open(host().channel()), 0);
        EXPECT_EQ(guest.register_(KVP_MESSAGE_SIZE - 2), -EINVAL);
        EXPECT_EQ(guest.register_(KVP_MESSAGE_SIZE + 8), KVP_MESSAGE_SIZE + 8);
}

TEST_F(Device, IsReadyWhenTheAnswerToTheRegistrationWasRead) {
        ASSERT_EQ(guest.open(host().channel()), 0);
        ASSERT_EQ(guest.register_(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(host().status("state"), "init");
        EXPECT_EQ(host().status("slot"), "full");
        ASSERT_EQ(guest.read(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(host().status("state"), "ready");
}

TEST_F(Device, KeepsAMessageThatDoesNotFit) {
        ASSERT_EQ(guest.open(host().channel()), 0);
        ASSERT_EQ(guest.register_(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(guest.read(KVP_MESSAGE_SIZE - 1), -EINVAL);
        EXPECT_EQ(guest.read(), KVP_MESSAGE_SIZE);
}

TEST_F(Device, RefusesASecondAndALateAnswer) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "kvp", "set", "key", "value" });
        ASSERT_TRUE(guest.await());
        EXPECT_EQ(guest.reply(WIRE_STATUS_OK), KVP_MESSAGE_SIZE);
        EXPECT_EQ(guest.reply(WIRE_STATUS_OK), -EINVAL);
        EXPECT_EQ(command->wait(), 0);

        command = host().begin({ "kvp", "set", "key", "value" });
        ASSERT_TRUE(guest.await());
        EXPECT_EQ(command->wait(), 8);
        EXPECT_EQ(guest.reply(WIRE_STATUS_OK), -EINVAL);
}

TEST_F(Device, KeepsAnUnreadRequestAndFailsTheNextAtOnce) {
        ASSERT_TRUE(guest.serve(host().channel()));
        EXPECT_EQ(host()({ "kvp", "get", "one" }).status, 8);
        EXPECT_EQ(host()({ "kvp", "get", "two" }).status, 8);
        EXPECT_EQ(host().status("slot-busy"), "1");
        EXPECT_EQ(host().status("timeouts"), "1");
        ASSERT_TRUE(guest.await());
        EXPECT_STREQ(guest.request().key, "one");
}

TEST_F(Device, BlocksAReaderWhateverItsFlagsSay) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "kvp", "get", "key" });

        /* Not polled before: the request comes some time later. */
        ASSERT_EQ(guest.read(), KVP_MESSAGE_SIZE);
        EXPECT_STREQ(guest.request().key, "key");
        guest.reply(WIRE_STATUS_NO_MORE);
        EXPECT_EQ(command->wait(), 4);
}

static void on_alarm(int) {}

TEST_F(Device, InterruptsAReaderByASignal) {
        struct sigaction action = {};
        struct itimerval in_50_ms = { {}, { 0, 50000 } };

        action.sa_handler = on_alarm;
        action.sa_flags = SA_RESTART; /* which the driver does not care about */
        sigaction(SIGALRM, &action, nullptr);
        ASSERT_TRUE(guest.serve(host().channel()));
        setitimer(ITIMER_REAL, &in_50_ms, nullptr);
        EXPECT_EQ(guest.read(), -EINTR);
        signal(SIGALRM, SIG_DFL);

        auto command = host().begin({ "kvp", "get", "key" });
        EXPECT_TRUE(guest.await());
}

TEST_F(Device, NeverSaysThatItCanBeWritten) {
        ASSERT_TRUE(guest.serve(host().channel()));
        struct pollfd p = { guest.fd, POLLIN | POLLOUT, 0 };
        EXPECT_EQ(poll(&p, 1, 20), 0);
}

TEST_F(Device, WakesAnEpollOfItsReader) {
        struct epoll_event event = { EPOLLIN, {} };
        int epoll = epoll_create1(EPOLL_CLOEXEC);

        ASSERT_TRUE(guest.serve(host().channel()));
        ASSERT_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, guest.fd, &event), 0);
        EXPECT_EQ(epoll_wait(epoll, &event, 1, 20), 0);
        auto command = host().begin({ "kvp", "get", "key" });
        EXPECT_EQ(epoll_wait(epoll, &event, 1, 5000), 1);
        EXPECT_EQ(event.events, EPOLLIN);
        EXPECT_EQ(host()({ "withdraw" }).status, 0);
        EXPECT_EQ(epoll_wait(epoll, &event, 1, 5000), 1);
        EXPECT_EQ(event.events, unsigned(EPOLLERR | EPOLLHUP));
        close(epoll);
}

TEST_F(Device, IsWithdrawnWhenTheDaemonCloses) {
        Guest other;

        ASSERT_TRUE(guest.serve(host().channel()));
        ASSERT_EQ(host()({ "withdraw" }).status, 0);
        EXPECT_EQ(guest.poll(), POLLERR | POLLHUP);
        EXPECT_EQ(guest.read(), -EBADF);
        EXPECT_EQ(guest.reply(WIRE_STATUS_OK), -EBADF);
        EXPECT_EQ(other.open(host().channel()), -EBADF);
        EXPECT_EQ(host()({ "offer" }).status, 1);
        guest.close();
        EXPECT_TRUE(wait_until([&] { return other.open(host().channel()) == -ENOENT; }));
        EXPECT_EQ(host()({ "offer" }).status, 0);
        EXPECT_TRUE(guest.serve(host().channel()));
}

TEST_F(Device, KeepsARequestOverASuspendAndRefusesItsAnswer) {
        ASSERT_TRUE(guest.serve(host().channel()));
        auto command = host().begin({ "kvp", "get", "key" });
        ASSERT_TRUE(guest.poll(5s) & POLLIN);
        ASSERT_EQ(host()({ "suspend" }).status, 0);
        EXPECT_EQ(command->wait(), 1);
        ASSERT_TRUE(guest.await());
        EXPECT_EQ(guest.reply(WIRE_STATUS_OK), -EINVAL);
}

TEST_F(Device, FailsCallsOnDemand) {
        ASSERT_EQ(host()({ "refuse", "open", "EBUSY" }).status, 0);
        EXPECT_EQ(guest.open(host().channel()), -EBUSY);
        ASSERT_TRUE(guest.serve(host().channel()));
        ASSERT_EQ(host()({ "refuse", "read", "EINTR", "2" }).status, 0);
        auto command = host().begin({ "kvp", "get", "key" });
        EXPECT_EQ(guest.read(), -EINTR);
        EXPECT_EQ(guest.read(), -EINTR);
        EXPECT_EQ(guest.read(), KVP_MESSAGE_SIZE);
        ASSERT_EQ(host()({ "refuse", "read", "EAGAIN" }).status, 0);
        (void) guest.reply(WIRE_STATUS_OK);
        command = host().begin({ "kvp", "get", "key" });
        ASSERT_TRUE(guest.poll(5s) & POLLIN);
        EXPECT_EQ(guest.read(), -EAGAIN);
        EXPECT_EQ(guest.read(), KVP_MESSAGE_SIZE);
        ASSERT_EQ(host()({ "refuse", "write", "EINVAL" }).status, 0);
        EXPECT_EQ(guest.reply(WIRE_STATUS_OK), -EINVAL);
}

TEST_F(Device, HasNothingButItsNodes) {
        EXPECT_EQ(access((host().directory() + "/devices/hv_kvp").c_str(), F_OK), 0);
        EXPECT_EQ(access((host().directory() + "/devices/other").c_str(), F_OK), -1);
        std::istringstream names(run({ "ls", host().directory() + "/devices" }).output);
        for (std::string name; names >> name;)
                EXPECT_EQ(name.rfind("hv_", 0), 0u) << name;
}
