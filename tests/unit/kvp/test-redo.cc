/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-fixture.hh"

#include <sys/wait.h>

/*
 * A daemon that dies at the worst moment, on purpose: a child whose pwrite() number `dies_at` writes only
 * `bytes_left` bytes and ends the process (for ftruncate(): before or after the call). What a real kill -9
 * does by chance, at every place where it could. The test with real kills is tests/integration/kills.
 */
static int dies_at, calls;
static size_t bytes_left;

static ssize_t dying_pwrite(int fd, const void *buffer, size_t n, off_t offset) {
        if (++calls != dies_at)
                return pwrite(fd, buffer, n, offset);
        (void) !pwrite(fd, buffer, MIN(n, bytes_left), offset);
        _exit(99);
}

static int dying_ftruncate(int fd, off_t size) {
        if (++calls == dies_at) {
                if (bytes_left > 0)
                        (void) !ftruncate(fd, size);
                _exit(99);
        }
        return ftruncate(fd, size);
}

class RedoReplay : public StoreTest {
      protected:
        TemporaryDirectory runtime;
        std::string redo = runtime / "redo";

        const char *redo_path() override {
                return redo.c_str();
        }

        /* Runs act in a daemon of its own that dies at that call; false if it lived through act. */
        template <typename Act> bool die(int at, size_t left, Act act) {
                store = store_free(store);
                pid_t pid = fork();
                if (pid == 0) {
                        dies_at = at;
                        bytes_left = left;
                        calls = 0;
                        start();
                        store_io.pwrite = dying_pwrite;
                        store_io.ftruncate = dying_ftruncate;
                        act();
                        _exit(0);
                }
                int status = 0;
                EXPECT_EQ(waitpid(pid, &status, 0), pid);
                EXPECT_TRUE(WIFEXITED(status));
                return WIFEXITED(status) && WEXITSTATUS(status) == 99;
        }

        /* Every record of the file is one of those given; returns how many there are. */
        size_t expect_only(const std::vector<std::string> &allowed) {
                std::string now = bytes();
                EXPECT_EQ(now.size() % RECORD_SIZE, 0u);
                for (size_t i = 0; i + RECORD_SIZE <= now.size(); i += RECORD_SIZE)
                        EXPECT_NE(std::find(allowed.begin(), allowed.end(), now.substr(i, RECORD_SIZE)),
                                  allowed.end())
                                << "record " << i / RECORD_SIZE << " is mixed";
                return now.size() / RECORD_SIZE;
        }
};

static const std::string old_value(RECORD_VALUE_MAX, 'o'), new_value(RECORD_VALUE_MAX, 'n');
static const size_t cuts[] = { 0, 1, 511, 512, 1000, 1536, 2047, 2559, 2560 };

TEST_F(RedoReplay, FinishesAnOverwriteThatWasCutAnywhere) {
        std::string before = record("a", "1") + record("b", old_value),
                    after = record("a", "1") + record("b", new_value);

        for (size_t cut : cuts) {
                SCOPED_TRACE(cut);
                foreign_write(before);
                ASSERT_TRUE(die(1, cut, [&] { set("b", new_value); }));
                start();
                EXPECT_TRUE(bytes() == before || bytes() == after);
                EXPECT_TRUE(get("b") == old_value || get("b") == new_value);
                if (cut > 600 && cut < RECORD_SIZE) {
                        EXPECT_EQ(get("b"), new_value);
                }
        }
}

/* Others do not pad with zeros; what a cut write leaves behind is then no mix of what memory knows. */
TEST_F(RedoReplay, FinishesAnOverwriteOfARecordWithGarbageBehindItsText) {
        std::string unpadded = record("b", "1");
        unpadded.replace(RECORD_KEY_SIZE + 2, RECORD_VALUE_SIZE - 2, RECORD_VALUE_SIZE - 2, '#');

        for (size_t cut : cuts) {
                SCOPED_TRACE(cut);
                foreign_write(unpadded);
                ASSERT_TRUE(die(1, cut, [&] { set("b", "2"); }));
                start();
                EXPECT_TRUE(bytes() == unpadded || bytes() == record("b", "2"));
        }
}

