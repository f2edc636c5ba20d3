/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sched.h>
#include <signal.h>
#include <string>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

#include "service/kvp/store.h"
#include "tests/support/temporary-directory.hh"

/*
 * kill -9 at random instants. A child writes through the store as fast as it can; the parent kills it, starts
 * a store (which replays the redo file) and reads the pool file as a stranger would. The same without the
 * redo file must find a mixed record, or this test would prove nothing.
 *
 * A value is its key and a digit, repeated, so that a record says by itself whether all of it was written
 * together. Record 1 of a pool file lies over a page boundary, and so do half of the others; the kernel looks
 * for a deadly signal between pages.
 */

namespace {

constexpr KvpPool pool = KVP_POOL_ID_GUEST;
constexpr int n_lasting = 6, n_passing = 6;

std::string lasting(int i) {
        return "stays-" + std::to_string(i);
}

std::string passing(int i) {
        return "comes-and-goes-" + std::to_string(i);
}

std::string value_of(const std::string &key, unsigned digit) {
        std::string unit = key + char('0' + digit % 10) + ".", value;
        while (value.size() + unit.size() <= RECORD_VALUE_MAX)
                value += unit;
        return value;
}

StoreEdit edit(const std::string &key, const std::string *value) {
        return { key.c_str(), key.size(), value ? value->c_str() : nullptr, value ? value->size() : 0 };
}

class Kills : public ::testing::Test {
      protected:
        TemporaryDirectory directory;
        std::string state = directory / "state", runtime = directory / "run", image = directory / "image";
        std::mt19937 random{ std::random_device{}() };

        void SetUp() override {
                if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
                        GTEST_SKIP() << "no private mounts here: " << strerror(errno);
                ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
                mkdir(state.c_str(), 0755);
                mkdir(runtime.c_str(), 0755);
                ASSERT_EQ(mount("tmpfs", runtime.c_str(), "tmpfs", 0, "size=16m"), 0);
        }

        void TearDown() override {
                (void) umount2(state.c_str(), MNT_DETACH);
                (void) umount2(runtime.c_str(), MNT_DETACH);
        }

        void use_tmpfs() {
                ASSERT_EQ(mount("tmpfs", state.c_str(), "tmpfs", 0, "size=16m"), 0);
        }

        void use_ext4_with_data_in_the_journal() {
                if (geteuid() != 0)
                        GTEST_SKIP() << "only root mounts ext4";
                std::string command = "truncate -s 64M " + image + " && mkfs.ext4 -q " + image +
                                      " && mount -o loop,data=journal " + image + " " + state;
                ASSERT_EQ(system(command.c_str()), 0);
        }

        std::string redo() const {
                return runtime + "/redo";
        }

        static void apply(Store *store, const std::vector<StoreEdit> &edits) {
                if (store_lock(store, pool) < 0)
                        return;
                store_apply(store, pool, edits.data(), edits.size());
                store_unlock(store, pool);
        }

        static void set_many(Store *store, unsigned digit) {
                std::vector<std::string> keys, values;
                for (int i = 0; i < n_lasting; i++)
                        keys.push_back(lasting(i)), values.push_back(value_of(keys.back(), digit));
                for (int i = 0; i < n_passing; i++)
                        keys.push_back(passing(i)), values.push_back(value_of(keys.back(), digit));
                std::vector<StoreEdit> edits;
                for (size_t i = 0; i < keys.size(); i++)
                        edits.push_back(edit(keys[i], &values[i]));
                apply(store, edits);
        }

        static void set_one(Store *store, const std::string &key, unsigned digit) {
                std::string value = value_of(key, digit);
                apply(store, { edit(key, &value) });
        }

        /* Never returns. Mostly record 1; from time to time all of them, or a removal that moves the later
         * ones down. */
        [[noreturn]] void write_for_ever(bool with_redo, unsigned digit) {
                Store *store;
                if (store_new(state.c_str(), with_redo ? redo().c_str() : nullptr, &store) < 0 ||
                    !store_open_pools(store, true))
                        _exit(1);
                for (;; digit++) {
                        if (digit % 8 == 0)
                                set_many(store, digit);
                        else if (digit % 8 == 4)
                                apply(store, { edit(passing(digit / 8 % n_passing), nullptr) });
                        else
                                set_one(store, lasting(1), digit);
                }
        }

