/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cstdlib>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"

/* What meson install puts on a machine, looked at with the tools that will read it there. */

static std::string source(const std::string &path) {
        return std::string(getenv("HVUTILS_SOURCE_DIR")) + "/" + path;
}

static std::string build(const std::string &path) {
        return std::string(getenv("HVUTILS_BUILD_DIR")) + "/" + path;
}

static std::set<std::string> matches(const std::string &text, const std::string &pattern) {
        std::set<std::string> found;
        std::regex regex(pattern);

        for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
                found.insert((*match)[1]);
        return found;
}

/* The words of all assignments to a key of a unit. */
static std::set<std::string> setting(const std::string &unit, const std::string &key) {
        std::set<std::string> words;
        std::istringstream lines(read_file(unit));

        for (std::string line; std::getline(lines, line);)
                if (line.rfind(key + "=", 0) == 0) {
                        std::istringstream value(line.substr(key.size() + 1));
                        for (std::string word; value >> word;)
                                words.insert(word);
                }
        return words;
}

static const std::string daemon_unit = "data/hvutilsd.service";
static const std::string pools_unit = "data/hvutils-pools.service";
static const std::string pools_socket = "data/hvutils-pools.socket";

/* --- units --- */

static const std::string snapshot_unit = "data/hvutils-snapshotd.service";
static const std::string hooks_unit = "data/hvutils-hooks.service";
static const std::string hooks_socket = "data/hvutils-hooks.socket";

/* A machine whose units are ours and the distribution's; the program stands in for the one that is not
 * installed. */
TEST(Units, AreUnderstoodBySystemd) {
        TemporaryDirectory units;
        std::string daemon = read_file(build(daemon_unit));
        daemon = std::regex_replace(daemon, std::regex("ExecStart=\\S*/hvutilsd"), "ExecStart=/bin/true");
        units.write("hvutilsd.service", daemon);
        units.write("hvutils-pools.service", read_file(source(pools_unit)));
        units.write("hvutils-pools.socket", read_file(source(pools_socket)));

        for (const auto &[name, file] : { std::pair{ "hvutils-snapshotd.service", snapshot_unit },
                                          std::pair{ "hvutils-hooks.service", hooks_unit } })
                units.write(name,
                            std::regex_replace(read_file(build(file)),
                                               std::regex("=(\\+?)\\S*/hvutils-snapshotd"), "=$1/bin/true"));
        units.write("hvutils-hooks.socket", read_file(source(hooks_socket)));

        for (const char *unit :
             { "hvutilsd.service", "hvutils-pools.service", "hvutils-pools.socket",
               "hvutils-snapshotd.service", "hvutils-hooks.service", "hvutils-hooks.socket" }) {
                auto result = run({ "systemd-analyze", "verify", "--man=no", units / unit });
                EXPECT_EQ(result.status, 0) << unit;
                EXPECT_EQ(result.output + result.errors, "") << unit;
        }

        units.write("hvutilsd.service", daemon + "\n[Service]\nRestartSecs=1\n");
        auto result = run({ "systemd-analyze", "verify", "--man=no", units / "hvutilsd.service" });
        EXPECT_NE(result.errors.find("RestartSecs"), std::string::npos)
                << "verify would not have found a mistake";
}

static int exposure(const std::string &unit, const char *threshold) {
        return run({ "systemd-analyze", "security", "--offline=true", "--no-pager",
                     std::string("--threshold=") + threshold, unit })
                .status;
}

TEST(Units, ExposeLittle) {
        EXPECT_EQ(exposure(build(daemon_unit), "13"), 0);
        EXPECT_EQ(exposure(source(pools_unit), "20"), 0);
        EXPECT_EQ(exposure(build(snapshot_unit), "20"), 0);
        EXPECT_NE(exposure(build(daemon_unit), "5"), 0) << "the threshold is not looked at";
}

TEST(Units, LeaveTheDiskAloneWhenStarted) {
        for (const auto &unit : { build(daemon_unit), source(pools_unit), build(snapshot_unit) })
                for (const char *key :
                     { "RuntimeDirectory", "StateDirectory", "CacheDirectory", "LogsDirectory",
                       "ConfigurationDirectory", "PrivateTmp", "DynamicUser" })
                        EXPECT_TRUE(setting(unit, key).empty()) << unit << ": " << key;
}

TEST(Units, NeitherWaitForTheDeviceNorDieWithIt) {
        EXPECT_TRUE(setting(build(daemon_unit), "BindsTo").empty());
        EXPECT_TRUE(setting(build(daemon_unit), "WatchdogSec").empty());
        EXPECT_EQ(setting(build(daemon_unit), "ConditionVirtualization").count("microsoft"), 1u);
        for (const auto &unit : setting(build(daemon_unit), "After"))
                EXPECT_EQ(unit.find(".device"), std::string::npos) << unit;
}

