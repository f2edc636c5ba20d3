/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The channel, end to end: the real hvutilsd between the emulated host and its pool files, on the socket and
 * on the device. What the socket cannot play (hvhost(1)) is in the suite ChannelDevice.
 */

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "tests/support/emulated-host.hh"
#include "tests/support/wait-until.hh"

using namespace std::chrono_literals;
using Transport = EmulatedHost::Transport;

/* 30 s of the driver become 600 ms, 20 s of ours 400 ms. */
static constexpr double time_scale = 0.02;

class ChannelTest : public testing::Test {
      protected:
        void start_host(Transport transport) {
                std::string reason = EmulatedHost::why_not(transport);

                if (!reason.empty())
                        GTEST_SKIP() << reason;
                host_ = std::make_unique<EmulatedHost>(EmulatedHost::Options{ transport, time_scale });
                ASSERT_EQ(mkdir((world / "state").c_str(), 0755), 0);
        }

        void start_daemon() {
                daemon = std::make_unique<Process>(std::vector<std::string>{
                        std::string(getenv("HVUTILS_BUILD_DIR")) + "/service/hvutilsd",
                        "--channel=" + host().channel(), "--config=" + world.write("hvutils.conf", ""),
                        "--state-directory=" + (world / "state"), "--runtime-directory=" + (world / "run"),
                        "--bus=none", "--time-scale=" + std::to_string(time_scale) });
        }

        void start(Transport transport) {
                start_host(transport);
                if (IsSkipped() || HasFatalFailure())
                        return;
                start_daemon();
                ASSERT_TRUE(host().wait_registered()) << daemon->errors();
        }

        void TearDown() override {
                if (!daemon)
                        return;
                EXPECT_EQ(daemon->stop(), 0);
                if (HasFailure())
                        fprintf(stderr, "--- hvutilsd said:\n%s---\n", daemon->errors().c_str());
        }

        EmulatedHost &host() {
                return *host_;
        }

        int set(const std::string &key, const std::string &value) {
                return host()({ "kvp", "set", key, value }).status;
        }

        /* The value in the pool `external`, or "status N". */
        std::string get(const std::string &key) {
                ProcessResult result = host()({ "kvp", "get", "--pool=external", key });
                return result.status == 0 ? result.output : "status " + std::to_string(result.status);
        }

        /* Answers again, after whatever happened. */
        void expect_service() {
                EXPECT_TRUE(wait_until([&] { return host().wait_registered() && get("key") == "value\n"; }));
        }

        void expect_play(const std::string &scenario) {
                ProcessResult result = host().play(scenario);
                EXPECT_EQ(result.status, 0) << result.errors;
        }

        TemporaryDirectory world;
        std::unique_ptr<EmulatedHost> host_;
        std::unique_ptr<Process> daemon;
};

class Channel : public ChannelTest, public testing::WithParamInterface<Transport> {
      protected:
        void SetUp() override {
                start(GetParam());
        }
};
INSTANTIATE_TEST_SUITE_P(Transports, Channel, testing::Values(Transport::Socket, Transport::Device),
                         [](const auto &row) {
                                 return row.param == Transport::Socket ? "Socket" : "Device";
                         });

TEST_P(Channel, CarriesKeysFromTheHostToThePoolFile) {
        EXPECT_EQ(set("Owner", "someone"), 0);
        EXPECT_EQ(get("Owner"), "someone\n");
        EXPECT_EQ(host()({ "kvp", "list", "--pool=external" }).output, "Owner=someone\n");
        EXPECT_EQ(read_file(world / "state/.kvp_pool_0").substr(0, 6), std::string("Owner\0", 6));
        EXPECT_EQ(host()({ "kvp", "delete", "Owner" }).status, 0);
        EXPECT_EQ(get("Owner"), "status 4");
}

TEST_P(Channel, CarriesTheFactsOfTheGuest) {
        std::string facts = host()({ "kvp", "auto" }).output;

        EXPECT_NE(facts.find("IntegrationServicesVersion=3.1\n"), std::string::npos) << facts;
        EXPECT_EQ(facts.rfind("FullyQualifiedDomainName=", 0), 0u) << facts;
}

TEST_P(Channel, PlaysTheBasicScenario) {
        expect_play("basic");
}

TEST_P(Channel, NeverMistakesOneRequestForAnother) {
        expect_play("traps");
}

TEST_P(Channel, ComesBackAfterEveryWithdrawal) {
        expect_play("withdrawal");
}

TEST_P(Channel, AnswersOrRefusesEveryHostileMessage) {
        expect_play("hostile");
        EXPECT_TRUE(daemon->running());
}