TEST_F(RedoReplay, LeavesAMixedRecordBehindWhenItIsSwitchedOff) {
        foreign_write(record("a", "1") + record("b", old_value));
        store = store_free(store);
        pid_t pid = fork();
        if (pid == 0) {
                store_free(store);
                store_new(directory.path().c_str(), nullptr, &store);
                store_open_pools(store, true);
                dies_at = 1;
                bytes_left = 1536;
                store_io.pwrite = dying_pwrite;
                set("b", new_value);
                _exit(0);
        }
        ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
        start();
        EXPECT_NE(get("b"), old_value);
        EXPECT_NE(get("b"), new_value);
}

TEST_F(RedoReplay, LeavesAloneWhatOthersWroteSince) {
        foreign_write(record("a", old_value));
        ASSERT_TRUE(die(1, 1000, [&] { set("a", new_value); }));
        foreign_write(record("a", "of another"));
        start();

        EXPECT_EQ(bytes(), record("a", "of another"));
}

TEST_F(RedoReplay, LeavesAFileAloneThatTookTheOthersPlace) {
        foreign_write(record("a", old_value));
        ASSERT_TRUE(die(1, 1000, [&] { set("a", new_value); }));
        std::string mixed = bytes();
        ASSERT_EQ(rename(file().c_str(), (directory / "elsewhere").c_str()), 0);
        foreign_write(mixed);
        start();

        EXPECT_EQ(bytes(), mixed);
}

TEST_F(RedoReplay, FinishesAnAppendSoThatNobodyAppendsAskew) {
        for (size_t cut : cuts) {
                SCOPED_TRACE(cut);
                foreign_write(record("a", "1"));
                ASSERT_TRUE(die(1, cut, [&] { set("b", new_value); }));
                start();
                EXPECT_TRUE(bytes() == record("a", "1") ||
                            bytes() == record("a", "1") + record("b", new_value));
        }
}

TEST_F(RedoReplay, LeavesEveryRecordOldOrNewInSetMany) {
        std::string before;
        std::vector<std::string> allowed, keys;
        for (int i = 0; i < 8; i++) {
                keys.push_back("k" + std::to_string(i));
                allowed.push_back(record(keys[i], old_value));
                allowed.push_back(record(keys[i], new_value));
                if (i < 5)
                        before += record(keys[i], old_value);
        }
        std::vector<StoreEdit> edits;
        for (const std::string &key : keys)
                edits.push_back(edit(key, new_value.c_str()));

        int at = 1;
        for (;; at++) {
                foreign_write(before);
                SCOPED_TRACE(at);
                if (!die(at, 1300, [&] { apply(edits); }))
                        break;
                start();
                EXPECT_GE(expect_only(allowed), 5u);
        }
        EXPECT_EQ(at, 7); /* one append, five records */
        EXPECT_EQ(bytes().size(), 8u * RECORD_SIZE);
}

TEST_F(RedoReplay, TakesUpARemovalWhereverItStopped) {
        std::string before, after;
        for (int i = 0; i < 300; i++) {
                std::string r = record(i % 50 == 7 ? "twin" : "k" + std::to_string(i),
                                       std::to_string(i) + old_value.substr(9));
                before += r;
                if (i % 50 != 7)
                        after += r;
        }

        int at = 1;
        for (;; at++) {
                SCOPED_TRACE(at);
                foreign_write(before);
                bool died = die(at, at % 2 ? 100000 : 5000, [&] { remove("twin"); });
                start();
                EXPECT_TRUE(bytes() == after || (at == 1 && bytes() == before));
                if (!died)
                        break;
        }
        EXPECT_EQ(at, 7); /* five chunks, one cut */
}