TEST(Units, RunTheDaemonWithoutAnyPrivilege) {
        EXPECT_EQ(setting(build(daemon_unit), "User"), std::set<std::string>{ "hvutils" });
        EXPECT_TRUE(setting(build(daemon_unit), "CapabilityBoundingSet").empty());
        EXPECT_TRUE(setting(build(daemon_unit), "AmbientCapabilities").empty());
        EXPECT_NE(read_file(build(daemon_unit)).find("\nCapabilityBoundingSet=\n"), std::string::npos);
        EXPECT_EQ(setting(build(daemon_unit), "NoNewPrivileges"), std::set<std::string>{ "yes" });
}

TEST(Units, StartTheDaemonBeforeThoseWhoAskTheHost) {
        auto before = setting(build(daemon_unit), "Before");
        for (const char *unit :
             { "sysinit.target", "cloud-init-local.service", "network-pre.target", "shutdown.target" })
                EXPECT_EQ(before.count(unit), 1u) << unit;
        EXPECT_EQ(setting(build(daemon_unit), "WantedBy"), std::set<std::string>{ "sysinit.target" });
        EXPECT_EQ(setting(build(daemon_unit), "RequiresMountsFor"),
                  std::set<std::string>{ "/var/lib/hyperv" });
}

TEST(Units, ReplaceEveryOlderUnitOneWayOrTheOther) {
        auto aliases = setting(build(daemon_unit), "Alias"),
             conflicts = setting(build(daemon_unit), "Conflicts");
        for (const char *older : { "hv-kvp-daemon.service", "hyperv-daemons.hv-kvp-daemon.service",
                                   "hypervkvpd.service", "hv_kvp_daemon.service" })
                EXPECT_EQ(aliases.count(older) + conflicts.count(older), 1u) << older;
}

TEST(Units, GiveTheSocketToTheGroupAndNobodyElse) {
        EXPECT_EQ(setting(source(pools_socket), "SocketGroup"), std::set<std::string>{ "hvutils" });
        EXPECT_EQ(setting(source(pools_socket), "SocketMode"), std::set<std::string>{ "0660" });
        EXPECT_EQ(setting(source(pools_socket), "ListenStream"),
                  std::set<std::string>{ "/run/hvutils/pools" });
}

TEST(SnapshotUnit, HidesNoMountFromTheDaemon) {
        std::string unit = build(snapshot_unit);
        EXPECT_EQ(setting(unit, "ProtectHome"), std::set<std::string>{ "read-only" });
        for (const char *key :
             { "InaccessiblePaths", "TemporaryFileSystem", "PrivateDevices", "PrivateUsers",
               "ProtectKernelModules", "ProtectProc", "ProcSubset", "RootDirectory", "RootImage" })
                EXPECT_TRUE(setting(unit, key).empty()) << key;
}

TEST(SnapshotUnit, ThawsWhateverHappens) {
        std::string unit = build(snapshot_unit), text = read_file(unit);
        EXPECT_EQ(setting(unit, "KillMode"), std::set<std::string>{ "mixed" });
        EXPECT_TRUE(
                std::regex_search(text, std::regex("\\nExecStopPost=\\+\\S*/hvutils-snapshotd --thaw\\n")));
        EXPECT_EQ(setting(unit, "StartLimitIntervalSec"), std::set<std::string>{ "0" });
        EXPECT_EQ(setting(unit, "OOMScoreAdjust"), std::set<std::string>{ "-1000" });
        EXPECT_EQ(setting(unit, "LimitMEMLOCK"), std::set<std::string>{ "32M" });
        EXPECT_EQ(setting(unit, "CapabilityBoundingSet"),
                  (std::set<std::string>{ "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH" }));
}

TEST(HooksUnit, LeavesWhatHooksLeaveRunningAndIsRootsAlone) {
        EXPECT_EQ(setting(build(hooks_unit), "KillMode"), std::set<std::string>{ "process" });
        EXPECT_EQ(setting(source(hooks_socket), "SocketMode"), std::set<std::string>{ "0600" });
        EXPECT_EQ(setting(source(hooks_socket), "ListenSequentialPacket"),
                  std::set<std::string>{ "/run/hvutils/hooks" });
}

