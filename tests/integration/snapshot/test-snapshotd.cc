/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>

#include <dirent.h>
#include <fstream>
#include <memory>

#include "service/link/fields.h"
#include "service/link/link.h"
#include "tests/integration/snapshot/loop-mounts.hh"
#include "tests/support/fake-vss-driver.hh"
#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"
#include "tests/support/wait-until.hh"

/* The real daemon, a host played by the test, real file systems on loop devices. */

namespace {

using namespace std::chrono_literals;

class Snapshotd : public ::testing::Test {
      protected:
        static void SetUpTestSuite() {
                entered = enter_own_mounts();
        }
        void SetUp() override {
                if (!entered)
                        GTEST_SKIP() << "needs root and a mount namespace";
        }

        void start(const std::vector<std::string> &types, const std::string &more = "", double scale = 1) {
                mounts = std::make_unique<LoopMounts>(types);
                start_daemon(more, scale);
                ASSERT_TRUE(driver.register_daemon()) << daemon->errors();
        }
        void start_daemon(const std::string &more = "", double scale = 1) {
                std::string config = directory.write(
                        "hvutils.conf", "[Snapshot]\nOnly=" + mounts->all_points() + "\n" + more + "\n");
                daemon = std::make_unique<Process>(std::vector<std::string>{
                        SNAPSHOTD, "--channel=" + (directory / "vss"), "--config=" + config,
                        "--runtime-directory=" + (directory / "run"),
                        "--history-directory=" + (directory / "history"),
                        "--time-scale=" + std::to_string(scale) });
        }

        WireStatus freeze() {
                return driver.ask(VSS_OPERATION_FREEZE);
        }
        WireStatus thaw() {
                return driver.ask(VSS_OPERATION_THAW);
        }
        bool all_writable() const {
                for (size_t i = 0; i < mounts->size(); i++)
                        if (!mounts->writable(i))
                                return false;
                return true;
        }
        bool none_writable() const {
                for (size_t i = 0; i < mounts->size(); i++)
                        if (mounts->writable(i, 60))
                                return false;
                return true;
        }
        /* The processes that the daemon has forked, by the name they gave themselves. */
        pid_t helper(const std::string &name) const {
                std::ifstream children("/proc/" + std::to_string(daemon->pid()) + "/task/" +
                                       std::to_string(daemon->pid()) + "/children");
                for (pid_t pid; children >> pid;) {
                        std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
                        std::string word;
                        if (std::getline(comm, word) && word == name.substr(0, 15))
                                return pid;
                }
                return -1;
        }
        size_t descriptors() const {
                std::string path = "/proc/" + std::to_string(daemon->pid()) + "/fd";
                DIR *dir = opendir(path.c_str());
                size_t n = 0;
                while (dir && readdir(dir))
                        n++;
                if (dir)
                        closedir(dir);
                return n;
        }
        bool record_exists() const {
                return access((directory / "run/frozen").c_str(), F_OK) == 0;
        }