TEST_F(RedoReplay, KeepsWhatOthersAppendToAHalfRemovedKey) {
        std::string before = record("a", "1") + record("b", "2") + record("c", "3");
        std::string foreign = record("a", "of another");

        for (int at = 1; at <= 2; at++)
                for (size_t cut : { 0u, 1000u, 5000u }) {
                        SCOPED_TRACE(testing::Message() << at << " " << cut);
                        foreign_write(before);
                        ASSERT_TRUE(die(at, cut, [&] { remove("a"); }));
                        foreign_write(foreign, O_APPEND);
                        start();
                        std::string now = bytes();
                        EXPECT_EQ(now.substr(now.size() - RECORD_SIZE), foreign);
                        expect_only({ record("a", "1"), record("b", "2"), record("c", "3"), foreign });
                        if (at == 2) {
                                EXPECT_EQ(now, record("b", "2") + record("c", "3") + foreign);
                        }
                }
}

TEST_F(RedoReplay, BelongsToOneDaemonAtATime) {
        Store *second = nullptr;
        const char *why = nullptr;
        foreign_write(record("a", "1"));

        ASSERT_EQ(store_new(directory.path().c_str(), redo.c_str(), &second), 0);
        EXPECT_TRUE(store_has_redo(store, nullptr));
        EXPECT_FALSE(store_has_redo(second, &why));
        EXPECT_STRNE(why, "");
        EXPECT_EQ(store_try_redo(second), -EBUSY);
        store = store_free(store);
        EXPECT_EQ(store_try_redo(second), 0);
        EXPECT_TRUE(store_has_redo(second, nullptr));
        store_free(second);
}

TEST_F(RedoReplay, OfAnotherVersionIsBegunAnew) {
        store = store_free(store);
        std::ofstream(redo) << "something else";
        start();

        EXPECT_TRUE(store_has_redo(store, nullptr));
        EXPECT_EQ(set("a", "1"), 1);
}

class Gate : public RedoReplay {};

TEST_F(Gate, ShowsPendingEditsAtOnceAndTouchesNoFile) {
        foreign_write(record("a", "1") + record("b", "2") + record("c", "3"));
        store_set_closed(store, true);
        struct stat before = status();

        EXPECT_EQ(set("a", "9"), 1);
        EXPECT_EQ(set("a", "9"), 0);
        EXPECT_EQ(set("n", "4"), 1);
        EXPECT_EQ(remove("b"), 1);
        EXPECT_EQ(remove("b"), -ENOENT);
        EXPECT_EQ(all(), (std::vector<Pair>{ { "a", "9" }, { "c", "3" }, { "n", "4" } }));
        EXPECT_EQ(status().st_mtim.tv_nsec, before.st_mtim.tv_nsec);
        EXPECT_EQ(status().st_size, before.st_size);

        store_set_closed(store, false);
        EXPECT_EQ(bytes(), record("a", "9") + record("c", "3") + record("n", "4"));
        EXPECT_EQ(store_apply_pending(store), 0);
}

TEST_F(Gate, KeepsPendingEditsOverARestart) {
        foreign_write(record("a", "1"));
        store_set_closed(store, true);
        set("a", "2");
        set("b", "3");
        store = store_free(store);
        ASSERT_EQ(store_new(directory.path().c_str(), redo.c_str(), &store), 0);
        store_set_closed(store, true);
        store_open_pools(store, false);

        EXPECT_EQ(all(), (std::vector<Pair>{ { "a", "2" }, { "b", "3" } }));
        EXPECT_EQ(bytes(), record("a", "1"));
        store_set_closed(store, false);
        EXPECT_EQ(bytes(), record("a", "2") + record("b", "3"));
}

TEST_F(Gate, AppliesPendingEditsToWhatOthersMadeOfTheFile) {
        foreign_write(record("a", "1"));
        store_set_closed(store, true);
        set("a", "2");
        foreign_write(record("x", "1") + record("a", "7"));
        EXPECT_EQ(all(), (std::vector<Pair>{ { "x", "1" }, { "a", "2" } }));
        store_set_closed(store, false);

        EXPECT_EQ(bytes(), record("x", "1") + record("a", "2"));
}