TEST(UdevRule, GivesTheDeviceToTheGroupAndStartsTheDaemon) {
        std::string rule = read_file(source("data/60-hvutils.rules"));
        for (const char *part :
             { "KERNEL==\"vmbus/hv_kvp\"", "OWNER=\"root\"", "GROUP=\"hvutils\"", "MODE=\"0660\"",
               "TAG+=\"systemd\"", "ENV{SYSTEMD_WANTS}+=\"hvutilsd.service\"" })
                EXPECT_NE(rule.find(part), std::string::npos) << part;
}

TEST(UdevRule, StartsTheReceiverOfFilesAndLeavesTheDeviceToRoot) {
        std::string rule = read_file(source("data/60-hvutils.rules"));
        for (const char *part :
             { "KERNEL==\"vmbus/hv_fcopy\"", "ENV{SYSTEMD_WANTS}+=\"hvutils-transferd.service\"" })
                EXPECT_NE(rule.find(part), std::string::npos) << part;
}

/* --- the receiver of files --- */

static const std::string transfer_unit = "data/hvutils-transferd.service";

/* What hvutils-transfer-roots makes of a configuration; "" for nothing. */
static std::string roots_drop_in(const std::string &configuration) {
        TemporaryDirectory directory;
        std::string made = directory / "hvutils-transferd.service.d/50-allowed-roots.conf";
        std::string file = directory.write("hvutils.conf", configuration);
        Process::Options options;
        options.environment["HVUTILS_CONFIG"] = file;

        auto result = run({ build("data/hvutils-transfer-roots"), directory.path(), directory.path(),
                            directory.path() },
                          options);
        EXPECT_EQ(result.status, 0) << result.errors;
        return access(made.c_str(), F_OK) == 0 ? read_file(made) : "";
}

TEST(TransferUnit, MayTouchFilesAndNothingElse) {
        EXPECT_EQ(setting(build(transfer_unit), "CapabilityBoundingSet"),
                  (std::set<std::string>{ "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
                                          "CAP_CHOWN" }));
        EXPECT_EQ(setting(build(transfer_unit), "PrivateNetwork"), std::set<std::string>{ "yes" });
        EXPECT_TRUE(setting(build(transfer_unit), "BindsTo").empty());
        for (const char *key : { "RuntimeDirectory", "StateDirectory", "PrivateTmp" })
                EXPECT_TRUE(setting(build(transfer_unit), key).empty()) << key;
}

TEST(TransferUnit, IsNarrowedByTheGeneratorOnlyWhenTheRootsAre) {
        EXPECT_EQ(roots_drop_in("[Transfer]\nAllowedRoots=/\n"), "");
        EXPECT_EQ(roots_drop_in("[Transfer]\nAllowedRoots=/srv //\n"), "");
        std::string text = roots_drop_in("[Transfer]\nAllowedRoots=/srv/in \"/srv/a b\" /srv/50%\n");
        EXPECT_NE(text.find(" \"-/srv/in\" \"-/srv/a b\" \"-/srv/50%%\"\n"), std::string::npos) << text;
        EXPECT_NE(text.find("ProtectSystem=strict"), std::string::npos);
}

TEST(TransferUnit, ExposesLittleWithNarrowedRoots) {
        TemporaryDirectory units;
        std::string unit = read_file(build(transfer_unit));
        std::string narrowed = units.write("hvutils-transferd.service",
                                           unit + roots_drop_in("[Transfer]\nAllowedRoots=/srv/in\n"));

        EXPECT_EQ(exposure(narrowed, "20"), 0);
        EXPECT_NE(exposure(narrowed, "5"), 0) << "the threshold is not looked at";
}

TEST(TransferUnit, IsUnderstoodBySystemd) {
        TemporaryDirectory units;
        std::string unit =
                std::regex_replace(read_file(build(transfer_unit)),
                                   std::regex("ExecStart=\\S*/hvutils-transferd"), "ExecStart=/bin/true");

        units.write("hvutils-transferd.service",
                    unit + roots_drop_in("[Transfer]\nAllowedRoots=/srv/in \"/srv/a b\"\n"));
        auto result = run({ "systemd-analyze", "verify", "--man=no", units / "hvutils-transferd.service" });
        EXPECT_EQ(result.status, 0);
        EXPECT_EQ(result.output + result.errors, "");
}

/* --- user and files --- */

class MachineRoot : public testing::Test {
      protected:
        void SetUp() override {
                ASSERT_EQ(geteuid(), 0u) << "this suite makes files of other users: run it as root";
                root.write("etc/passwd",
                           "root:x:0:0:root:/root:/bin/sh\nhvutils:x:977:976::/:/usr/sbin/nologin\n");
                root.write("etc/group", "root:x:0:\nadm:x:4:\nhvutils:x:976:\n");
        }

