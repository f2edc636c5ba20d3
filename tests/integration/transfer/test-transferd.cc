/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The real hvutils-transferd and the emulated host, over the socket and the FUSE device. */

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/units.h"
#include "service/link/fields.h"
#include "service/link/link.h"
#include "tests/support/emulated-host.hh"
#include "tests/support/wait-until.hh"

namespace {

using Transport = EmulatedHost::Transport;
namespace fs = std::filesystem;

class Transferd : public testing::TestWithParam<Transport> {
      protected:
        static constexpr int refused = 8;

        TemporaryDirectory world;
        std::unique_ptr<EmulatedHost> host;
        std::unique_ptr<Process> daemon;

        void SetUp() override {
                std::string why = EmulatedHost::why_not(GetParam());
                if (!why.empty())
                        GTEST_SKIP() << why;
                EmulatedHost::Options options;
                options.transport = GetParam();
                host = std::make_unique<EmulatedHost>(options);
                for (const char *name : { "run", "data", "to" })
                        ASSERT_EQ(mkdir(path(name).c_str(), 0755), 0);
                configure("");
        }
        void TearDown() override {
                if (HasFailure() && daemon)
                        fprintf(stderr, "--- transferd said:\n%s---\n", daemon->errors().c_str());
        }

        std::string path(const std::string &name) const {
                return world / name;
        }
        void configure(const std::string &text) {
                std::ofstream(path("conf")) << "[Transfer]\nAccept=always\n" + text;
        }
        void start(const std::string &time_scale = "1") {
                daemon = std::make_unique<Process>(std::vector<std::string>{
                        std::string(getenv("HVUTILS_BUILD_DIR")) + "/service/hvutils-transferd",
                        "--channel=" + host->channel("hv_fcopy"), "--config=" + path("conf"),
                        "--state-directory=" + path("state"), "--runtime-directory=" + path("run"),
                        "--data-directory=" + path("data"), "--time-scale=" + time_scale });
                ASSERT_EQ((*host)({ "wait-registered", "fcopy" }).status, 0);
        }

        /* Bytes that are nowhere alike, so that a fragment in the wrong place is noticed. */
        std::string make_source(const std::string &name, size_t size) {
                std::string bytes(size, '\0');
                uint64_t x = 88172645463325252;
                for (size_t i = 0; i + 8 <= size; i += 8) {
                        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                        memcpy(&bytes[i], &x, 8);
                }
                return world.write(name, bytes);
        }
        ProcessResult copy(const std::string &file, const std::string &destination,
                           std::vector<std::string> more = {}) {
                std::vector<std::string> words = { "copy", file, destination };
                words.insert(words.end(), more.begin(), more.end());
                return (*host)(words, std::chrono::seconds(100));
        }
        std::unique_ptr<Process> begin_copy(const std::string &file, const std::string &destination,
                                            std::vector<std::string> more = {}) {
                std::vector<std::string> words = { "copy", file, destination };
                words.insert(words.end(), more.begin(), more.end());
                return host->begin(words);
        }
        std::vector<std::string> arrived(const std::string &directory = "to") const {
                std::vector<std::string> names;
                for (const auto &entry : fs::directory_iterator(path(directory)))
                        names.push_back(entry.path().filename());
                std::sort(names.begin(), names.end());
                return names;
        }
        bool has_temporary() const {
                for (const std::string &name : arrived())
                        if (name.rfind(".hvutils-", 0) == 0)
                                return true;
                return false;
        }
        void kill_daemon() {
                daemon->kill();
                daemon.reset();
        }