TEST_F(Gate, ClearsBehindItToo) {
        foreign_write(record("a", "1") + record("b", "2"));
        store_set_closed(store, true);
        EXPECT_EQ(clear(), 2);
        EXPECT_EQ(set("c", "3"), 1);
        EXPECT_EQ(all(), (std::vector<Pair>{ { "c", "3" } }));
        store_set_closed(store, false);

        EXPECT_EQ(bytes(), record("c", "3"));
}

TEST_F(Gate, RefusesWhenThereIsNoRoomOrNoRedoFile) {
        store_set_closed(store, true);
        store_set_limits(store, 100000);
        int r = 0, n = 0;
        for (; r >= 0 && n < 3000; n++)
                r = set("k" + std::to_string(n), new_value);
        EXPECT_EQ(r, -EROFS);
        EXPECT_GT(n, 1000);
        store_set_closed(store, false);
        EXPECT_EQ(info().count, (uint32_t) n - 1);

        redo = "";
        store = store_free(store);
        ASSERT_EQ(store_new(directory.path().c_str(), nullptr, &store), 0);
        store_set_closed(store, true);
        store_open_pools(store, false);
        EXPECT_EQ(set("x", "1"), -EROFS);
}

static ssize_t full_pwrite(int, const void *, size_t, off_t) {
        errno = ENOSPC;
        return -1;
}

TEST_F(Gate, KeepsWhatCannotBeWrittenAndTriesAgain) {
        foreign_write(record("a", "1"));
        store_set_closed(store, true);
        set("a", "2");
        set("b", "3");
        store_io.pwrite = full_pwrite;
        store_set_closed(store, false);

        EXPECT_EQ(store_apply_pending(store), 2);
        EXPECT_STRNE(info().problem, "");
        EXPECT_EQ(all(), (std::vector<Pair>{ { "a", "2" }, { "b", "3" } }));
        EXPECT_EQ(bytes(), record("a", "1"));

        store_io = store_io_real;
        EXPECT_EQ(store_apply_pending(store), 0);
        EXPECT_STREQ(info().problem, "");
        EXPECT_EQ(bytes(), record("a", "2") + record("b", "3"));
}

TEST_F(Gate, ForgetsWhatANewerDirectEditReplaces) {
        foreign_write(record("a", "1"));
        store_set_closed(store, true);
        set("b", "2");
        set("c", "3");
        store_io.pwrite = full_pwrite;
        store_set_closed(store, false);

        EXPECT_EQ(remove("b"), 1);
        EXPECT_EQ(all(), (std::vector<Pair>{ { "a", "1" }, { "c", "3" } }));
        store_io = store_io_real;
        EXPECT_EQ(store_apply_pending(store), 0);
        EXPECT_EQ(bytes(), record("a", "1") + record("c", "3"));
}

TEST_F(Gate, ReportsAPendingEditOnceAndNotAgainWhenItIsMade) {
        StoreDelta delta;
        foreign_write(record("a", "1"));
        store_revalidate(store, pool);
        store_set_closed(store, true);
        (void) store_take_delta(store, pool, &delta);
        set("a", "2");
        ASSERT_TRUE(store_take_delta(store, pool, &delta));
        EXPECT_STREQ(delta.keys[0], "a");
        store_set_closed(store, false);

        EXPECT_FALSE(store_take_delta(store, pool, &delta));
}

TEST_F(Gate, ShowsACutWriteWholeUntilItMayBeFinished) {
        foreign_write(record("a", "1") + record("b", old_value));
        ASSERT_TRUE(die(1, 1536, [&] { set("b", new_value); }));
        std::string mixed = bytes();
        ASSERT_EQ(store_new(directory.path().c_str(), redo.c_str(), &store), 0);
        store_set_closed(store, true);
        store_open_pools(store, false);

        EXPECT_EQ(get("b"), new_value);
        EXPECT_EQ(bytes(), mixed);
        store_set_closed(store, false);
        EXPECT_EQ(bytes(), record("a", "1") + record("b", new_value));
}
