/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <regex>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"
#include "tests/support/wait-until.hh"

/*
 * The daemon as it runs on a machine where it is installed: as user hvutils without a capability, in the real
 * directories, which systemd-tmpfiles has made from our file, beside a socket that has systemd-tmpfiles make
 * them again. All of it in a mount namespace of our own, over empty file systems; nothing of the machine's is
 * touched.
 */

static std::string source(const std::string &path) {
        return std::string(getenv("HVUTILS_SOURCE_DIR")) + "/" + path;
}

static std::string build(const std::string &path) {
        return std::string(getenv("HVUTILS_BUILD_DIR")) + "/" + path;
}

class PrivateMachine : public testing::Environment {
        void SetUp() override {
                ASSERT_EQ(geteuid(), 0u) << "this suite becomes another user: run it as root";
                ASSERT_EQ(unshare(CLONE_NEWNS), 0) << strerror(errno);
                ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << strerror(errno);

                put("passwd", "/etc/passwd", "hvutils:x:977:976::/:/usr/sbin/nologin\n");
                put("group", "/etc/group", "hvutils:x:976:\n");
                for (const char *path : { "/run", "/var/lib" })
                        ASSERT_EQ(mount("tmpfs", path, "tmpfs", 0, "mode=0755"), 0)
                                << path << strerror(errno);
        }

        void put(const std::string &name, const char *path, const std::string &line) {
                std::string file = directory.write(name, read_file(path) + line);
                ASSERT_EQ(mount(file.c_str(), path, nullptr, MS_BIND, nullptr), 0) << path << strerror(errno);
        }

        TemporaryDirectory directory;
};

static const auto *const machine = testing::AddGlobalTestEnvironment(new PrivateMachine);

class Installed : public testing::Test {
      protected:
        void SetUp() override {
                ASSERT_EQ(run(tmpfiles).status, 0);
                host = std::make_unique<Process>(std::vector<std::string>{
                        build("emulator/hvhost"), "serve", "--group=hvutils", directory.path() });
                ASSERT_TRUE(wait_until([&] { return access((directory / "hv_kvp").c_str(), F_OK) == 0; }));
        }

        void TearDown() override {
                if (HasFailure() && daemon)
                        std::cerr << daemon->errors();
                if (daemon) {
                        EXPECT_EQ(daemon->stop(), 0);
                }
                daemon.reset();
                pools.reset();
                host.reset();
                for (const char *path : { "/var/lib/hyperv", "/run/hvutils" })
                        std::filesystem::remove_all(path);
        }

        void start_daemon() {
                daemon = std::make_unique<Process>(std::vector<std::string>{
                        "setpriv", "--reuid=hvutils", "--regid=hvutils", "--clear-groups",
                        "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", build("service/hvutilsd"),
                        "--channel=" + (directory / "hv_kvp"), "--bus=none" });
        }

        /* Socket activation as in hvutils-pools.socket, by the tool that systemd has for it. */
        void start_pools_socket() {
                std::vector<std::string> arguments = { "systemd-socket-activate", "--accept", "-l",
                                                       "/run/hvutils/pools" };
                arguments.insert(arguments.end(), tmpfiles.begin(), tmpfiles.end());
                pools = std::make_unique<Process>(arguments);
                ASSERT_TRUE(wait_until([] { return access("/run/hvutils/pools", F_OK) == 0; }));
                ASSERT_EQ(chown("/run/hvutils/pools", 0, 976), 0);
                ASSERT_EQ(chmod("/run/hvutils/pools", 0660), 0);
        }

        ProcessResult ask_host(std::vector<std::string> words) {
                words.insert(words.begin(), build("emulator/hvhost"));
                words.push_back("--host=" + directory.path());
                words.push_back("--timeout=10s");
                return run(words);
        }

        bool is_registered() {
                return ask_host({ "wait-registered" }).status == 0;
        }

        static std::string pool(int number) {
                return "/var/lib/hyperv/.kvp_pool_" + std::to_string(number);
        }

        static bool belongs_to_us(const std::string &path, mode_t mode) {
                struct stat st = {};
                return lstat(path.c_str(), &st) == 0 && (st.st_mode & 07777) == mode && st.st_uid == 977;
        }

