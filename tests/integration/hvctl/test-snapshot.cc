/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl snapshot …, on a real bus, with a snapshot daemon behind it that freezes nothing. */

#include <csignal>
#include <gtest/gtest.h>
#include <memory>

#include "common/names.h"
#include "tests/bus/fake-snapshotd.hh"
#include "tests/bus/service.hh"
#include "tests/integration/hvctl/hvctl.hh"
#include "tests/support/fake-polkit.hh"
#include "tests/support/wait-until.hh"

class HvctlSnapshot : public testing::Test {
      protected:
        void SetUp() override {
                snapshotd = Child([this] {
                        return FakeSnapshotd(directory / "snapshot", directory / "diary", 2).serve();
                });
                service = std::make_unique<Service>(bus, nullptr, 0.1, (uid_t) -1, directory / "snapshot");
                ASSERT_TRUE(wait_until([&] { return snapshot({ "status" }).status == 0; }));
        }
        ProcessResult snapshot(std::vector<std::string> arguments) const {
                arguments.insert(arguments.begin(), { "--bus=" + bus.address(), "snapshot" });
                return hvctl(arguments);
        }
        std::unique_ptr<Process> begin(std::vector<std::string> arguments) const {
                arguments.insert(arguments.begin(), { hvctl_path(), "--bus=" + bus.address(), "snapshot" });
                return std::make_unique<Process>(arguments);
        }
        std::string diary() const {
                return access((directory / "diary").c_str(), F_OK) < 0 ? "" : read_file(directory / "diary");
        }
        bool status_becomes(int status) const {
                return wait_until([&] { return snapshot({ "status" }).status == status; });
        }
        static bool has(const std::string &text, const std::string &part) {
                return text.find(part) != std::string::npos;
        }

        PrivateBus bus;
        FakePolkit polkit{ bus };
        TemporaryDirectory directory;
        Child snapshotd;
        std::unique_ptr<Service> service;
};

TEST_F(HvctlSnapshot, StatusTellsByItsNumberThatFileSystemsAreFrozen) {
        EXPECT_TRUE(has(snapshot({ "status", "--json=short" }).output, "\"state\":\"idle\""));
        snapshotd.signal(SIGUSR1);
        EXPECT_TRUE(status_becomes(9));
        EXPECT_TRUE(has(snapshot({ "status", "--json=short" }).output, "\"frozen_since\":5000000"));
        snapshotd.signal(SIGUSR2);
        EXPECT_TRUE(status_becomes(0));
}

TEST_F(HvctlSnapshot, StatusTellsByItsNumberThatNoSnapshotCanBeTaken) {
        snapshotd.end();
        EXPECT_TRUE(status_becomes(6));
}

TEST_F(HvctlSnapshot, PlanNamesWhatIsLeftOutAndWhy) {
        EXPECT_EQ(snapshot({ "plan", "--json=short" }).output,
                  "[{\"mount\":\"/home\",\"action\":\"freeze\",\"reason\":\"\"},"
                  "{\"mount\":\"/proc\",\"action\":\"skip\",\"reason\":\"pseudo\"}]\n");
}

TEST_F(HvctlSnapshot, ShowsAPastSnapshot) {
        auto list = snapshot({ "list", "--json=short" });
        EXPECT_TRUE(has(list.output, "[{\"number\":101,\"started\":1000000,")) << list.output << list.errors;
        EXPECT_TRUE(has(list.output, "{\"number\":102,"));
        auto shown = snapshot({ "show", "101", "--json=short" });
        EXPECT_TRUE(has(shown.output, "\"file_systems\":[{\"mount\":\"/\",\"source\":\"/dev/sda1\","
                                      "\"type\":\"ext4\",\"usec\":77}]"))
                << shown.output << shown.errors;
        EXPECT_TRUE(has(snapshot({ "show" }).output, "102"));
        EXPECT_EQ(snapshot({ "show", "7" }).status, 4);
        EXPECT_EQ(snapshot({ "show", "x" }).status, 2);
}

TEST_F(HvctlSnapshot, FreezeLastsAsLongAsItsCommand) {
        auto result = snapshot({ "freeze", "/home", "--for=20s", "--", "sh", "-c", "exit 7" });
        EXPECT_EQ(result.status, 7) << result.errors;
        EXPECT_EQ(diary(), "freeze /home 22000000\nready signal\nready gate\nthaw\n");
}

