/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/kvp.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <vector>

#include "common/cleanup.h"
#include "common/units.h"
#include "tests/support/fake-driver.hh"
#include "tests/support/temporary-directory.hh"

namespace {

struct Told {
        KvpPool pool;
        KvpOrigin origin;
        std::vector<std::string> keys, removed;
        bool all;
};

struct Result {
        int calls = 0, result = -1;
        uint32_t count = 0;
};

class KvpTest : public testing::Test {
      protected:
        void SetUp() override {
                ASSERT_EQ(mkdir((world / "state").c_str(), 0755), 0);
                ASSERT_EQ(mkdir((world / "run").c_str(), 0755), 0);
                ASSERT_EQ(mkdir((world / "run/kvp").c_str(), 0700), 0);
                ASSERT_GE(sd_event_new(&event), 0);
                configuration = configuration_new(false);
                configuration->kvp.lock_timeout_usec = 100 * USEC_PER_MSEC;
        }

        void TearDown() override {
                kvp_free(kvp);
                configuration_free(configuration);
                sd_event_unref(event);
        }

        void start() {
                std::string state = world / "state", run = world / "run", channel = world / "kvp";
                KvpSetup setup = {};
                setup.channel_path = channel.c_str();
                setup.state_directory = state.c_str();
                setup.runtime_directory = run.c_str();
                setup.time_scale = 1.0;
                setup.configuration = configuration;
                setup.observer.changed = changed;
                setup.observer_userdata = this;
                setup.facts.get = get_fact;
                setup.facts.userdata = this;
                ASSERT_GE(kvp_new(event, &setup, &kvp), 0);
                ASSERT_GE(kvp_start(kvp), 0);
                run_until([] { return false; }, 20 * USEC_PER_MSEC);
                told.clear();
        }

        bool run_until(const std::function<bool()> &condition, uint64_t usec = 5 * USEC_PER_SEC) {
                uint64_t end = now_usec(CLOCK_MONOTONIC) + usec;
                while (!condition()) {
                        uint64_t now = now_usec(CLOCK_MONOTONIC);
                        if (now >= end)
                                return false;
                        sd_event_run(event, end - now);
                }
                return true;
        }

        void settle() {
                while (sd_event_run(event, 5000) > 0)
                        ;
        }

        static const char *get_fact(KvpFact fact, void *userdata) {
                return static_cast<KvpTest *>(userdata)->facts[fact].c_str();
        }

        static void changed(const KvpChange *change, void *userdata) {
                Told told = { change->pool, change->origin, {}, {}, change->all };
                for (const char *const *key = change->keys; *key; key++)
                        told.keys.emplace_back(*key);
                for (const char *const *key = change->removed; *key; key++)
                        told.removed.emplace_back(*key);
                std::sort(told.keys.begin(), told.keys.end());
                if (told.all || !told.keys.empty() || !told.removed.empty())
                        static_cast<KvpTest *>(userdata)->told.push_back(told);
        }

        static void done(int result, uint32_t count, void *userdata) {
                auto *of = static_cast<Result *>(userdata);
                of->calls++;
                of->result = result;
                of->count = count;
        }

        KvpTicket *write(Result *result, KvpPool pool, const std::vector<KvpPair> &pairs, unsigned flags = 0,
                         const char *expected = nullptr) {
                KvpTicket *ticket = nullptr;
                EXPECT_GE(kvp_write(kvp, KVP_ORIGIN_BUS, pool, pairs.data(), pairs.size(), expected, flags,
                                    done, result, &ticket),
                          0);
                return ticket;
        }

        int set(const char *key, const char *value, unsigned flags = 0, const char *expected = nullptr) {
                Result result;
                write(&result, KVP_POOL_ID_GUEST, { { key, value } }, flags, expected);
                EXPECT_TRUE(run_until([&] { return result.calls > 0; }));
                EXPECT_EQ(result.calls, 1);
                return result.result;
        }

