/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl, the real hvutilsd, a bus and the emulated host: what one end says, the other end hears. */

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "tests/integration/hvctl/hvctl.hh"
#include "tests/support/emulated-host.hh"
#include "tests/support/private-bus.hh"
#include "tests/support/wait-until.hh"

using namespace std::chrono_literals;

class HvctlBus : public testing::Test {
      protected:
        void SetUp() override {
                std::ofstream(world / "hvutils.conf") << "";
                start();
        }
        void TearDown() override {
                if (HasFailure() && daemon)
                        fprintf(stderr, "--- hvutilsd said:\n%s---\n", daemon->errors().c_str());
        }

        void start() {
                daemon = std::make_unique<Process>(std::vector<std::string>{
                        std::string(getenv("HVUTILS_BUILD_DIR")) + "/service/hvutilsd",
                        "--channel=" + host.channel(), "--config=" + (world / "hvutils.conf"),
                        "--state-directory=" + (world / "state"), "--runtime-directory=" + (world / "run"),
                        "--bus=" + bus.address() });
                ASSERT_TRUE(host.wait_registered());
                ASSERT_TRUE(wait_until([this] { return bus.has_name("org.hyperv.Utils"); }));
        }

        ProcessResult kvp(std::vector<std::string> arguments, const std::string &input = {}) const {
                arguments.insert(arguments.begin(), { "--bus=" + bus.address(), "kvp" });
                return hvctl(arguments, input);
        }

        /* Runs on; its output comes while it does. */
        std::unique_ptr<Process> begin(std::vector<std::string> arguments) const {
                arguments.insert(arguments.begin(), { hvctl_path(), "--bus=" + bus.address() });
                return std::make_unique<Process>(arguments);
        }

        /* Until a client listens: a mark set again and again is told. */
        void wait_for_listener(Process &client) {
                int mark = 0;
                ASSERT_TRUE(wait_until([&] {
                        kvp({ "set", "Mark", std::to_string(mark++) });
                        return client.output().find("Mark") != std::string::npos;
                })) << client.errors();
        }

        void append(int pool, const std::string &bytes) {
                auto_fd fd = open((world / ("state/.kvp_pool_" + std::to_string(pool))).c_str(),
                                  O_WRONLY | O_APPEND | O_CLOEXEC);
                ASSERT_GE(fd, 0);
                ASSERT_EQ(flock(fd, LOCK_EX), 0);
                ASSERT_EQ(write(fd, bytes.data(), bytes.size()), (ssize_t) bytes.size());
        }

        TemporaryDirectory world;
        PrivateBus bus;
        EmulatedHost host;
        std::unique_ptr<Process> daemon;
};

TEST_F(HvctlBus, GetsWhatTheHostSet) {
        ASSERT_EQ(host({ "kvp", "set", "Owner", "the host" }).status, 0);
        EXPECT_EQ(kvp({ "get", "Owner" }).output, "the host\n");
        EXPECT_EQ(kvp({ "get", "-v", "Owner" }).output, "Owner  the host  external\n");
}

TEST_F(HvctlBus, SetsWhatTheHostReads) {
        ASSERT_EQ(kvp({ "set", "Report", "done" }).status, 0);
        auto listed = host({ "kvp", "list", "--pool=guest" });
        EXPECT_NE(listed.output.find("Report"), std::string::npos) << listed.output << listed.errors;
}

TEST_F(HvctlBus, HasTheSameNumbersAsOffline) {
        EXPECT_EQ(kvp({ "get", "nothing" }).status, 4);
        EXPECT_EQ(kvp({ "delete", "nothing" }).status, 4);
        EXPECT_EQ(kvp({ "set", "a", "1" }).status, 0);
        EXPECT_EQ(kvp({ "set", "--create-only", "a", "2" }).status, 8);
        EXPECT_EQ(kvp({ "set", "--expect=2", "a", "3" }).status, 8);
        EXPECT_EQ(kvp({ "set", "--expect=1", "a", "3" }).status, 0);
        EXPECT_EQ(kvp({ "set", "--expect=1", "b", "3" }).status, 4);
        EXPECT_EQ(kvp({ "set", "--pool=auto", "a", "1" }).status, 5);
        EXPECT_EQ(kvp({ "get", "a" }).output, "3\n");
        EXPECT_EQ(kvp({ "clear" }).status, 0);
        EXPECT_EQ(kvp({ "get", "--exists", "a" }).status, 4);
}

