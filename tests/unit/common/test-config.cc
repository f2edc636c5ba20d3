/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/config.h"

#include "common/units.h"
#include "tests/support/temporary-directory.hh"

#include <cerrno>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using Words = std::vector<std::string>;

static Words words_of(char **list) {
        Words words;

        for (; *list; list++)
                words.emplace_back(*list);
        return words;
}

/* A root directory with configuration files, and what was complained about as "file:line: sentence". */
class Config : public testing::Test {
      protected:
        TemporaryDirectory root;
        Words complaints;
        Configuration *configuration = nullptr;

        ~Config() override {
                configuration = configuration_free(configuration);
        }

        static void complain(const char *file, unsigned line, const char *sentence, void *userdata) {
                auto *config = static_cast<Config *>(userdata);

                config->complaints.push_back(std::filesystem::path(file).filename().string() + ":" +
                                             std::to_string(line) + ": " + sentence);
        }

        int load(const char *file = nullptr, bool confidential = false) {
                complaints.clear();
                configuration = configuration_free(configuration);
                return configuration_load(file, root.path().c_str(), confidential, complain, this,
                                          &configuration);
        }

        void load_text(const std::string &text) {
                EXPECT_EQ(load(root.write("hvutils.conf", text).c_str()), 0);
        }
};

TEST_F(Config, HasDefaultsWithoutAnyFile) {
        ASSERT_EQ(load(), 0);
        EXPECT_TRUE(configuration->kvp.host_writes);
        EXPECT_EQ(configuration->kvp.sync, SYNC_INTERVAL);
        EXPECT_EQ(configuration->kvp.maximum_records, 16384u);
        EXPECT_EQ(configuration->kvp.lock_timeout_usec, 2 * USEC_PER_SEC);
        EXPECT_EQ(configuration->snapshot.watchdog_usec, 60 * USEC_PER_SEC);
        EXPECT_EQ(configuration->transfer.accept, ACCEPT_ALWAYS);
        EXPECT_EQ(words_of(configuration->transfer.allowed_roots), Words{ "/" });
        EXPECT_EQ(configuration->transfer.file_mode, 0600u);
        EXPECT_EQ(configuration->transfer.owner, nullptr);
        EXPECT_EQ(configuration->transfer.maximum_size, UINT64_MAX);
        EXPECT_EQ(configuration->network.injection, INJECTION_ALLOW);
        EXPECT_STREQ(configuration->network.configurator, "auto");
        EXPECT_TRUE(complaints.empty());
}

TEST_F(Config, IsStricterInAConfidentialVm) {
        ASSERT_EQ(load(nullptr, true), 0);
        EXPECT_FALSE(configuration->kvp.host_writes);
        EXPECT_EQ(configuration->transfer.accept, ACCEPT_NEVER);
        EXPECT_EQ(configuration->network.injection, INJECTION_DENY);
}

TEST_F(Config, TakesEveryKey) {
        load_text("[KVP]\nHostWrites=no\nSync=always\nMaximumRecords=5\nLockTimeout=1500ms\n"
                  "[Snapshot]\nEnabled=off\nWatchdog=2min\nPrepareMax=1s\nFreezeMax=3s\nInhibitDelayMax="
                  "0\nHookTimeout=7s\n"
                  "HookFailure=ignore\nOnly=/ \"/a b\"\nExclude=/mnt/* /x\n"
                  "[Transfer]\nAccept=never\nAllowedRoots=/srv "
                  "/opt\nFileMode=0640\nOwner=alice:users\nMaximumSize=2G\n"
                  "[Network]\nInjection=deny\nLate=drop\nConfigurator=org.example.Net\nExcludeInterfaces=\n"
                  "PrimaryInterfaces=eth0\n");
        EXPECT_EQ(complaints, Words{});
        EXPECT_FALSE(configuration->kvp.host_writes);
        EXPECT_EQ(configuration->kvp.sync, SYNC_ALWAYS);
        EXPECT_EQ(configuration->kvp.maximum_records, 5u);
        EXPECT_EQ(configuration->kvp.lock_timeout_usec, 1500 * USEC_PER_MSEC);
        EXPECT_FALSE(configuration->snapshot.enabled);
        EXPECT_EQ(configuration->snapshot.watchdog_usec, 120 * USEC_PER_SEC);
        EXPECT_EQ(configuration->snapshot.prepare_max_usec, 1 * USEC_PER_SEC);
        EXPECT_EQ(configuration->snapshot.freeze_max_usec, 3 * USEC_PER_SEC);
        EXPECT_EQ(configuration->snapshot.inhibit_delay_usec, 0u);
        EXPECT_EQ(configuration->snapshot.hook_timeout_usec, 7 * USEC_PER_SEC);
        EXPECT_EQ(configuration->snapshot.hook_failure, HOOK_FAILURE_IGNORE);
        EXPECT_EQ(words_of(configuration->snapshot.only), (Words{ "/", "/a b" }));
        EXPECT_EQ(words_of(configuration->snapshot.exclude), (Words{ "/mnt/*", "/x" }));
        EXPECT_EQ(configuration->transfer.accept, ACCEPT_NEVER);
        EXPECT_EQ(words_of(configuration->transfer.allowed_roots), (Words{ "/srv", "/opt" }));
        EXPECT_EQ(configuration->transfer.file_mode, 0640u);
        EXPECT_STREQ(configuration->transfer.owner, "alice:users");
        EXPECT_EQ(configuration->transfer.maximum_size, UINT64_C(2) << 30);
        EXPECT_EQ(configuration->network.injection, INJECTION_DENY);
        EXPECT_EQ(configuration->network.late, LATE_DROP);
        EXPECT_STREQ(configuration->network.configurator, "org.example.Net");
        EXPECT_EQ(words_of(configuration->network.exclude_interfaces), Words{});
        EXPECT_EQ(words_of(configuration->network.primary_interfaces), Words{ "eth0" });
}