        std::string status_line(const std::string &name) {
                std::smatch match;
                std::string status = read_file("/proc/" + std::to_string(daemon->pid()) + "/status");
                return std::regex_search(status, match, std::regex(name + ":\\s*(.*)")) ? match[1].str() : "";
        }

        const std::vector<std::string> tmpfiles = { "/usr/bin/systemd-tmpfiles", "--create",
                                                    source("data/hvutils.tmpfiles") };
        TemporaryDirectory directory;
        std::unique_ptr<Process> host, pools, daemon;
};

TEST_F(Installed, HasNoPrivilegeAtAll) {
        start_daemon();
        ASSERT_TRUE(is_registered());

        EXPECT_EQ(status_line("Uid"), "977\t977\t977\t977");
        EXPECT_EQ(status_line("Gid"), "976\t976\t976\t976");
        EXPECT_EQ(status_line("CapEff"), "0000000000000000");
        EXPECT_EQ(status_line("CapPrm"), "0000000000000000");
        EXPECT_EQ(status_line("CapBnd"), "0000000000000000");
        EXPECT_EQ(status_line("NoNewPrivs"), "1");
}

TEST_F(Installed, ServesTheHostFromItsOwnFiles) {
        start_daemon();
        ASSERT_TRUE(is_registered());

        ASSERT_EQ(ask_host({ "kvp", "set", "Owner", "me" }).status, 0);
        EXPECT_EQ(ask_host({ "kvp", "get", "Owner", "--pool=external" }).output, "me\n");
        EXPECT_EQ(std::filesystem::file_size(pool(0)), 2560u);
        EXPECT_TRUE(belongs_to_us(pool(0), 0644));
        EXPECT_TRUE(belongs_to_us("/run/hvutils/kvp", 0700));
        EXPECT_TRUE(belongs_to_us("/run/hvutils/kvp/redo", 0600));
}

TEST_F(Installed, KeepsAPrivateFilePrivate) {
        ASSERT_EQ(chmod(pool(0).c_str(), 0600), 0);
        ASSERT_EQ(chown(pool(0).c_str(), 0, 0), 0);
        ASSERT_EQ(run(tmpfiles).status, 0);

        start_daemon();
        ASSERT_TRUE(is_registered());
        ASSERT_EQ(ask_host({ "kvp", "set", "Secret", "me" }).status, 0);
        EXPECT_TRUE(belongs_to_us(pool(0), 0600));
}

TEST_F(Installed, GetsARemovedFileBackThroughThePoolsSocket) {
        start_pools_socket();
        start_daemon();
        ASSERT_TRUE(is_registered());
        ASSERT_EQ(ask_host({ "kvp", "set", "Owner", "me" }).status, 0);

        ASSERT_EQ(unlink(pool(0).c_str()), 0);
        EXPECT_TRUE(wait_until([&] { return belongs_to_us(pool(0), 0644); }));
        EXPECT_TRUE(wait_until([&] { return ask_host({ "kvp", "set", "Owner", "you" }).status == 0; }));
        EXPECT_EQ(ask_host({ "kvp", "get", "Owner", "--pool=external" }).output, "you\n");
}

TEST_F(Installed, GetsARemovedDirectoryBackThroughThePoolsSocket) {
        start_pools_socket();
        start_daemon();
        ASSERT_TRUE(is_registered());

        std::filesystem::remove_all("/var/lib/hyperv");
        EXPECT_TRUE(wait_until([&] { return belongs_to_us(pool(4), 0644); }));
        struct stat st = {};
        ASSERT_EQ(lstat("/var/lib/hyperv", &st), 0);
        EXPECT_EQ(st.st_uid, 0u);
        EXPECT_TRUE(wait_until([&] { return ask_host({ "kvp", "set", "Owner", "me" }).status == 0; }));
        EXPECT_EQ(std::filesystem::file_size(pool(0)), 2560u);
}

TEST_F(Installed, WaitsForMissingFilesBeforeItRegisters) {
        std::filesystem::remove_all("/var/lib/hyperv");
        start_daemon();
        EXPECT_NE(run({ build("emulator/hvhost"), "wait-registered", "--host=" + directory.path(),
                        "--timeout=500ms" })
                          .status,
                  0)
                << "it registered without a file to keep the host's keys in";

        start_pools_socket();
        EXPECT_TRUE(is_registered());
        EXPECT_TRUE(belongs_to_us(pool(0), 0644));
}