TEST_F(HvctlBus, LetsLongValuesThroughWhenAsked) {
        std::string value(2047, 'v');
        EXPECT_EQ(kvp({ "set", "a", value }).status, 7);
        EXPECT_EQ(kvp({ "set", "--long", "a", value }).status, 0);
        EXPECT_EQ(kvp({ "get", "a" }).output, value + "\n");
}

TEST_F(HvctlBus, ImportsWhatItExported) {
        std::string text;
        for (int i = 0; i < 1500; i++)
                text += "{\"key\":\"k" + std::to_string(i) + "\",\"value\":\"v\\n" + std::to_string(i) +
                        "\"}\n";
        ASSERT_EQ(kvp({ "import" }, text).status, 0);
        auto exported = kvp({ "export", "-0" });
        ASSERT_EQ(kvp({ "clear" }).status, 0);
        ASSERT_EQ(kvp({ "import", "-0" }, exported.output).status, 0);
        EXPECT_EQ(kvp({ "get", "k1499" }).output, "v\n1499\n");
        EXPECT_EQ(kvp({ "export", "-0" }).output.size(), exported.output.size());
}

TEST_F(HvctlBus, RawShowsTheRecordsOfTheFile) {
        append(1, record("a", "1") + record("a", "2"));
        EXPECT_EQ(kvp({ "list", "--pool=guest", "-0" }).output, std::string("a\0002\0", 4));
        EXPECT_EQ(kvp({ "list", "--pool=guest", "-0", "--raw" }).output, std::string("a\0001\0a\0002\0", 8));
}

TEST_F(HvctlBus, WaitReturnsAtOnceWhenTheKeyIsThere) {
        ASSERT_EQ(kvp({ "set", "Ready", "yes" }).status, 0);
        auto result = kvp({ "wait", "Re*", "--pool=guest", "--timeout=5s" });
        EXPECT_EQ(result.status, 0);
        EXPECT_EQ(result.output, "yes\n");
}

TEST_F(HvctlBus, WaitGivesUpInTime) {
        EXPECT_EQ(kvp({ "wait", "Never", "--timeout=100ms" }).status, 3);
}

TEST_F(HvctlBus, WaitSeesTheHostSetTheKey) {
        auto waiting = begin({ "kvp", "wait", "Go*", "--timeout=20s" });
        EXPECT_EQ(waiting->wait(200ms), -1);
        ASSERT_EQ(host({ "kvp", "set", "Go now", "1" }).status, 0);
        EXPECT_EQ(waiting->wait(), 0);
        EXPECT_EQ(waiting->output(), "1\n");
}

TEST_F(HvctlBus, WaitSeesAnotherProgramAppendTheKey) {
        auto waiting = begin({ "kvp", "wait", "Appended", "--timeout=20s" });
        EXPECT_EQ(waiting->wait(200ms), -1);
        append(1, record("Appended", "x"));
        EXPECT_EQ(waiting->wait(), 0);
        EXPECT_EQ(waiting->output(), "x\n");
}

TEST_F(HvctlBus, WaitSinceAGenerationWantsAChange) {
        ASSERT_EQ(kvp({ "set", "a", "1" }).status, 0);
        auto line = kvp({ "get", "--json=short", "a" }).output;
        auto start = line.find("\"generation\":") + 13;
        auto generation = line.substr(start, line.find('}') - start);
        std::vector<std::string> words = { "wait", "a", "--pool=guest", "--since=" + generation,
                                           "--timeout=200ms" };
        EXPECT_EQ(kvp(words).status, 3) << "nothing has changed";
        ASSERT_EQ(kvp({ "set", "a", "2" }).status, 0);
        EXPECT_EQ(kvp(words).output, "2\n");
        EXPECT_EQ(kvp({ "wait", "a", "--since=1" }).status, 2) << "of which pool?";
}