        std::string get(const char *key, KvpPool pool = KVP_POOL_ID_GUEST) {
                const char *value;
                size_t size;
                return kvp_get(kvp, pool, key, &value, &size) == KVP_OK ? std::string(value, size) : "(none)";
        }

        std::string file(KvpPool pool = KVP_POOL_ID_GUEST) {
                return world / ("state/" + std::string(kvp_pool_file_name(pool)));
        }

        int hold() {
                int fd = open(file().c_str(), O_RDWR | O_CLOEXEC);
                EXPECT_EQ(flock(fd, LOCK_EX), 0);
                return fd;
        }

        static std::string record(const std::string &key, const std::string &value) {
                std::string bytes(RECORD_SIZE, '\0');
                bytes.replace(0, key.size(), key);
                bytes.replace(RECORD_KEY_SIZE, value.size(), value);
                return bytes;
        }

        void append(const std::string &key, const std::string &value) {
                std::ofstream(file(), std::ios::app | std::ios::binary) << record(key, value);
        }

        TemporaryDirectory world;
        sd_event *event = nullptr;
        Configuration *configuration = nullptr;
        Kvp *kvp = nullptr;
        std::vector<Told> told;
        std::map<int, std::string> facts;
};

using Names = std::vector<std::string>;

/* --- changing --- */

TEST_F(KvpTest, SetsGetsAndRemoves) {
        start();
        EXPECT_EQ(set("Owner", "me"), KVP_OK);
        EXPECT_EQ(get("Owner"), "me");
        EXPECT_EQ(set("Owner", nullptr), KVP_OK);
        EXPECT_EQ(get("Owner"), "(none)");
        EXPECT_EQ(set("Owner", nullptr), KVP_E_NOT_FOUND);
}

TEST_F(KvpTest, ComparesBeforeItSets) {
        start();
        EXPECT_EQ(set("k", "v", KVP_WRITE_EXPECT, "x"), KVP_E_NOT_FOUND);
        EXPECT_EQ(set("k", "v", KVP_WRITE_CREATE_ONLY), KVP_OK);
        EXPECT_EQ(set("k", "w", KVP_WRITE_CREATE_ONLY), KVP_E_EXISTS);
        EXPECT_EQ(set("k", "w", KVP_WRITE_EXPECT, "x"), KVP_E_CHANGED);
        EXPECT_EQ(set("k", "w", KVP_WRITE_EXPECT, "v"), KVP_OK);
        EXPECT_EQ(get("k"), "w");
}

TEST_F(KvpTest, SetsAllOrNothing) {
        Result result;
        std::string too_long(2000, 'v');
        start();
        write(&result, KVP_POOL_ID_GUEST, { { "a", "1" }, { "b", too_long.c_str() } });
        EXPECT_EQ(result.result, KVP_E_VALUE_TOO_LONG);
        EXPECT_EQ(get("a"), "(none)");
        write(&result, KVP_POOL_ID_GUEST, { { "a", "1" }, { "b", "2" } });
        EXPECT_EQ(result.result, KVP_OK);
        EXPECT_EQ(get("b"), "2");
}

TEST_F(KvpTest, RefusesPoolsThatNobodyWrites) {
        Result result;
        start();
        for (KvpPool pool : { KVP_POOL_ID_AUTO, KVP_POOL_ID_AUTO_INTERNAL }) {
                write(&result, pool, { { "k", "v" } });
                EXPECT_EQ(result.result, KVP_E_READ_ONLY);
        }
}

TEST_F(KvpTest, WritesNothingForTheSameValue) {
        start();
        ASSERT_EQ(set("k", "v"), KVP_OK);
        settle();
        told.clear();
        struct stat before, after;
        stat(file().c_str(), &before);
        EXPECT_EQ(set("k", "v"), KVP_OK);
        settle();
        stat(file().c_str(), &after);
        EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
        EXPECT_TRUE(told.empty());
}

TEST_F(KvpTest, ClearsAndCounts) {
        Result result;
        KvpTicket *ticket;
        start();
        set("a", "1");
        set("b", "2");
        ASSERT_GE(kvp_clear(kvp, KVP_ORIGIN_BUS, KVP_POOL_ID_GUEST, done, &result, &ticket), 0);
        EXPECT_EQ(ticket, nullptr);
        EXPECT_EQ(result.result, KVP_OK);
        EXPECT_EQ(result.count, 2u);
        EXPECT_EQ(get("a"), "(none)");
}

/* --- waiting for others --- */

TEST_F(KvpTest, WaitsForALockWithoutHoldingAnybodyUp) {
        Result result;
        start();
        set("k", "v");
        int fd = hold();
        KvpTicket *ticket = write(&result, KVP_POOL_ID_GUEST, { { "k", "w" } });
        EXPECT_NE(ticket, nullptr);
        EXPECT_EQ(result.calls, 0);
        EXPECT_EQ(get("k"), "v") << "readers take no lock";
        close(fd);
        EXPECT_TRUE(run_until([&] { return result.calls == 1; }));
        EXPECT_EQ(result.result, KVP_OK);
        EXPECT_EQ(get("k"), "w");
}

TEST_F(KvpTest, SaysBusyWhenTimeIsUp) {
        Result result;
        start();
        int fd = hold();
        write(&result, KVP_POOL_ID_GUEST, { { "k", "w" } });
        EXPECT_TRUE(run_until([&] { return result.calls == 1; }));
        EXPECT_EQ(result.result, KVP_E_BUSY);
        close(fd);
}

TEST_F(KvpTest, MakesChangesInTheOrderTheyWereAskedFor) {
        Result first, second;
        start();
        int fd = hold();
        write(&first, KVP_POOL_ID_GUEST, { { "k", "1" } });
        close(fd);
        KvpTicket *ticket = write(&second, KVP_POOL_ID_GUEST, { { "k", "2" } });
        EXPECT_NE(ticket, nullptr) << "the lock is free, but the first was here before";
        EXPECT_TRUE(run_until([&] { return second.calls == 1; }));
        EXPECT_EQ(first.calls, 1);
        EXPECT_EQ(get("k"), "2");
}

TEST_F(KvpTest, DoesNotWriteWhatWasCancelled) {
        Result result;
        start();
        int fd = hold();
        KvpTicket *ticket = write(&result, KVP_POOL_ID_GUEST, { { "k", "w" } });
        kvp_ticket_cancel(ticket);
        close(fd);
        run_until([] { return false; }, 150 * USEC_PER_MSEC);
        EXPECT_EQ(result.calls, 0);
        EXPECT_EQ(get("k"), "(none)");
}

TEST_F(KvpTest, AnswersAfterTheSyncWithSyncAlways) {
        Result result;
        configuration->kvp.sync = SYNC_ALWAYS;
        start();
        KvpTicket *ticket = write(&result, KVP_POOL_ID_GUEST, { { "k", "w" } });
        EXPECT_NE(ticket, nullptr);
        EXPECT_EQ(result.calls, 0);
        EXPECT_EQ(get("k"), "w") << "readable before it is on the disk";
        EXPECT_TRUE(run_until([&] { return result.calls == 1; }));
        EXPECT_EQ(result.result, KVP_OK);
}

/* --- what is told --- */

TEST_F(KvpTest, TellsNamesAndOriginOnce) {
        start();
        set("a", "1");
        set("b", "2");
        settle();
        ASSERT_EQ(told.size(), 1u);
        EXPECT_EQ(told[0].pool, KVP_POOL_ID_GUEST);
        EXPECT_EQ(told[0].origin, KVP_ORIGIN_BUS);
        EXPECT_EQ(told[0].keys, (Names{ "a", "b" }));
        set("a", nullptr);
        settle();
        ASSERT_EQ(told.size(), 2u);
        EXPECT_EQ(told[1].removed, Names{ "a" });
}

TEST_F(KvpTest, HearsOfWhatOthersWriteWithoutAsking) {
        start();
        append("theirs", "1");
        EXPECT_TRUE(run_until([&] { return !told.empty(); }));
        EXPECT_EQ(told[0].origin, KVP_ORIGIN_FILE);
        EXPECT_EQ(told[0].keys, Names{ "theirs" });
}

TEST_F(KvpTest, HearsOfOthersSoonAfterItWroteItself) {
        start();
        ASSERT_EQ(set("ours", "1"), KVP_OK);
        settle();
        told.clear();
        append("theirs", "2");
        EXPECT_TRUE(run_until([&] { return !told.empty(); }, USEC_PER_SEC));
        EXPECT_EQ(told.back().keys, Names{ "theirs" });
        EXPECT_EQ(told.back().origin, KVP_ORIGIN_FILE);
}

TEST_F(KvpTest, KeepsTheOriginsApart) {
        start();
        append("theirs", "1");
        set("ours", "2");
        append("theirs too", "3");
        EXPECT_EQ(get("theirs too"), "3");
        settle();
        ASSERT_EQ(told.size(), 3u);
        EXPECT_EQ(told[0].origin, KVP_ORIGIN_FILE);
        EXPECT_EQ(told[0].keys, Names{ "theirs" });
        EXPECT_EQ(told[1].origin, KVP_ORIGIN_BUS);
        EXPECT_EQ(told[1].keys, Names{ "ours" });
        EXPECT_EQ(told[2].origin, KVP_ORIGIN_FILE);
        EXPECT_EQ(told[2].keys, Names{ "theirs too" });
}

TEST_F(KvpTest, HearsOfWritersInADirectoryThatIsNew) {
        start();
        ASSERT_EQ(system(("rm -r " + (world / "state")).c_str()), 0);
        EXPECT_TRUE(run_until([&] { return access(file().c_str(), F_OK) == 0; }));
        settle();
        told.clear();
        append("theirs", "1");
        EXPECT_TRUE(run_until([&] { return !told.empty(); }));
}

TEST_F(KvpTest, TellsChangedFactsAsTheGuests) {
        start();
        facts[KVP_FACT_IPV4] = "10.0.0.4";
        kvp_facts_changed(kvp);
        kvp_facts_changed(kvp);
        ASSERT_EQ(told.size(), 1u);
        EXPECT_EQ(told[0].origin, KVP_ORIGIN_GUEST);
        EXPECT_EQ(told[0].keys, Names{ "NetworkAddressIPv4" });
        EXPECT_EQ(get("NetworkAddressIPv4", KVP_POOL_ID_AUTO), "10.0.0.4");
}

/* --- visiting --- */

bool collect(const char *key, size_t key_size, const char *value, size_t value_size, void *userdata) {
        auto *names = static_cast<Names *>(userdata);
        names->emplace_back(key, key_size);
        return names->size() % 2 != 0;
}

TEST_F(KvpTest, VisitsInSlicesAndNoticesAChange) {
        uint64_t generation = 0;
        uint32_t index = 0;
        Names names;
        start();
        for (const char *key : { "a", "b", "c" })
                set(key, "v");
        EXPECT_EQ(kvp_visit(kvp, KVP_POOL_ID_GUEST, &generation, &index, collect, &names), KVP_OK);
        EXPECT_EQ(names, (Names{ "a", "b" }));
        EXPECT_EQ(index, 2u);
        EXPECT_EQ(kvp_visit(kvp, KVP_POOL_ID_GUEST, &generation, &index, collect, &names), KVP_OK);
        EXPECT_EQ(names, (Names{ "a", "b", "c" }));
        set("d", "v");
        EXPECT_EQ(kvp_visit(kvp, KVP_POOL_ID_GUEST, &generation, &index, collect, &names), KVP_E_CHANGED);
}

TEST_F(KvpTest, VisitsTheFacts) {
        uint64_t generation = 0;
        uint32_t index = 8;
        Names names;
        start();
        EXPECT_EQ(kvp_visit(kvp, KVP_POOL_ID_AUTO, &generation, &index, collect, &names), KVP_OK);
        EXPECT_EQ(names, (Names{ "OSVersion", "ProcessorArchitecture" }));
}

/* --- pools --- */

TEST_F(KvpTest, DescribesItsPools) {
        KvpPoolInfo info;
        start();
        set("a", "1");
        kvp_get_pool_info(kvp, KVP_POOL_ID_GUEST, &info);
        EXPECT_EQ(info.file, file());
        EXPECT_EQ(info.count, 1u);
        EXPECT_TRUE(info.writable);
        EXPECT_TRUE(info.world_readable);
        chmod(file().c_str(), 0600);
        kvp_get_pool_info(kvp, KVP_POOL_ID_GUEST, &info);
        EXPECT_TRUE(info.private_names);
        kvp_get_pool_info(kvp, KVP_POOL_ID_AUTO, &info);
        EXPECT_EQ(info.count, 10u);
        EXPECT_FALSE(info.writable);
}

TEST_F(KvpTest, NamesTheProblemWhileAFileIsGone) {
        KvpPoolInfo info;
        start();
        set("a", "1");
        ASSERT_EQ(system(("rm -r " + (world / "state")).c_str()), 0);
        kvp_get_pool_info(kvp, KVP_POOL_ID_GUEST, &info);
        EXPECT_STRNE(info.problem, "");
        EXPECT_FALSE(info.writable);
        EXPECT_EQ(get("a"), "1") << "served from memory";
        EXPECT_TRUE(run_until([&] {
                kvp_get_pool_info(kvp, KVP_POOL_ID_GUEST, &info);
                return access(file().c_str(), F_OK) == 0 && info.writable;
        }));
        EXPECT_STREQ(info.problem, "");
}

/* --- registration --- */

TEST_F(KvpTest, RegistersOnlyWhenThePoolsCanBeWritten) {
        FakeKvpDriver driver(world / "kvp");
        ASSERT_EQ(rmdir((world / "state").c_str()), 0);
        std::ofstream(world / "state") << "a file where the directory should be";
        start();
        EXPECT_FALSE(driver.is_wanted(0));
        ASSERT_EQ(unlink((world / "state").c_str()), 0);
        EXPECT_TRUE(run_until([&] { return driver.is_wanted(0); }));
}

TEST_F(KvpTest, AsksForThePoolFilesBeforeItMakesThem) {
        struct sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, (world / "run/pools").c_str());
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ASSERT_EQ(bind(fd, reinterpret_cast<struct sockaddr *>(&address), sizeof address), 0);
        ASSERT_EQ(listen(fd, 4), 0);
        FakeKvpDriver driver(world / "kvp");
        start();
        struct pollfd at_the_door = { fd, POLLIN, 0 };
        EXPECT_EQ(poll(&at_the_door, 1, 0), 1);
        EXPECT_NE(access(file().c_str(), F_OK), 0);
        EXPECT_FALSE(driver.is_wanted(0));
        for (int pool = 0; pool < 5; pool++)
                std::ofstream(file(static_cast<KvpPool>(pool)));
        EXPECT_TRUE(run_until([&] { return driver.is_wanted(0); }));
        close(fd);
}