        int dial() const {
                return link_dial((path("run") + "/transfer").c_str(), "hvctl", 5 * USEC_PER_SEC);
        }
        /* Reads reports until one says this of this field. */
        static bool await_report(int fd, const char *field, const std::string &value, LinkMessage *ret) {
                while (link_receive(fd, ret, 5 * USEC_PER_SEC) >= 0) {
                        const char *got = link_message_get(ret, field);
                        if (ret->kind == LINK_REPORT && got && value == got)
                                return true;
                }
                return false;
        }
        static void command(int fd, const char *name, const char *id = nullptr) {
                LinkMessage message;
                link_message_init(&message, LINK_COMMAND);
                link_message_add(&message, LINK_FIELD_COMMAND, name);
                link_message_add(&message, LINK_FIELD_SERIAL, name);
                if (id)
                        link_message_add(&message, LINK_FIELD_ID, id);
                link_send(fd, &message, 5 * USEC_PER_SEC);
        }
};

TEST_P(Transferd, ReceivesALargeFileWhole) {
        std::string file = make_source("big", 64 << 20);
        struct stat st;

        configure("FileMode=0640\nOwner=12345:23456\n");
        start();
        ASSERT_EQ(copy(file, path("to/")).status, 0);
        EXPECT_EQ(run({ "cmp", file, path("to/big") }).status, 0);
        ASSERT_EQ(stat(path("to/big").c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, 0640u);
        EXPECT_EQ(st.st_uid, 12345u);
        EXPECT_EQ(st.st_gid, 23456u);
}

TEST_P(Transferd, ReceivesNamesOfAllKindsAndAnEmptyFile) {
        std::string file = make_source("small", 10000), empty = make_source("empty", 0);
        std::string name = "\xc3\xa9t\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80.txt";

        start();
        EXPECT_EQ(copy(file, path("to"), { "--name=" + name }).status, 0);
        EXPECT_EQ(copy(empty, path("to/nothing")).status, 0);
        EXPECT_EQ(arrived(), (std::vector<std::string>{ "nothing", name }));
        EXPECT_EQ(fs::file_size(path("to/nothing")), 0u);
        EXPECT_EQ(fs::file_size(path("to/" + name)), 10000u);
}

TEST_P(Transferd, UnderstandsADestinationInEachOfItsForms) {
        std::string file = make_source("small", 100);

        start();
        EXPECT_EQ(copy(file, path("to")).status, 0);
        EXPECT_EQ(copy(file, path("to") + "\\", { "--name=b" }).status, 0);
        EXPECT_EQ(copy(file, path("to/c")).status, 0);
        EXPECT_EQ(copy(file, path("to/d/e/")).status, refused);
        EXPECT_EQ(copy(file, path("to/d/e/"), { "--create-path" }).status, 0);
        EXPECT_EQ(arrived(), (std::vector<std::string>{ "b", "c", "d", "small" }));
        EXPECT_EQ(arrived("to/d/e"), (std::vector<std::string>{ "small" }));
}

TEST_P(Transferd, ReplacesAFileOnlyWithOverwrite) {
        std::string file = make_source("small", 100);
        ProcessResult result;

        world.write("to/small", "old");
        start();
        result = copy(file, path("to"));
        EXPECT_EQ(result.status, refused);
        EXPECT_NE(result.errors.find("HV_ERROR_ALREADY_EXISTS"), std::string::npos) << result.errors;
        EXPECT_EQ(read_file(path("to/small")), "old");
        EXPECT_EQ(copy(file, path("to"), { "--overwrite" }).status, 0);
        EXPECT_EQ(fs::file_size(path("to/small")), 100u);
}

TEST_P(Transferd, KeepsToItsRoots) {
        std::string file = make_source("small", 100);

        mkdir(path("else").c_str(), 0755);
        ASSERT_EQ(symlink("../else", path("to/link").c_str()), 0);
        configure("AllowedRoots=" + path("to") + "\n");
        start();
        EXPECT_EQ(copy(file, path("else/x")).status, refused);
        EXPECT_EQ(copy(file, path("to/link/x")).status, refused);
        EXPECT_EQ(copy(file, path("to/../else/x")).status, refused);
        EXPECT_EQ(copy(file, "C:\\x").status, refused);
        EXPECT_EQ(copy(file, "relative").status, 0);
        EXPECT_TRUE(arrived("else").empty());
        EXPECT_EQ(arrived(), (std::vector<std::string>{ "link", "relative" }));
}

/* A file system of 16 MiB, in a mount name space of the daemon's and ours. */
TEST_P(Transferd, RefusesWhatDoesNotFitBeforeTheFirstByte) {
        std::string file = make_source("file", 8 << 20);
        ProcessResult result;

        if (unshare(CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
            mount("tmpfs", path("to").c_str(), "tmpfs", 0, "size=16m") < 0)
                GTEST_SKIP() << "no mount name space of our own";
        start();
        result = copy(file, path("to/huge"), { "--size=5G" });
        EXPECT_EQ(result.status, refused);
        EXPECT_NE(result.errors.find("HV_ERROR_DISK_FULL"), std::string::npos) << result.errors;
        EXPECT_TRUE(arrived().empty());

        EXPECT_EQ(copy(file, path("to/first")).status, 0);
        EXPECT_EQ(copy(file, path("to/second"), { "--size=9M" }).status, refused);
        EXPECT_EQ(arrived(), (std::vector<std::string>{ "first" }));
        daemon->stop();
        umount2(path("to").c_str(), MNT_DETACH);
}

TEST_P(Transferd, LeavesNothingOfACancelledFile) {
        std::string file = make_source("file", 1 << 20);

        world.write("to/file", "old");
        start();
        EXPECT_EQ(copy(file, path("to"), { "--overwrite", "--cancel-at=500K" }).status, 0);
        EXPECT_EQ(arrived(), (std::vector<std::string>{ "file" }));
        EXPECT_EQ(read_file(path("to/file")), "old");
        EXPECT_EQ(copy(file, path("to"), { "--overwrite" }).status, 0);
}

TEST_P(Transferd, LeavesNothingWhenTheHostGoesAway) {
        std::string file = make_source("file", 1 << 20);

        start();
        auto running = begin_copy(file, path("to"), { "--rate=200K" });
        ASSERT_TRUE(wait_until([&] { return has_temporary(); }));
        ASSERT_EQ((*host)({ "withdraw", "fcopy" }).status, 0);
        EXPECT_TRUE(wait_until([&] { return arrived().empty(); }));
        running->kill();
        ASSERT_EQ((*host)({ "offer", "fcopy" }).status, 0);
        ASSERT_EQ((*host)({ "wait-registered", "fcopy" }).status, 0);
        EXPECT_EQ(copy(file, path("to")).status, 0);
}

/* Killed before the first byte, at several places in the middle, and around the end. */
TEST_P(Transferd, LeavesTheOldFileOrTheNewOneWhenItIsKilled) {
        std::string file = make_source("file", 200000), bytes = read_file(file);

        for (int step = 0; step < 12; step++) {
                world.write("to/file", "old");
                start();
                auto running = begin_copy(file, path("to"), { "--overwrite", "--rate=4M" });
                usleep(static_cast<useconds_t>(step) * 6000);
                kill_daemon();
                running->kill();

                std::string now = read_file(path("to/file"));
                EXPECT_TRUE(now == "old" || now == bytes) << "at step " << step;
                start();
                EXPECT_TRUE(wait_until([&] { return arrived() == std::vector<std::string>{ "file" }; }));
                daemon->stop();
        }
        start();
        EXPECT_EQ(copy(file, path("to"), { "--overwrite" }).status, 0);
        EXPECT_EQ(read_file(path("to/file")), bytes);
}

TEST_P(Transferd, WaitsForTheEndOfASnapshot) {
        std::string file = make_source("file", 100000);

        start();
        world.write("run/frozen", "hvutils-frozen 1\n");
        auto running = begin_copy(file, path("to"));
        EXPECT_FALSE(wait_until([&] { return !running->running(); }, std::chrono::milliseconds(300)));
        EXPECT_TRUE(arrived().empty());
        unlink(path("run/frozen").c_str());
        EXPECT_EQ(running->wait(), 0);
        EXPECT_EQ(arrived(), (std::vector<std::string>{ "file" }));
}

TEST_P(Transferd, FailsWhatASnapshotHoldsTooLong) {
        std::string file = make_source("file", 100000);

        start("0.02"); /* 20 s are 400 ms */
        world.write("run/frozen", "hvutils-frozen 1\n");
        EXPECT_EQ(copy(file, path("to")).status, refused);
        unlink(path("run/frozen").c_str());
        EXPECT_EQ(copy(file, path("to")).status, 0);
}

TEST_P(Transferd, TellsItsPeersAndObeysThem) {
        std::string file = make_source("file", 1 << 20), id;
        LinkMessage message;

        start();
        int fd = dial();
        ASSERT_GE(fd, 0);
        auto running = begin_copy(file, path("to"), { "--rate=300K" });
        ASSERT_TRUE(await_report(fd, LINK_FIELD_STATE, "receiving", &message));
        EXPECT_STREQ(link_message_get(&message, LINK_FIELD_FILE_NAME), "file");
        EXPECT_EQ(link_message_get(&message, LINK_FIELD_DIRECTORY), path("to"));
        id = link_message_get(&message, LINK_FIELD_ID);
        command(fd, "pause");
        ASSERT_TRUE(await_report(fd, LINK_FIELD_SERIAL, "pause", &message));
        EXPECT_STREQ(link_message_get(&message, LINK_FIELD_RESULT), "0");
        command(fd, "resume");
        ASSERT_TRUE(await_report(fd, LINK_FIELD_SERIAL, "resume", &message));
        command(fd, "cancel", "999999");
        ASSERT_TRUE(await_report(fd, LINK_FIELD_SERIAL, "cancel", &message));
        EXPECT_STREQ(link_message_get(&message, LINK_FIELD_RESULT), std::to_string(-ENOENT).c_str());
        command(fd, "cancel", id.c_str());
        ASSERT_TRUE(await_report(fd, LINK_FIELD_STATE, "cancelled", &message));
        EXPECT_EQ(running->wait(), refused);
        EXPECT_TRUE(arrived().empty());
        close(fd);

        daemon->stop();
        start();
        fd = dial();
        ASSERT_TRUE(await_report(fd, LINK_FIELD_HISTORY, "1", &message));
        EXPECT_EQ(link_message_get(&message, LINK_FIELD_ID), id);
        close(fd);
}

/* Whoever paused is gone: nobody else would say "go on". */
TEST_P(Transferd, GoesOnWhenThePeerThatPausedIsGone) {
        std::string file = make_source("file", 1000);
        LinkMessage message;

        start();
        int fd = dial();
        command(fd, "pause");
        ASSERT_TRUE(await_report(fd, LINK_FIELD_SERIAL, "pause", &message));
        auto running = begin_copy(file, path("to"));
        EXPECT_FALSE(wait_until([&] { return !running->running(); }, std::chrono::milliseconds(200)));
        close(fd);
        EXPECT_EQ(running->wait(), 0);
}

TEST_P(Transferd, ReadsItsConfigurationAgain) {
        std::string file = make_source("file", 1000);

        start();
        configure("MaximumSize=10\n");
        daemon->signal(SIGHUP);
        EXPECT_TRUE(wait_until([&] { return daemon->errors().find("again") != std::string::npos; }));
        EXPECT_EQ(copy(file, path("to")).status, refused);
        EXPECT_EQ(daemon->stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Transports, Transferd, testing::Values(Transport::Socket, Transport::Device),
                         [](const testing::TestParamInfo<Transport> &info) {
                                 return info.param == Transport::Socket ? "Socket" : "Device";
                         });

} // namespace