TEST_F(Config, EmptiesWhatMayBeEmpty) {
        load_text("[Snapshot]\nOnly=/a\nOnly=\n[Transfer]\nOwner=a\nOwner=\nMaximumSize=1\nMaximumSize=\n");
        EXPECT_EQ(complaints, Words{});
        EXPECT_EQ(words_of(configuration->snapshot.only), Words{});
        EXPECT_EQ(configuration->transfer.owner, nullptr);
        EXPECT_EQ(configuration->transfer.maximum_size, UINT64_MAX);
}

struct Mistake {
        const char *name, *text, *complaint;
};

class ConfigMistake : public Config, public testing::WithParamInterface<Mistake> {};

TEST_P(ConfigMistake, IsNamedWithItsLineAndChangesNothing) {
        load_text(GetParam().text);
        EXPECT_EQ(complaints, Words{ std::string("hvutils.conf:") + GetParam().complaint });
        EXPECT_TRUE(configuration->kvp.host_writes);
        EXPECT_EQ(configuration->kvp.sync, SYNC_NEVER) << "the good line after the bad one counts";
        EXPECT_EQ(words_of(configuration->transfer.allowed_roots), Words{ "/" });
}

#define GOOD "[KVP]\nSync=never\n"

static const Mistake mistakes[] = {
        { "Boolean", "[KVP]\n\nHostWrites=maybe\nSync=never\n",
          "3: HostWrites=maybe: not yes or no, keeping the earlier value" },
        { "Word", "[KVP]\nSync=never\nSync = sometimes\n",
          "3: Sync=sometimes: not one of the words that are allowed here, keeping the earlier value" },
        { "Time", "[KVP]\nLockTimeout=2 moons\nSync=never\n",
          "2: LockTimeout=2 moons: not a time, keeping the earlier value" },
        { "TimeTooLong", "[KVP]\nLockTimeout=16s\nSync=never\n",
          "2: LockTimeout=16s: more than is allowed, keeping the earlier value" },
        { "TimeTooShort", GOOD "[Snapshot]\nWatchdog=0\n",
          "4: Watchdog=0: less than is allowed, keeping the earlier value" },
        { "Count", "[KVP]\nMaximumRecords=-1\nSync=never\n",
          "2: MaximumRecords=-1: not a number, keeping the earlier value" },
        { "CountTooSmall", "[KVP]\nMaximumRecords=0\nSync=never\n",
          "2: MaximumRecords=0: less than is allowed, keeping the earlier value" },
        { "RelativeRoot", GOOD "[Transfer]\nAllowedRoots=/srv tmp\n",
          "4: AllowedRoots=/srv tmp: not a list of absolute paths, keeping the earlier value" },
        { "OpenQuote", GOOD "[Snapshot]\nExclude=\"/a\n",
          "4: Exclude=\"/a: a quote is not closed, keeping the earlier value" },
        { "SetUserId", GOOD "[Transfer]\nFileMode=4755\n",
          "4: FileMode=4755: not an octal mode up to 0777, keeping the earlier value" },
        { "Owner", GOOD "[Transfer]\nOwner=a:b:c\n",
          "4: Owner=a:b:c: not a user or user:group, keeping the earlier value" },
        { "Size", GOOD "[Transfer]\nMaximumSize=big\n",
          "4: MaximumSize=big: not a size, keeping the earlier value" },
        { "BusName", GOOD "[Network]\nConfigurator=nm\n",
          "4: Configurator=nm: neither auto nor a bus name, keeping the earlier value" },
        { "UnknownKey", "[KVP]\nHostWrite=no\nSync=never\n", "2: unknown key HostWrite= in [KVP], ignoring" },
        { "UnknownSection", GOOD "[Kvp]\nSync=always\n", "4: unknown section [Kvp], ignoring Sync=" },
        { "NoAssignment", "[KVP]\nHostWrites no\nSync=never\n",
          "2: neither a section header nor an assignment, ignoring" },
        { "NotUtf8", "[KVP]\nHostWrites=n\xff\nSync=never\n",
          "2: neither a section header nor an assignment, ignoring" },
        { "BeforeTheFirstSection", "HostWrites=no\n" GOOD, "1: stands before the first section, ignoring" },
        { "BrokenHeader", GOOD "[KVP\nSync=always\nHostWrites=no\n",
          "3: not a section header, ignoring the lines up to the next one" },
};