/* The first request may be served before the last file is gone. */
TEST_F(KvpTest, AsksForThePoolFilesAgainButNotAllTheTime) {
        struct sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, (world / "run/pools").c_str());
        auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ASSERT_EQ(bind(fd, reinterpret_cast<struct sockaddr *>(&address), sizeof address), 0);
        ASSERT_EQ(listen(fd, 64), 0);
        FakeKvpDriver driver(world / "kvp");
        start();
        int asked = 0;
        for (int i = 0; i < 100; i++) { /* somebody is busy in the directory */
                std::ofstream(world / "state/other") << i;
                std::filesystem::remove(world / "state/other");
                run_until([] { return false; }, 10 * USEC_PER_MSEC);
        }
        for (int one; (one = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; close(one))
                asked++;
        EXPECT_GE(asked, 5);
        EXPECT_LE(asked, 8) << "10, 20, 40 … 640 ms";
}

/* --- the gate --- */

void flag(void *userdata) {
        *static_cast<bool *>(userdata) = true;
}

TEST_F(KvpTest, SaysThatTheGateIsClosedWhenNoSyncIsInFlight) {
        Result result;
        bool closed = false;
        configuration->kvp.sync = SYNC_ALWAYS;
        start();
        write(&result, KVP_POOL_ID_GUEST, { { "k", "w" } });
        kvp_gate_close(kvp, flag, &closed);
        EXPECT_TRUE(kvp_gate_is_closed(kvp));
        EXPECT_FALSE(closed) << "a sync is in flight";
        EXPECT_TRUE(run_until([&] { return closed; }));
        EXPECT_EQ(result.calls, 1);
}