        inline static bool entered = false;
        TemporaryDirectory directory;
        std::unique_ptr<LoopMounts> mounts;
        FakeVssDriver driver{ directory / "vss" };
        std::unique_ptr<Process> daemon;
};

TEST_F(Snapshotd, FreezesForTheHostAndThawsWhenItSays) {
        start({ "ext4", "xfs", "btrfs" });
        EXPECT_EQ(driver.ask(VSS_OPERATION_HOT_BACKUP), WIRE_STATUS_OK);
        ASSERT_EQ(freeze(), WIRE_STATUS_OK) << daemon->errors();
        EXPECT_TRUE(record_exists());
        EXPECT_TRUE(none_writable());
        EXPECT_EQ(thaw(), WIRE_STATUS_OK);
        EXPECT_TRUE(all_writable());
        EXPECT_TRUE(wait_until([&] { return !record_exists(); }));
        EXPECT_EQ(thaw(), WIRE_STATUS_FAIL);
}

TEST_F(Snapshotd, FreezesAFileSystemInAFileBeforeTheOneItLiesOn) {
        mounts = std::make_unique<LoopMounts>(std::vector<std::string>{ "ext4" });
        mounts->add("ext4", mounts->point(0));
        start_daemon();
        ASSERT_TRUE(driver.register_daemon());
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        EXPECT_TRUE(none_writable());
        EXPECT_EQ(thaw(), WIRE_STATUS_OK);
        EXPECT_TRUE(all_writable());
}

TEST_F(Snapshotd, RefusesASecondFreezeAndOneWhileSwitchedOff) {
        start({ "ext4" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        EXPECT_EQ(freeze(), WIRE_STATUS_FAIL);
        EXPECT_EQ(thaw(), WIRE_STATUS_OK);
        daemon->stop();
        start_daemon("Enabled=no");
        ASSERT_TRUE(driver.register_daemon());
        EXPECT_EQ(driver.ask(VSS_OPERATION_HOT_BACKUP), WIRE_STATUS_FAIL);
        EXPECT_EQ(freeze(), WIRE_STATUS_FAIL);
}

TEST_F(Snapshotd, LeavesAStrangersFreezeAlone) {
        /* Writing back waits for the stranger, so the budget is used up. */
        start({ "ext4", "xfs" }, "PrepareMax=1s");
        ASSERT_TRUE(mounts->freeze(0));
        EXPECT_EQ(freeze(), WIRE_STATUS_OK);
        EXPECT_EQ(thaw(), WIRE_STATUS_OK);
        EXPECT_TRUE(mounts->writable(1));
        EXPECT_FALSE(mounts->writable(0, 60));
        EXPECT_TRUE(mounts->thaw(0));
}

TEST_F(Snapshotd, ThawsByTheWatchdogAndRefusesTheLateThaw) {
        start({ "ext4", "xfs" }, "Watchdog=1s");
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        EXPECT_TRUE(wait_until([&] { return !record_exists(); }, 3s));
        EXPECT_TRUE(all_writable());
        EXPECT_EQ(thaw(), WIRE_STATUS_FAIL);
}

TEST_F(Snapshotd, ThawsWhenItIsKilledWhileFrozen) {
        start({ "ext4", "xfs", "btrfs" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        daemon->kill();
        EXPECT_TRUE(wait_until([&] { return !record_exists(); }, 500ms));
        EXPECT_TRUE(all_writable());
}

TEST_F(Snapshotd, ThawsWhenItIsStoppedForEver) {
        start({ "ext4", "xfs" }, "Watchdog=1s");
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        daemon->signal(SIGSTOP);
        EXPECT_TRUE(wait_until([&] { return !record_exists(); }, 3s));
        EXPECT_TRUE(all_writable());
        daemon->signal(SIGCONT);
        EXPECT_EQ(thaw(), WIRE_STATUS_FAIL);
}

TEST_F(Snapshotd, ThawsWhenItIsTerminated) {
        start({ "ext4" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        EXPECT_EQ(daemon->stop(), 0);
        EXPECT_FALSE(record_exists());
        EXPECT_TRUE(all_writable());
}

TEST_F(Snapshotd, KeepsTheTimeWhenTheGuardianIsGone) {
        for (int number : { SIGKILL, SIGSTOP }) {
                start({ "ext4" }, "Watchdog=1s");
                ASSERT_EQ(freeze(), WIRE_STATUS_OK);
                pid_t guardian = helper("hvutils-guardian");
                ASSERT_GT(guardian, 0);
                kill(guardian, number);
                EXPECT_TRUE(wait_until([&] { return !record_exists(); }, 3s));
                EXPECT_TRUE(all_writable());
                EXPECT_EQ(freeze(), WIRE_STATUS_OK);
                EXPECT_EQ(thaw(), WIRE_STATUS_OK);
                daemon->stop();
        }
}

TEST_F(Snapshotd, AGuardianIsNotMovedBySigterm) {
        start({ "ext4" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        kill(helper("hvutils-guardian"), SIGTERM);
        EXPECT_FALSE(mounts->writable(0, 100));
        EXPECT_EQ(thaw(), WIRE_STATUS_OK);
}

TEST_F(Snapshotd, ThawsWhenTheChannelIsLost) {
        start({ "ext4" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        driver.withdraw();
        EXPECT_TRUE(wait_until([&] { return !record_exists(); }));
        EXPECT_TRUE(all_writable());
}

TEST_F(Snapshotd, ThawsFromTheRecordAlone) {
        start({ "ext4", "xfs" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        kill(helper("hvutils-guardian"), SIGKILL);
        daemon->kill();
        ASSERT_TRUE(record_exists());
        EXPECT_FALSE(mounts->writable(0, 60));
        ProcessResult thawed = run({ SNAPSHOTD, "--thaw", "--runtime-directory=" + (directory / "run") });
        EXPECT_EQ(thawed.status, 0) << thawed.errors;
        EXPECT_FALSE(record_exists());
        EXPECT_TRUE(all_writable());
}

TEST_F(Snapshotd, ThawsAtItsStartWhatTheRecordLists) {
        start({ "ext4" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        kill(helper("hvutils-guardian"), SIGKILL);
        daemon->kill();
        start_daemon();
        ASSERT_TRUE(driver.register_daemon());
        EXPECT_TRUE(all_writable());
        EXPECT_FALSE(record_exists());
}

TEST_F(Snapshotd, LeaksNothingInManyCycles) {
        const char *cycles = getenv("HVUTILS_CYCLES");
        int n = cycles ? atoi(cycles) : 200;

        start({ "ext4", "xfs" });
        ASSERT_EQ(freeze(), WIRE_STATUS_OK);
        ASSERT_EQ(thaw(), WIRE_STATUS_OK);
        size_t before = descriptors();
        for (int i = 0; i < n; i++) {
                ASSERT_EQ(freeze(), WIRE_STATUS_OK) << i << daemon->errors();
                ASSERT_EQ(thaw(), WIRE_STATUS_OK) << i;
        }
        EXPECT_TRUE(wait_until([&] { return descriptors() == before; })) << descriptors() << " " << before;
}

} // namespace