TEST_F(HvctlSnapshot, FreezeWithoutCommandEndsAtTheTime) {
        EXPECT_EQ(snapshot({ "freeze", "--for=50ms" }).status, 0);
        EXPECT_TRUE(has(diary(), "thaw"));
}

TEST_F(HvctlSnapshot, CommandThatOutlivesTheTimeHasANumber) {
        auto result = snapshot({ "freeze", "--for=50ms", "--", "sleep", "0.3" });
        EXPECT_EQ(result.status, 3);
        EXPECT_TRUE(has(result.errors, "still runs")) << result.errors;
}

TEST_F(HvctlSnapshot, FreezeEndsOnASignal) {
        auto client = begin({ "freeze" });
        ASSERT_TRUE(status_becomes(9));
        client->signal(SIGTERM);
        EXPECT_EQ(client->wait(), 128 + SIGTERM);
        /* A signal that comes before hvctl has heard of the freeze ends it with the connection. */
        EXPECT_TRUE(wait_until([&] { return has(diary(), "thaw") || has(diary(), "release"); }));
        EXPECT_TRUE(status_becomes(0));
}

TEST_F(HvctlSnapshot, FreezeEndsWithAKilledHvctl) {
        auto client = begin({ "freeze" });
        ASSERT_TRUE(status_becomes(9));
        client->signal(SIGKILL);
        EXPECT_TRUE(status_becomes(0));
        EXPECT_TRUE(has(diary(), "release"));
}

TEST_F(HvctlSnapshot, ThawByAnotherIsAFailureOfTheCommand) {
        /* The command runs once hvctl has heard of the freeze. */
        auto client = begin({ "freeze", "--", "sh", "-c", "echo runs; sleep 1" });
        ASSERT_TRUE(wait_until([&] { return has(client->output(), "runs"); }));
        snapshotd.signal(SIGUSR2);
        EXPECT_EQ(client->wait(), 1);
        EXPECT_TRUE(has(client->errors(), "thawed too early")) << client->errors();
}

TEST_F(HvctlSnapshot, RefusalsHaveNumbers) {
        EXPECT_EQ(snapshot({ "freeze", "/missing", "--", "true" }).status, 4);
        EXPECT_EQ(snapshot({ "freeze", "/proc", "--", "true" }).status, 7);
        EXPECT_EQ(snapshot({ "freeze", "/busy", "--", "true" }).status, 3);
}

TEST_F(HvctlSnapshot, ThawNeedsNoBus) {
        snapshotd.signal(SIGUSR1);
        ASSERT_TRUE(status_becomes(9));
        auto result = hvctl({ "snapshot", "thaw", directory / "snapshot" });
        EXPECT_EQ(result.status, 0) << result.errors;
        EXPECT_TRUE(has(result.errors, "broken"));
        EXPECT_TRUE(status_becomes(0));
        EXPECT_EQ(hvctl({ "snapshot", "thaw", directory / "nothing" }).status, 6);
}

TEST_F(HvctlSnapshot, InhibitLastsAsLongAsItsCommand) {
        auto client = begin({ "inhibit", "--who=me", "--why=work", "--", "sleep", "100" });
        auto holds = [&] {
                return has(snapshot({ "status", "--json=short" }).output, "\"who\":\"me\",\"why\":\"work\"");
        };
        EXPECT_TRUE(wait_until(holds));
        client->signal(SIGINT);
        EXPECT_EQ(client->wait(), 128 + SIGINT);
        EXPECT_TRUE(wait_until([&] { return !holds(); }));
        EXPECT_EQ(snapshot({ "inhibit", "false" }).status, 1);
}

TEST_F(HvctlSnapshot, WatchPrintsTheStates) {
        auto client = begin({ "watch", "--json=short" });
        /* Until it listens: snapshots again and again. */
        EXPECT_TRUE(wait_until([&] {
                snapshotd.signal(SIGUSR1);
                status_becomes(9);
                snapshotd.signal(SIGUSR2);
                status_becomes(0);
                return has(client->output(), "\"state\":\"idle\"") &&
                       has(client->output(), "\"state\":\"frozen\"");
        })) << client->errors();
}