        void kill_once(bool with_redo) {
                pid_t pid = fork();
                if (pid == 0)
                        write_for_ever(with_redo, random());
                struct timespec delay = { 0, long(random() % 3000000) };
                nanosleep(&delay, nullptr);
                kill(pid, SIGKILL);
                int status;
                ASSERT_EQ(waitpid(pid, &status, 0), pid);
                ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
        }

        void start_again(bool with_redo) {
                Store *store = nullptr;
                ASSERT_EQ(store_new(state.c_str(), with_redo ? redo().c_str() : nullptr, &store), 0);
                EXPECT_EQ(store_has_redo(store, nullptr), with_redo);
                EXPECT_TRUE(store_open_pools(store, true));
                store_free(store);
        }

        std::string content() const {
                std::ifstream in(state + "/" + kvp_pool_file_name(pool), std::ios::binary);
                return std::string(std::istreambuf_iterator<char>(in), {});
        }

        static bool record_is_whole(const char *record) {
                std::string key(record, strnlen(record, RECORD_KEY_SIZE)),
                        now(record + RECORD_KEY_SIZE, RECORD_VALUE_SIZE);
                std::string want = value_of(key, unsigned(now[key.size()] - '0'));
                want.resize(RECORD_VALUE_SIZE, '\0');
                return now == want;
        }

        /* "" if all is as it must be, else what is wrong. */
        static std::string complaint(const std::string &bytes) {
                std::map<std::string, int> seen;

                if (bytes.size() % RECORD_SIZE != 0)
                        return "a torn tail";
                for (size_t at = 0; at < bytes.size(); at += RECORD_SIZE) {
                        const char *record = bytes.data() + at;
                        if (!record_is_whole(record))
                                return "record " + std::to_string(at / RECORD_SIZE) + " is mixed";
                        if (++seen[std::string(record, strnlen(record, RECORD_KEY_SIZE))] > 1)
                                return "record " + std::to_string(at / RECORD_SIZE) + " is there twice";
                }
                for (int i = 0; i < n_lasting; i++)
                        if (!bytes.empty() && !seen[lasting(i)])
                                return lasting(i) + " is lost";
                return "";
        }

        void fill() {
                Store *store = nullptr;
                ASSERT_EQ(store_new(state.c_str(), nullptr, &store), 0);
                ASSERT_TRUE(store_open_pools(store, true));
                set_many(store, 0);
                store_free(store);
        }

        void expect_old_or_new(int kills) {
                fill();
                for (int i = 0; i < kills && !HasFailure(); i++) {
                        kill_once(true);
                        start_again(true);
                        EXPECT_EQ(complaint(content()), "") << "after kill " << i + 1;
                }
        }

        /* The number of kills after which a record was mixed, or 0. A removal that stopped half-way, which
         * nobody finishes here, is another matter: then the pool is made anew. */
        int kills_until_mixed_without_redo(int at_most) {
                fill();
                for (int i = 1; i <= at_most && !HasFatalFailure(); i++) {
                        kill_once(false);
                        start_again(false);
                        std::string wrong = complaint(content());
                        if (wrong.find("mixed") != std::string::npos)
                                return i;
                        if (!wrong.empty()) {
                                unlink((state + "/" + kvp_pool_file_name(pool)).c_str());
                                fill();
                        }
                }
                return 0;
        }

        /* $HVUTILS_KILLS: more of them, for the suite `long`. */
        static int kills(int usual) {
                const char *n = getenv("HVUTILS_KILLS");
                return n ? atoi(n) : usual;
        }
};

TEST_F(Kills, LeaveEveryRecordOldOrNewOnTmpfs) {
        use_tmpfs();
        expect_old_or_new(kills(2000));
}

TEST_F(Kills, LeaveEveryRecordOldOrNewOnExt4WithDataInTheJournal) {
        use_ext4_with_data_in_the_journal();
        if (!IsSkipped())
                expect_old_or_new(kills(200));
}

TEST_F(Kills, MixRecordsWhenTheRedoFileIsSwitchedOff) {
        use_tmpfs();
        int n = kills_until_mixed_without_redo(20000);
        EXPECT_GT(n, 0) << "no kill of 20,000 hit the middle of a write";
        RecordProperty("kills", n);
}

} // namespace