        void make() {
                auto result = run({ "systemd-tmpfiles", "--create", "--root=" + root.path(),
                                    source("data/hvutils.tmpfiles") });
                EXPECT_EQ(result.status, 0) << result.errors;
        }

        std::string pool(int number) {
                return "var/lib/hyperv/.kvp_pool_" + std::to_string(number);
        }

        struct stat look_at(const std::string &path) {
                struct stat st = {};
                EXPECT_EQ(lstat((root / path).c_str(), &st), 0) << path;
                return st;
        }

        void expect(const std::string &path, mode_t mode, uid_t uid, gid_t gid) {
                struct stat st = look_at(path);
                EXPECT_EQ(st.st_mode & 07777, mode) << path;
                EXPECT_EQ(st.st_uid, uid) << path;
                EXPECT_EQ(st.st_gid, gid) << path;
        }

        TemporaryDirectory root;
        const uid_t hvutils = 977;
        const gid_t group = 976;
};

TEST_F(MachineRoot, GetsTheDirectoriesAndFilesOfTheDesign) {
        make();
        expect("var/lib/hyperv", 0755, 0, 0);
        for (int i = 0; i < 5; i++)
                expect(pool(i), 0644, hvutils, group);
        expect("run/hvutils", 0755, 0, 0);
        expect("run/hvutils/kvp", 0700, hvutils, group);
}

TEST_F(MachineRoot, KeepsModeGroupContentsAndInodeOfAPrivatePoolFile) {
        std::string record(2560, 'k');
        root.write(pool(0), record, 0600);
        std::string shared = root.write(pool(3), record, 0640);
        ASSERT_EQ(chown(shared.c_str(), 0, 4), 0);
        ino_t inode = look_at(pool(0)).st_ino;

        make();
        expect(pool(0), 0600, hvutils, 0);
        expect(pool(3), 0640, hvutils, 4);
        expect(pool(1), 0644, hvutils, group);
        EXPECT_EQ(look_at(pool(0)).st_ino, inode);
        EXPECT_EQ(read_file(root / pool(0)), record);
}

TEST_F(MachineRoot, IsNotChangedByASecondTime) {
        make();
        ASSERT_EQ(chmod((root / pool(1)).c_str(), 0600), 0);
        struct stat before = look_at(pool(1));

        make();
        expect(pool(1), 0600, hvutils, group);
        EXPECT_EQ(look_at(pool(1)).st_mtime, before.st_mtime);
}

TEST_F(MachineRoot, GetsBackADirectoryThatWasRemoved) {
        make();
        ASSERT_EQ(run({ "rm", "-r", root / "var/lib/hyperv" }).status, 0);
        make();
        expect("var/lib/hyperv", 0755, 0, 0);
        expect(pool(4), 0644, hvutils, group);
}

TEST_F(MachineRoot, GetsASystemUserWithoutShell) {
        root.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        root.write("etc/group", "root:x:0:\n");
        auto result = run({ "systemd-sysusers", "--root=" + root.path(), source("data/hvutils.sysusers") });
        ASSERT_EQ(result.status, 0) << result.errors;

        std::smatch user;
        std::string passwd = read_file(root / "etc/passwd");
        ASSERT_TRUE(
                std::regex_search(passwd, user, std::regex("hvutils:[^:]*:([0-9]+):[0-9]+:[^:]*:/:(\\S+)")))
                << passwd;
        EXPECT_LT(std::stoi(user[1]), 1000);
        EXPECT_NE(user[2].str().find("nologin"), std::string::npos);
        EXPECT_NE(read_file(root / "etc/group").find("hvutils:"), std::string::npos);
}

/* --- catalog and configuration --- */

TEST(Catalog, ExplainsEveryMessageAndNoOther) {
        auto messages =
                matches(read_file(source("common/names.h")), "HVUTILS_MESSAGE_\\w+\\s+\"([0-9a-f]{32})\"");
        EXPECT_FALSE(messages.empty());
        EXPECT_EQ(matches(read_file(source("data/hvutils.catalog")), "\n-- ([0-9a-f]+)\n"), messages);
}

TEST(Catalog, IsUnderstoodByTheJournal) {
        TemporaryDirectory root;
        root.write("usr/lib/systemd/catalog/hvutils.catalog", read_file(source("data/hvutils.catalog")));
        root.write("var/lib/systemd/catalog/.keep", "");
        auto result = run({ "journalctl", "--update-catalog", "--root=" + root.path() });
        ASSERT_EQ(result.status, 0) << result.errors;

        auto listed = run({ "journalctl", "--list-catalog", "--root=" + root.path() });
        auto messages =
                matches(read_file(source("common/names.h")), "HVUTILS_MESSAGE_\\w+\\s+\"([0-9a-f]{32})\"");
        EXPECT_EQ(matches(listed.output, "([0-9a-f]{32}) hvutils: \\S"), messages) << listed.output;
}