/* Stopped, the daemon reads the first request after its time is up, and finds a second one behind it. */
TEST_P(Channel, GivesNoAnswerThatCameTooLate) {
        ASSERT_EQ(set("key", "value"), 0);
        ASSERT_EQ(set("other", "of another key"), 0);
        for (int i = 0; i < 3; i++) {
                daemon->signal(SIGSTOP);
                EXPECT_EQ(get("other"), "status 8");
                auto second = host().begin({ "kvp", "get", "--pool=external", "key" });
                std::this_thread::sleep_for(20ms);
                daemon->signal(SIGCONT);
                int status = second->wait();
                EXPECT_TRUE(status == 8 || (status == 0 && second->output() == "value\n"))
                        << status << second->output();
        }
        expect_service();
}

TEST_P(Channel, GoesOnAfterASuspend) {
        ASSERT_EQ(set("key", "value"), 0);
        daemon->signal(SIGSTOP);
        auto lost = host().begin({ "kvp", "get", "--pool=external", "key" });
        std::this_thread::sleep_for(20ms);
        ASSERT_EQ(host()({ "suspend" }).status, 0);
        EXPECT_EQ(lost->wait(), 1);
        daemon->signal(SIGCONT);
        expect_service();
}

TEST_P(Channel, ComesBackEvenIfItIsNotLetInAtOnce) {
        ASSERT_EQ(set("key", "value"), 0);
        ASSERT_EQ(host()({ "refuse", "open", "EBUSY", "2" }).status, 0);
        ASSERT_EQ(host()({ "withdraw" }).status, 0);
        ASSERT_TRUE(wait_until([&] { return host()({ "offer" }).status == 0; }));
        expect_service();
}

TEST_P(Channel, TakesSignalsInItsStride) {
        ASSERT_EQ(set("key", "value"), 0);
        for (int i = 0; i < 20; i++) {
                daemon->signal(SIGSTOP);
                daemon->signal(SIGCONT);
                ASSERT_EQ(get("key"), "value\n");
        }
}

/* --- what only the device can play --- */

class ChannelDevice : public ChannelTest {
      protected:
        void SetUp() override {
                start_host(Transport::Device);
        }

        void start_registered() {
                start_daemon();
                ASSERT_TRUE(host().wait_registered());
                ASSERT_EQ(set("key", "value"), 0);
        }
};

TEST_F(ChannelDevice, WaitsForAnotherDaemonToLetGo) {
        int other = open(host().channel().c_str(), O_RDWR | O_CLOEXEC);

        ASSERT_GE(other, 0);
        start_daemon();
        EXPECT_FALSE(host().wait_registered(200ms));
        EXPECT_TRUE(daemon->running());
        close(other);
        EXPECT_TRUE(host().wait_registered());
}

TEST_F(ChannelDevice, GoesOnAfterRefusedAnswers) {
        start_registered();
        for (const char *error : { "EINVAL", "EFAULT", "ENOMEM", "EIO" }) {
                ASSERT_EQ(host()({ "refuse", "write", error }).status, 0);
                EXPECT_EQ(get("key"), "status 8") << error;
                expect_service();
        }
}

TEST_F(ChannelDevice, GoesOnAfterFailedReads) {
        start_registered();
        for (const char *error : { "EINTR", "EAGAIN", "EINVAL", "EIO" }) {
                ASSERT_EQ(host()({ "refuse", "read", error }).status, 0);
                (void) get("key");
                expect_service();
        }
}

TEST_F(ChannelDevice, ClosesAtOnceWhenTheServiceIsWithdrawn) {
        start_registered();
        ASSERT_EQ(host()({ "withdraw" }).status, 0);
        EXPECT_TRUE(wait_until([&] { return host().status("mode") == "withdrawn"; }, 1s));
        EXPECT_TRUE(wait_until([&] { return access(host().channel().c_str(), F_OK) < 0; }, 1s));
        ASSERT_EQ(host()({ "offer" }).status, 0);
        expect_service();
}

TEST_F(ChannelDevice, ReadsWhatStayedInTheSlotAndStartsAnew) {
        start_registered();
        daemon->signal(SIGSTOP);
        EXPECT_EQ(get("key"), "status 8");
        EXPECT_EQ(get("key"), "status 8");
        EXPECT_EQ(host().status("slot-busy"), "1");
        daemon->signal(SIGCONT);
        expect_service();
}

TEST_F(ChannelDevice, RegistersWithExactlyOneMessage) {
        start_registered();
        EXPECT_EQ(host().status("registrations"), "1");
        EXPECT_EQ(host().status("refused-writes"), "0");
}