TEST_F(KvpTest, HoldsWritesBehindTheGateReadable) {
        bool closed = false;
        start();
        kvp_gate_close(kvp, flag, &closed);
        EXPECT_TRUE(closed);
        KvpPoolInfo info;
        kvp_get_pool_info(kvp, KVP_POOL_ID_GUEST, &info);
        EXPECT_TRUE(info.writable);
        EXPECT_EQ(set("k", "v"), KVP_OK);
        EXPECT_EQ(get("k"), "v");
        EXPECT_EQ(read_file(file()), "");
        kvp_gate_open(kvp);
        EXPECT_TRUE(read_file(file()) == record("k", "v"));
}

TEST_F(KvpTest, ReleasesWhoWaitsForALockWhenTheGateCloses) {
        Result result;
        bool closed = false;
        start();
        int fd = hold();
        write(&result, KVP_POOL_ID_GUEST, { { "k", "w" } });
        kvp_gate_close(kvp, flag, &closed);
        EXPECT_EQ(result.calls, 1);
        EXPECT_EQ(result.result, KVP_OK);
        EXPECT_EQ(get("k"), "w");
        close(fd);
}

TEST_F(KvpTest, FollowsTheMarkWhileTheLinkIsDown) {
        start();
        std::ofstream(world / "run/frozen");
        EXPECT_TRUE(run_until([&] { return kvp_gate_is_closed(kvp); }));
        kvp_gate_link(kvp, true);
        unlink((world / "run/frozen").c_str());
        settle();
        EXPECT_TRUE(kvp_gate_is_closed(kvp)) << "the link decides while it is up";
        kvp_gate_link(kvp, false);
        EXPECT_FALSE(kvp_gate_is_closed(kvp));
}

TEST_F(KvpTest, IsBornBehindTheGateWhileTheMarkIsThere) {
        std::ofstream(world / "run/frozen");
        for (int pool = 0; pool < 5; pool++)
                std::ofstream(file(static_cast<KvpPool>(pool)));
        start();
        EXPECT_TRUE(kvp_gate_is_closed(kvp));
        unlink((world / "run/frozen").c_str());
        EXPECT_TRUE(run_until([&] { return !kvp_gate_is_closed(kvp); }));
}

/* --- counters --- */

TEST_F(KvpTest, CountsWhatItDoes) {
        std::map<std::string, uint64_t> counters;
        start();
        kvp_visit_statistics(
                kvp,
                [](const char *name, uint64_t value, void *userdata) {
                        (*static_cast<std::map<std::string, uint64_t> *>(userdata))[name] = value;
                },
                &counters);
        EXPECT_EQ(counters.count("kvp.set"), 1u);
        EXPECT_EQ(counters.count("kvp.refused.pool"), 1u);
        EXPECT_EQ(counters.count("kvp.requests"), 1u);
}

} // namespace