TEST_F(HvctlBus, WatchPrintsEachChange) {
        auto watching = begin({ "kvp", "watch", "--pool=guest", "--json=short" });
        wait_for_listener(*watching);
        ASSERT_EQ(kvp({ "set", "a", "1\n2" }).status, 0);
        EXPECT_TRUE(wait_until([&] {
                return watching->output().find(
                               "{\"event\":\"set\",\"pool\":\"guest\",\"key\":\"a\",\"value\":\"1\\n2\","
                               "\"origin\":\"bus\"}\n") != std::string::npos;
        })) << watching->output();
        ASSERT_EQ(kvp({ "delete", "a" }).status, 0);
        EXPECT_TRUE(wait_until([&] {
                return watching->output().find(
                               "{\"event\":\"removed\",\"pool\":\"guest\",\"key\":\"a\",\"value\":null") !=
                       std::string::npos;
        })) << watching->output();
}

TEST_F(HvctlBus, WatchSurvivesARestartOfTheService) {
        auto watching = begin({ "kvp", "watch", "--pool=guest" });
        wait_for_listener(*watching);
        daemon->stop();
        append(1, record("meanwhile", "x"));
        start();
        EXPECT_TRUE(wait_until([&] { return watching->output().find("meanwhile") != std::string::npos; }))
                << watching->output() << watching->errors();
}

TEST_F(HvctlBus, MonitorTellsOfServiceChannelAndKeys) {
        auto monitoring = begin({ "monitor", "--json=short" });
        wait_for_listener(*monitoring);
        EXPECT_NE(monitoring->output().find("\"event\":\"appeared\""), std::string::npos);
        EXPECT_NE(monitoring->output().find("\"event\":\"registered\""), std::string::npos);
        daemon->stop();
        EXPECT_TRUE(wait_until(
                [&] { return monitoring->output().find("\"event\":\"vanished\"") != std::string::npos; }));
        start();
        wait_for_listener(*monitoring);
}

TEST_F(HvctlBus, StatusShowsChannelAndPools) {
        auto text = hvctl({ "--bus=" + bus.address() }),
             json = hvctl({ "--bus=" + bus.address(), "status", "-j" });
        EXPECT_EQ(text.status, 0);
        EXPECT_NE(text.output.find("registered"), std::string::npos) << text.output;
        EXPECT_NE(json.output.find("{\"name\":\"kvp\",\"state\":\"registered\",\"transport\":\"socket\""),
                  std::string::npos)
                << json.output;
        EXPECT_NE(json.output.find("{\"name\":\"auto\",\"count\":10,"), std::string::npos) << json.output;
}

TEST_F(HvctlBus, StatusShowsAProblemWithAHint) {
        ASSERT_EQ(unlink((world / "state/.kvp_pool_3").c_str()), 0);
        mkdir((world / "state/.kvp_pool_3").c_str(), 0755);
        EXPECT_TRUE(wait_until([&] {
                auto output = hvctl({ "--bus=" + bus.address() }).output;
                return output.find("PROBLEM") != std::string::npos &&
                       output.find("Hint: ") != std::string::npos;
        }));
}

TEST_F(HvctlBus, WithoutTheServiceIsUnavailable) {
        daemon->stop();
        for (const char *verb : { "list", "export", "clear", "watch" })
                EXPECT_EQ(kvp({ verb }).status, 6) << verb;
        EXPECT_EQ(kvp({ "get", "a" }).status, 6);
        EXPECT_EQ(kvp({ "wait", "a" }).status, 6);
        EXPECT_EQ(hvctl({ "--bus=" + bus.address() }).status, 6);
}

TEST_F(HvctlBus, AServiceThatHangsIsGivenUp) {
        daemon->signal(SIGSTOP);
        auto result = kvp({ "get", "a", "--timeout=200ms" });
        daemon->signal(SIGCONT);
        EXPECT_EQ(result.status, 3);
        EXPECT_NE(result.errors.find("did not answer in time"), std::string::npos);
}

TEST_F(HvctlBus, CompletionOffersLiveKeysAndDoesNotWaitLong) {
        ASSERT_EQ(kvp({ "set", "Zebra", "1" }).status, 0);
        auto address = "--bus=" + bus.address();
        std::vector<std::string> words = { "--complete-args", "4", "hvctl", address, "kvp", "get", "Ze" };
        EXPECT_EQ(hvctl(words).output, "Zebra\n");
        daemon->signal(SIGSTOP);
        auto before = std::chrono::steady_clock::now();
        EXPECT_EQ(hvctl(words).output, "");
        EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
        daemon->signal(SIGCONT);
}
