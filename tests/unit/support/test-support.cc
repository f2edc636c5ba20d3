/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"
#include "tests/support/wait-until.hh"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace std::chrono_literals;

TEST(TemporaryDirectory, GoesWithAllThatIsInIt) {
        std::string path;

        {
                TemporaryDirectory directory;
                path = directory.path();
                EXPECT_EQ(read_file(directory.write("a/b", "text")), "text");
        }
        EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(Process, GivesStatusOutputAndErrors) {
        ProcessResult result = run({ "sh", "-c", "cat; echo \"$GREETING\" >&2; exit 7" },
                                   { { { "GREETING", "hello" } }, "typed", {}, {} });

        EXPECT_EQ(result.status, 7);
        EXPECT_EQ(result.output, "typed");
        EXPECT_EQ(result.errors, "hello\n");
}

TEST(Process, SaysWhenAProgramIsMissing) {
        ProcessResult result = run({ "/nonexistent/program" });

        EXPECT_EQ(result.status, 127);
        EXPECT_EQ(result.errors, "cannot run /nonexistent/program: No such file or directory\n");
}

TEST(Process, IsStillRunningWhenTheTimeIsOver) {
        Process process({ "sleep", "60" });

        EXPECT_EQ(process.wait(1ms), -1);
        EXPECT_TRUE(process.running());
        EXPECT_EQ(process.stop(), 128 + SIGTERM);
        EXPECT_FALSE(process.running());
}

TEST(Process, IsKilledWhenItDoesNotStop) {
        Process process({ "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 60 & wait; done" });

        ASSERT_TRUE(wait_until([&] { return process.output() == "ready\n"; }));
        EXPECT_EQ(process.stop(10ms), 128 + SIGKILL);
}

TEST(Process, DoesNotOutliveItsObject) {
        pid_t pid;

        {
                Process process({ "sleep", "60" });
                pid = process.pid();
        }
        EXPECT_EQ(kill(pid, 0), -1);
}

TEST(Process, RunsAsAnotherUser) {
        if (geteuid() != 0)
                GTEST_SKIP() << "needs root";

        EXPECT_EQ(run({ "id", "-u" }, { {}, {}, {}, 65534 }).output, "65534\n");
}

TEST(WaitUntil, ReturnsTheLastAnswer) {
        int asked = 0;

        EXPECT_TRUE(wait_until([&] { return ++asked == 3; }, 10s));
        EXPECT_EQ(asked, 3);
        EXPECT_FALSE(wait_until([] { return false; }, 5ms));
}
