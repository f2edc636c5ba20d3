/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl transfer with the real daemons, a bus and the emulated host, which copies files. */

#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/integration/hvctl/hvctl.hh"
#include "tests/support/emulated-host.hh"
#include "tests/support/private-bus.hh"
#include "tests/support/wait-until.hh"

class HvctlTransfer : public testing::Test {
      protected:
        void SetUp() override {
                std::ofstream(world / "conf") << "[Transfer]\nAccept=always\n";
                for (const char *name : { "run", "data", "to" })
                        ASSERT_EQ(mkdir((world / name).c_str(), 0755), 0);
                transferd = start("hvutils-transferd", { "--channel=" + host.channel("hv_fcopy"),
                                                         "--data-directory=" + (world / "data") });
                hvutilsd = start("hvutilsd", { "--channel=" + host.channel(), "--bus=" + bus.address() });
                ASSERT_EQ(host({ "wait-registered", "fcopy" }).status, 0);
                ASSERT_TRUE(wait_until([this] { return bus.has_name("org.hyperv.Utils"); }));
        }
        void TearDown() override {
                if (HasFailure() && transferd)
                        fprintf(stderr, "--- transferd said:\n%s---\n", transferd->errors().c_str());
        }
        std::unique_ptr<Process> start(const std::string &program, std::vector<std::string> more) {
                std::vector<std::string> words = { std::string(getenv("HVUTILS_BUILD_DIR")) + "/service/" +
                                                           program,
                                                   "--config=" + (world / "conf"),
                                                   "--state-directory=" + (world / "state"),
                                                   "--runtime-directory=" + (world / "run") };
                words.insert(words.end(), more.begin(), more.end());
                return std::make_unique<Process>(words);
        }
        ProcessResult transfer(std::vector<std::string> arguments) const {
                arguments.insert(arguments.begin(), { "--bus=" + bus.address(), "transfer" });
                return hvctl(arguments);
        }
        void copy(const std::string &name, const std::string &bytes) {
                auto copied = host({ "copy", world.write(name, bytes), (world / "to") + "/" });
                ASSERT_EQ(copied.status, 0) << copied.errors;
        }
        bool lists(const std::string &text) const {
                return wait_until(
                        [&] { return transfer({ "list" }).output.find(text) != std::string::npos; });
        }
        std::string number() const {
                return transfer({ "list", "--no-legend" }).output.substr(0, 20);
        }

        TemporaryDirectory world;
        PrivateBus bus;
        EmulatedHost host;
        std::unique_ptr<Process> transferd, hvutilsd;
};

TEST_F(HvctlTransfer, ListsWhatTheHostCopied) {
        copy("report.txt", std::string(20000, 'x'));
        EXPECT_TRUE(lists("report.txt"));
        auto json = transfer({ "list", "--json=short" }).output;
        EXPECT_NE(json.find("\"state\":\"complete\""), std::string::npos) << json;
        EXPECT_NE(json.find("\"received\":20000"), std::string::npos) << json;
}

TEST_F(HvctlTransfer, WatchPrintsAnObjectALine) {
        Process watch({ hvctl_path(), "--bus=" + bus.address(), "transfer", "watch" });
        int n = 0;
        EXPECT_TRUE(wait_until([&] {
                copy("part" + std::to_string(n++), "abc");
                return watch.output().find("\"complete\"") != std::string::npos;
        })) << watch.errors();
        EXPECT_EQ(watch.output().substr(0, 10), "{\"number\":");
}

TEST_F(HvctlTransfer, WhatIsOverCannotBeCancelled) {
        copy("report.txt", "x");
        ASSERT_TRUE(lists("report.txt"));
        std::string first = std::to_string(strtoull(number().c_str(), nullptr, 10));
        EXPECT_EQ(transfer({ "show", first }).status, 0);
        EXPECT_EQ(transfer({ "cancel", first }).status, 4);
}

TEST_F(HvctlTransfer, UnknownNumberIsNotFound) {
        EXPECT_EQ(transfer({ "show", "4711" }).status, 4);
        EXPECT_EQ(transfer({ "show", "first" }).status, 4);
}
