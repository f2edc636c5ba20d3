/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real hvutilsd between a driver and a bus: what one side does, the other sees; what becomes of the bus,
 * the host does not notice. */
#include <filesystem>
#include <gtest/gtest.h>

#include "common/names.h"
#include "tests/bus/service.hh"
#include "tests/support/fake-driver.hh"
#include "tests/support/fake-hostnamed.hh"
#include "tests/support/process.hh"

class DaemonOnTheBus : public testing::Test {
      protected:
        static constexpr unsigned external = 0, guest = 1;

        void SetUp() override {
                std::filesystem::create_directory(world_ / "state");
                std::filesystem::create_directory(world_ / "run");
                daemon_ = std::make_unique<Process>(std::vector<std::string>{
                        std::string(g_getenv("HVUTILS_BUILD_DIR")) + "/service/hvutilsd",
                        "--channel=" + (world_ / "kvp"), "--config=" + world_.write("hvutils.conf", ""),
                        "--state-directory=" + (world_ / "state"), "--runtime-directory=" + (world_ / "run"),
                        "--bus=" + bus_.address(), "--time-scale=0.1" });
                ASSERT_TRUE(driver_.register_daemon());
                ASSERT_TRUE(wait_until([this] { return bus_.has_name(HVUTILS_BUS_NAME); }));
        }
        void TearDown() override {
                if (HasFailure() && daemon_)
                        fprintf(stderr, "--- hvutilsd said:\n%s---\n", daemon_->errors().c_str());
        }
        Answer get(const char *pool, const char *key) {
                g_autoptr(sd_bus) bus = bus_.connect();
                Answer answer = call(bus, pool, "Get", { key });
                sd_bus_close(bus);
                return answer;
        }

        TemporaryDirectory world_;
        PrivateBus bus_;
        FakeKvpDriver driver_{ world_ / "kvp" };
        std::unique_ptr<Process> daemon_;
};

TEST_F(DaemonOnTheBus, ShowsWhatTheHostSets) {
        EXPECT_EQ(driver_.set(external, "Owner", "me"), WIRE_STATUS_OK);
        EXPECT_EQ(get("external", "Owner").text, "me");
}

TEST_F(DaemonOnTheBus, TellsTheHostWhatACallerSets) {
        if (getuid() != 0)
                GTEST_SKIP() << "needs uid 0, there is no polkit here";
        g_autoptr(sd_bus) bus = bus_.connect();
        EXPECT_TRUE(call(bus, "guest", "Set", { "App", "up" }).ok());
        EXPECT_EQ(call(bus, "auto", "Set", { "App", "up" }).error, "ReadOnly");
        EXPECT_EQ(set_if(bus, "guest", "App", "down", "", 1).error, "Exists");
        sd_bus_close(bus);
        auto pairs = driver_.enumerate(guest);
        ASSERT_EQ(pairs.size(), 1u);
        EXPECT_EQ(pairs[0], std::make_pair(std::string("App"), std::string("up")));
}

TEST_F(DaemonOnTheBus, AnswersTheHostWhileTheBusIsStopped) {
        EXPECT_EQ(driver_.set(external, "Owner", "me"), WIRE_STATUS_OK);
        bus_.daemon().signal(SIGSTOP);
        for (int i = 0; i < 1000; i++)
                ASSERT_EQ(driver_.set(external, "n" + std::to_string(i), "v"), WIRE_STATUS_OK);
        EXPECT_EQ(driver_.get(external, "Owner").value, "me");
        bus_.daemon().signal(SIGCONT);
        EXPECT_EQ(get("external", "n999").text, "v");
}

TEST_F(DaemonOnTheBus, AnswersTheHostWhileTheBusDiesAHundredTimes) {
        EXPECT_EQ(driver_.set(external, "Owner", "me"), WIRE_STATUS_OK);
        for (int i = 0; i < 100; i++) {
                bus_.stop();
                ASSERT_EQ(driver_.get(external, "Owner").value, "me") << "round " << i;
                bus_.start();
                ASSERT_EQ(driver_.set(external, "Round", std::to_string(i)), WIRE_STATUS_OK) << "round " << i;
        }
        EXPECT_TRUE(wait_until([this] { return bus_.has_name(HVUTILS_BUS_NAME); }));
        EXPECT_EQ(get("external", "Round").text, "99");
}

TEST_F(DaemonOnTheBus, SaysThatAnotherDaemonWrites) {
        if (getuid() != 0)
                GTEST_SKIP() << "needs uid 0, there is no polkit here";
        EXPECT_EQ(driver_.set(external, "Owner", "me"), WIRE_STATUS_OK);
        PrivateBus other;
        Process second({ std::string(g_getenv("HVUTILS_BUILD_DIR")) + "/service/hvutilsd",
                         "--channel=" + (world_ / "kvp"), "--config=" + (world_ / "hvutils.conf"),
                         "--state-directory=" + (world_ / "state"), "--runtime-directory=" + (world_ / "run"),
                         "--bus=" + other.address() });
        ASSERT_TRUE(wait_until([&] { return other.has_name(HVUTILS_BUS_NAME); }));

        g_autoptr(sd_bus) bus = other.connect();
        Answer answer = call(bus, "guest", "Set", { "App", "up" });
        EXPECT_EQ(answer.error, "Storage");
        EXPECT_NE(answer.message.find("Another daemon holds the redo file."), std::string::npos)
                << answer.message;
        EXPECT_TRUE(wait_until([&] { return call(bus, "external", "Get", { "Owner" }).text == "me"; }));
        sd_bus_close(bus);
        EXPECT_EQ(driver_.enumerate(guest).size(), 0u);
}

TEST_F(DaemonOnTheBus, TellsTheHostTheFullNameThatHostnamedKnows) {
        auto full_name = [this] { return driver_.get(2, "FullyQualifiedDomainName").value; };
        const std::string before = full_name();
        FakeHostnamed hostnamed(bus_, "vm.example.org");
        EXPECT_TRUE(wait_until([&] { return full_name() == "vm.example.org"; })) << full_name();

        g_autoptr(sd_bus) bus = bus_.connect();
        EXPECT_TRUE(FakeHostnamed::rename(bus, "other.example.org"));
        EXPECT_TRUE(wait_until([&] { return full_name() == "other.example.org"; })) << full_name();
        EXPECT_TRUE(FakeHostnamed::rename(bus, "short"));
        EXPECT_TRUE(wait_until([&] { return full_name() == before; })) << full_name();
        sd_bus_close(bus);
}