INSTANTIATE_TEST_SUITE_P(Config, ConfigMistake, testing::ValuesIn(mistakes),
                         [](const auto &info) { return info.param.name; });

TEST_F(Config, ReadsTheMainFileThenTheDropInsByName) {
        root.write("usr/lib/hvutils/hvutils.conf", "[KVP]\nMaximumRecords=1\n");
        root.write("etc/hvutils/hvutils.conf", "[KVP]\nMaximumRecords=2\nLockTimeout=1s\n");
        ASSERT_EQ(load(), 0);
        EXPECT_EQ(configuration->kvp.maximum_records, 2u)
                << "the main file in /etc replaces that in /usr/lib";

        root.write("etc/hvutils/hvutils.conf.d/10-a.conf", "[KVP]\nMaximumRecords=3\n");
        root.write("usr/lib/hvutils/hvutils.conf.d/20-b.conf", "[KVP]\nMaximumRecords=4\n");
        root.write("etc/hvutils/hvutils.conf.d/30-c.conf~", "[KVP]\nMaximumRecords=5\n");
        ASSERT_EQ(load(), 0);
        EXPECT_EQ(configuration->kvp.maximum_records, 4u) << "names order, not directories";
        EXPECT_EQ(configuration->kvp.lock_timeout_usec, USEC_PER_SEC);

        root.write("run/hvutils/hvutils.conf.d/20-b.conf", "[KVP]\nMaximumRecords=6\n");
        ASSERT_EQ(load(), 0);
        EXPECT_EQ(configuration->kvp.maximum_records, 6u) << "/run hides /usr/lib";

        std::filesystem::create_symlink("/dev/null", root / "etc/hvutils/hvutils.conf.d/20-b.conf");
        ASSERT_EQ(load(), 0);
        EXPECT_EQ(configuration->kvp.maximum_records, 3u) << "a link to /dev/null masks";
        EXPECT_EQ(complaints, Words{});
}

TEST_F(Config, ReadsAnExplicitFileAlone) {
        std::string file = root.write("own.conf", "[KVP]\nSync=never\n");

        root.write("etc/hvutils/hvutils.conf.d/10-a.conf", "[KVP]\nMaximumRecords=3\n");
        ASSERT_EQ(load(file.c_str()), 0);
        EXPECT_EQ(configuration->kvp.sync, SYNC_NEVER);
        EXPECT_EQ(configuration->kvp.maximum_records, 16384u);
}

TEST_F(Config, HasDefaultsWhenAnExplicitFileIsMissing) {
        EXPECT_EQ(load((root / "missing.conf").c_str()), -ENOENT);
        ASSERT_NE(configuration, nullptr);
        EXPECT_TRUE(configuration->kvp.host_writes);
        EXPECT_EQ(complaints, Words{ "missing.conf:0: cannot be read, ignoring: No such file or directory" });
}

TEST_F(Config, GoesOnPastAFileThatCannotBeRead) {
        std::filesystem::create_directories(root / "etc/hvutils/hvutils.conf.d/10-a.conf");
        root.write("etc/hvutils/hvutils.conf.d/20-b.conf", "[KVP]\nMaximumRecords=3\n");
        ASSERT_EQ(load(), 0);
        EXPECT_EQ(configuration->kvp.maximum_records, 3u);
        EXPECT_EQ(complaints, Words{ "10-a.conf:0: cannot be read, ignoring: Is a directory" });
}

TEST(Confidential, CanBeSaidForTests) {
        setenv("HVUTILS_CONFIDENTIAL", "yes", 1);
        EXPECT_TRUE(configuration_is_confidential());
        setenv("HVUTILS_CONFIDENTIAL", "no", 1);
        EXPECT_FALSE(configuration_is_confidential());
        unsetenv("HVUTILS_CONFIDENTIAL");
}
