/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/sink.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "service/transfer/ranges.h"
#include "tests/support/temporary-directory.hh"

namespace {

class TransferSink : public testing::Test {
      protected:
        TemporaryDirectory world, state;
        Journal *journal = journal_new(state.path().c_str());
        Sink *sink = nullptr;

        void TearDown() override {
                sink_free(sink);
                journal_free(journal);
        }

        TransferOutcome open(const std::string &name, uint64_t size, bool overwrite = false,
                             mode_t mode = 0640) {
                SinkSetup setup = { size, overwrite, mode, geteuid(), getegid(), journal };
                PathTarget target = { ::open(world.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC),
                                      g_strdup(world.path().c_str()), g_strdup(name.c_str()) };

                return sink_new(&setup, &target, &sink);
        }
        TransferOutcome write(uint64_t offset, const std::string &text) {
                return sink_write(sink, offset, text.data(), text.size());
        }
        unsigned entries() const {
                unsigned n = 0;
                DIR *directory = opendir(world.path().c_str());
                while (readdir(directory))
                        n++;
                closedir(directory);
                return n - 2;
        }
        void close() {
                sink = sink_free(sink);
        }
        bool journal_is_empty() const {
                return access((state / JOURNAL_FILE).c_str(), F_OK) < 0;
        }
};

TEST_F(TransferSink, ShowsAFileOnlyWhenItIsWhole) {
        struct stat st;

        ASSERT_EQ(open("name", 6), TRANSFER_OK);
        ASSERT_EQ(write(0, "abc"), TRANSFER_OK);
        EXPECT_EQ(access((world / "name").c_str(), F_OK), -1);
        ASSERT_EQ(write(3, "def"), TRANSFER_OK);
        ASSERT_EQ(sink_commit(sink), TRANSFER_OK);
        EXPECT_EQ(read_file(world / "name"), "abcdef");
        ASSERT_EQ(stat((world / "name").c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, 0640u);
        EXPECT_EQ(entries(), 1u);
        EXPECT_TRUE(journal_is_empty());
}

TEST_F(TransferSink, TakesFragmentsInAnyOrderAndTwice) {
        ASSERT_EQ(open("name", 6), TRANSFER_OK);
        EXPECT_EQ(write(4, "ef"), TRANSFER_OK);
        EXPECT_EQ(write(0, "xbx"), TRANSFER_OK);
        EXPECT_EQ(sink_received(sink), 5u);
        EXPECT_EQ(write(0, "abcd"), TRANSFER_OK);
        EXPECT_EQ(sink_received(sink), 6u);
        EXPECT_EQ(sink_commit(sink), TRANSFER_OK);
        EXPECT_EQ(read_file(world / "name"), "abcdef");
}

TEST_F(TransferSink, RefusesAFileWithAGap) {
        ASSERT_EQ(open("name", 6), TRANSFER_OK);
        EXPECT_EQ(write(0, "ab"), TRANSFER_OK);
        EXPECT_EQ(write(3, "def"), TRANSFER_OK);
        EXPECT_EQ(sink_commit(sink), TRANSFER_E_INCOMPLETE);
        close();
        EXPECT_EQ(entries(), 0u);
}

TEST_F(TransferSink, RefusesWhatLiesBehindTheAnnouncedSize) {
        ASSERT_EQ(open("name", 6), TRANSFER_OK);
        EXPECT_EQ(write(4, "efg"), TRANSFER_E_FRAGMENT);
        EXPECT_EQ(write(UINT64_MAX - 1, "efg"), TRANSFER_E_FRAGMENT);
        EXPECT_EQ(write(7, ""), TRANSFER_E_FRAGMENT);
}

TEST_F(TransferSink, RefusesAFileInTooManyPieces) {
        TransferOutcome outcome = TRANSFER_OK;

        ASSERT_EQ(open("name", 1 << 20), TRANSFER_OK);
        for (uint64_t i = 0; i < RANGES_MAX; i++)
                ASSERT_EQ(write(i * 2, "x"), TRANSFER_OK);
        outcome = write(RANGES_MAX * 2, "x");
        EXPECT_EQ(outcome, TRANSFER_E_FRAGMENT);
        EXPECT_EQ(write(1, "x"), TRANSFER_OK) << "what joins two pieces is welcome";
}

TEST_F(TransferSink, AcceptsAnEmptyFile) {
        ASSERT_EQ(open("name", 0), TRANSFER_OK);
        EXPECT_EQ(sink_commit(sink), TRANSFER_OK);
        EXPECT_EQ(read_file(world / "name"), "");
}

TEST_F(TransferSink, RefusesMoreThanThereIsRoomForBeforeTheFirstByte) {
        EXPECT_EQ(open("name", UINT64_C(1) << 50), TRANSFER_E_DISK_FULL);
        EXPECT_EQ(open("name", UINT64_MAX), TRANSFER_E_DISK_FULL);
        EXPECT_EQ(entries(), 0u);
        EXPECT_TRUE(journal_is_empty());
}

TEST_F(TransferSink, ReplacesOnlyWhenAskedTo) {
        world.write("name", "old");
        EXPECT_EQ(open("name", 3), TRANSFER_E_EXISTS);
        ASSERT_EQ(open("name", 3, true), TRANSFER_OK);
        ASSERT_EQ(write(0, "new"), TRANSFER_OK);
        EXPECT_EQ(read_file(world / "name"), "old");
        ASSERT_EQ(sink_commit(sink), TRANSFER_OK);
        EXPECT_EQ(read_file(world / "name"), "new");
        EXPECT_EQ(entries(), 1u);
}

TEST_F(TransferSink, DoesNotReplaceAFileThatAppearedMeanwhile) {
        ASSERT_EQ(open("name", 3), TRANSFER_OK);
        ASSERT_EQ(write(0, "new"), TRANSFER_OK);
        world.write("name", "other");
        EXPECT_EQ(sink_commit(sink), TRANSFER_E_EXISTS);
        close();
        EXPECT_EQ(read_file(world / "name"), "other");
        EXPECT_EQ(entries(), 1u);
}

TEST_F(TransferSink, LeavesTheOtherNameOfAFileAlone) {
        world.write("secret", "secret");
        ASSERT_EQ(::link((world / "secret").c_str(), (world / "name").c_str()), 0);
        ASSERT_EQ(open("name", 3, true), TRANSFER_OK);
        ASSERT_EQ(write(0, "new"), TRANSFER_OK);
        ASSERT_EQ(sink_commit(sink), TRANSFER_OK);
        EXPECT_EQ(read_file(world / "secret"), "secret");
        EXPECT_EQ(read_file(world / "name"), "new");
}

TEST_F(TransferSink, IsNeverALinkADeviceOrAFifo) {
        world.write("secret", "secret");
        ASSERT_EQ(symlink("secret", (world / "link").c_str()), 0);
        ASSERT_EQ(mkfifo((world / "fifo").c_str(), 0600), 0);
        ASSERT_EQ(mkdir((world / "directory").c_str(), 0755), 0);
        for (const char *name : { "link", "fifo", "directory" }) {
                EXPECT_EQ(open(name, 3, true), TRANSFER_E_NOT_A_FILE) << name;
                EXPECT_EQ(open(name, 3, false), TRANSFER_E_NOT_A_FILE) << name;
        }
        if (mknod((world / "device").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {
                EXPECT_EQ(open("device", 3, true), TRANSFER_E_NOT_A_FILE);
        }
        EXPECT_EQ(read_file(world / "secret"), "secret");
}

TEST_F(TransferSink, WritesThroughNoLinkThatIsSwappedIn) {
        world.write("secret", "secret");
        ASSERT_EQ(open("name", 3, true), TRANSFER_OK);
        ASSERT_EQ(write(0, "new"), TRANSFER_OK);
        ASSERT_EQ(symlink("secret", (world / "name").c_str()), 0);
        EXPECT_EQ(sink_commit(sink), TRANSFER_OK);
        EXPECT_EQ(read_file(world / "secret"), "secret");
}

TEST_F(TransferSink, IsSweptByTheNextLife) {
        ASSERT_EQ(open("name", 3), TRANSFER_OK);
        ASSERT_EQ(entries(), 1u);

        Journal *next = journal_new(state.path().c_str());
        EXPECT_EQ(journal_sweep(next), 1u);
        EXPECT_EQ(entries(), 0u);
        EXPECT_TRUE(journal_is_empty());
        journal_free(next);
}

TEST_F(TransferSink, IsNotSweptForAJournalThatLies) {
        struct stat st;
        world.write("precious", "x");
        world.write(".hvutils-0123456789ab.part", "x");
        ASSERT_EQ(stat(world.path().c_str(), &st), 0);
        state.write(JOURNAL_FILE, std::to_string(st.st_dev) + " " + std::to_string(st.st_ino) + " " +
                                          (world / "precious") + "\n" + std::to_string(st.st_dev) + " 1 " +
                                          (world / ".hvutils-0123456789ab.part") + "\n" + "garbage\n");

        EXPECT_EQ(journal_sweep(journal), 0u);
        EXPECT_EQ(entries(), 2u);
}

} // namespace