TEST(DefaultConfiguration, NamesEveryKeyOfTheManualAndSetsNone) {
        std::string file = read_file(source("data/hvutils.conf")),
                    manual = read_file(source("docs/man/hvutils.conf.5.scd"));
        auto keys = matches(file, "\n#([A-Z][A-Za-z]+)=");

        EXPECT_FALSE(keys.empty());
        EXPECT_EQ(keys, matches(manual, "\n\\*([A-Z][A-Za-z]+)=\\*\n"));
        EXPECT_TRUE(matches(file, "\n([A-Za-z]+=)").empty());
}

TEST(DefaultConfiguration, SaysWhatTheDefaultsAre) {
        TemporaryDirectory directory;
        std::string everything =
                std::regex_replace(read_file(source("data/hvutils.conf")), std::regex("\n#([A-Z])"), "\n$1");
        std::string file = directory.write("hvutils.conf", everything);

        g_autoptr(Configuration) said = nullptr, defaults = configuration_new(false);
        auto complain = [](const char *, unsigned line, const char *sentence, void *) {
                ADD_FAILURE() << "line " << line << ": " << sentence;
        };
        ASSERT_EQ(configuration_load(file.c_str(), "", false, complain, nullptr, &said), 0);

        EXPECT_EQ(said->kvp.host_writes, defaults->kvp.host_writes);
        EXPECT_EQ(said->kvp.sync, defaults->kvp.sync);
        EXPECT_EQ(said->kvp.maximum_records, defaults->kvp.maximum_records);
        EXPECT_EQ(said->kvp.lock_timeout_usec, defaults->kvp.lock_timeout_usec);
        EXPECT_EQ(said->snapshot.watchdog_usec, defaults->snapshot.watchdog_usec);
        EXPECT_EQ(said->snapshot.prepare_max_usec, defaults->snapshot.prepare_max_usec);
        EXPECT_EQ(said->snapshot.freeze_max_usec, defaults->snapshot.freeze_max_usec);
        EXPECT_EQ(said->snapshot.inhibit_delay_usec, defaults->snapshot.inhibit_delay_usec);
        EXPECT_EQ(said->snapshot.hook_timeout_usec, defaults->snapshot.hook_timeout_usec);
        EXPECT_EQ(said->snapshot.hook_failure, defaults->snapshot.hook_failure);
        EXPECT_EQ(said->transfer.accept, defaults->transfer.accept);
        EXPECT_EQ(said->transfer.file_mode, defaults->transfer.file_mode);
        EXPECT_EQ(said->transfer.maximum_size, defaults->transfer.maximum_size);
        EXPECT_TRUE(g_strv_equal(said->transfer.allowed_roots, defaults->transfer.allowed_roots));
        EXPECT_EQ(said->network.injection, defaults->network.injection);
        EXPECT_EQ(said->network.late, defaults->network.late);
        EXPECT_STREQ(said->network.configurator, defaults->network.configurator);
        EXPECT_TRUE(g_strv_equal(said->network.exclude_interfaces, defaults->network.exclude_interfaces));
        EXPECT_TRUE(g_strv_equal(said->network.primary_interfaces, defaults->network.primary_interfaces));
}

/* --- meson install --- */

TEST(Installation, PutsEveryFileInItsPlace) {
        TemporaryDirectory root;
        auto result = run({ "meson", "install", "-C", build("."), "--no-rebuild", "--destdir", root.path() },
                          {}, std::chrono::seconds(120));
        ASSERT_EQ(result.status, 0) << result.output << result.errors;

        auto listed = run({ "find", root.path(), "-type", "f", "-printf", "/%P\n" });
        for (const char *file :
             { "/systemd/system/hvutilsd.service", "/systemd/system/hvutils-pools.service",
               "/systemd/system/hvutils-pools.socket", "/rules.d/60-hvutils.rules",
               "/sysusers.d/hvutils.conf", "/tmpfiles.d/hvutils.conf", "/catalog/hvutils.catalog",
               "/etc/hvutils/hvutils.conf", "/man8/hvutilsd.8", "/man5/hvutils.conf.5" })
                EXPECT_NE(listed.output.find(std::string(file) + "\n"), std::string::npos) << file;
}
