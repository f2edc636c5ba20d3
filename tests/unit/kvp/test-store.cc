/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-fixture.hh"

class StoreFiles : public StoreTest {};

TEST_F(StoreFiles, CreatesTheFiveFilesWithMode0644WhateverTheUmask) {
        store = store_free(store);
        ASSERT_EQ(unlink(file().c_str()), 0);
        mode_t before = umask(077);
        start();
        umask(before);

        EXPECT_EQ(status().st_mode & 07777, 0644u);
        EXPECT_TRUE(store_open_pools(store, false));
        EXPECT_STREQ(info().problem, "");
}

TEST_F(StoreFiles, CreatesNothingUnlessAsked) {
        store = store_free(store);
        ASSERT_EQ(unlink(file().c_str()), 0);
        start(false);

        EXPECT_NE(access(file().c_str(), F_OK), 0);
        EXPECT_FALSE(info().exists);
        EXPECT_STRNE(info().problem, "");
        EXPECT_EQ(set("a", "1"), -ENOENT);
}

TEST_F(StoreFiles, AppendsNewKeysInOrderAndOverwritesInPlace) {
        EXPECT_EQ(set("a", "1"), 1);
        EXPECT_EQ(set("b", "2"), 1);
        EXPECT_EQ(set("a", "longer than before"), 1);
        EXPECT_EQ(set("a", "3"), 1);

        EXPECT_EQ(bytes(), record("a", "3") + record("b", "2"));
        EXPECT_EQ(get("a"), "3");
        EXPECT_EQ(info().count, 2u);
}

TEST_F(StoreFiles, KeepsTheInodeModeAndGroupOverEveryChange) {
        ASSERT_EQ(chmod(file().c_str(), 0600), 0);
        ino_t inode = status().st_ino;
        set("a", "1");
        set("b", "2");
        remove("a");
        clear();

        EXPECT_EQ(status().st_ino, inode);
        EXPECT_EQ(status().st_mode & 07777, 0600u);
        EXPECT_FALSE(info().world_readable);
}

TEST_F(StoreFiles, WritesNothingWhenTheValueStandsThereAlready) {
        set("a", "1");
        struct stat before = status();

        EXPECT_EQ(set("a", "1"), 0);
        EXPECT_EQ(status().st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

TEST_F(StoreFiles, LeavesTheFileUntouchedAtStart) {
        foreign_write(record("a", "1") + "torn");
        struct stat before = status();
        start();

        EXPECT_EQ(get("a"), "1");
        EXPECT_EQ(status().st_mtim.tv_nsec, before.st_mtim.tv_nsec);
        EXPECT_EQ(status().st_size, before.st_size);
}

TEST_F(StoreFiles, ClosesTheGapOfARemovedRecordAndKeepsTheOrder) {
        foreign_write(record("a", "1") + record("b", "2") + record("c", "3"));

        EXPECT_EQ(remove("b"), 1);
        EXPECT_EQ(bytes(), record("a", "1") + record("c", "3"));
        EXPECT_EQ(remove("b"), -ENOENT);
        EXPECT_EQ(set("c", "4"), 1);
        EXPECT_EQ(bytes(), record("a", "1") + record("c", "4"));
}

TEST_F(StoreFiles, RemovesAllRecordsOfAKeyFromALargePool) {
        std::string before, after;
        for (int i = 0; i < 500; i++) {
                std::string r = record(i % 7 == 3 ? "twin" : "k" + std::to_string(i), std::to_string(i));
                before += r;
                if (i % 7 != 3)
                        after += r;
        }
        foreign_write(before);

        EXPECT_EQ(remove("twin"), 71);
        EXPECT_EQ(bytes(), after);
        EXPECT_EQ(get("twin"), "(none)");
        EXPECT_EQ(get("k499"), "499");
}

TEST_F(StoreFiles, ShowsDuplicatesReadsAndWritesTheLast) {
        foreign_write(record("a", "1") + record("b", "2") + record("a", "3"));

        EXPECT_EQ(get("a"), "3");
        EXPECT_EQ(all(), (std::vector<Pair>{ { "a", "1" }, { "b", "2" }, { "a", "3" } }));
        EXPECT_EQ(set("a", "4"), 1);
        EXPECT_EQ(bytes(), record("a", "1") + record("b", "2") + record("a", "4"));
        EXPECT_EQ(remove("a"), 2);
        EXPECT_EQ(bytes(), record("b", "2"));
}

TEST_F(StoreFiles, ReadsFieldsThatAreFullWithoutANul) {
        foreign_write(std::string(RECORD_KEY_SIZE, 'k') + std::string(RECORD_VALUE_SIZE, 'v'));

        EXPECT_EQ(get(std::string(RECORD_KEY_SIZE, 'k')), std::string(RECORD_VALUE_SIZE, 'v'));
        EXPECT_EQ(remove(std::string(RECORD_KEY_SIZE, 'k')), 1);
        EXPECT_EQ(bytes(), "");
}

TEST_F(StoreFiles, IgnoresATornTailAndRepairsItWithTheNextWrite) {
        foreign_write(record("a", "1") + record("b", "2").substr(0, 1000));

        EXPECT_EQ(all(), (std::vector<Pair>{ { "a", "1" } }));
        EXPECT_EQ(set("a", "2"), 1);
        EXPECT_EQ(bytes(), record("a", "2"));

        foreign_write("torn", O_APPEND);
        EXPECT_EQ(set("c", "3"), 1);
        EXPECT_EQ(bytes(), record("a", "2") + record("c", "3"));
}

TEST_F(StoreFiles, AppliesManyEditsTogetherTheLastOfAKeyWinning) {
        foreign_write(record("a", "1") + record("b", "2"));

        EXPECT_EQ(apply({ edit("a", nullptr), edit("n", "1"), edit("b", "3"), edit("n", "2"),
                          edit("x", nullptr) }),
                  3);
        EXPECT_EQ(bytes(), record("b", "3") + record("n", "2"));
}

TEST_F(StoreFiles, ClearsAndCounts) {
        foreign_write(record("a", "1") + record("a", "2"));

        EXPECT_EQ(clear(), 2);
        EXPECT_EQ(bytes(), "");
        EXPECT_EQ(clear(), 0);
}

TEST_F(StoreFiles, RefusesMoreRecordsThanTheLimitButChangesWhatIsThere) {
        store_set_limits(store, 1);

        EXPECT_EQ(set("a", "1"), 1);
        EXPECT_EQ(set("b", "1"), -EDQUOT);
        EXPECT_EQ(set("a", "2"), 1);
        EXPECT_EQ(bytes(), record("a", "2"));
}

TEST_F(StoreFiles, NamesWhatChangedAndNeverTooMany) {
        StoreDelta delta;
        (void)store_take_delta(store, pool, &delta);
        set("a", "1");
        foreign_write(record("b", "2"));
        store_revalidate(store, pool);

        ASSERT_TRUE(store_take_delta(store, pool, &delta));
        EXPECT_FALSE(delta.all);
        EXPECT_STREQ(delta.keys[0], "b");
        EXPECT_EQ(delta.keys[1], nullptr);
        EXPECT_STREQ(delta.removed[0], "a");
        EXPECT_EQ(delta.removed[1], nullptr);
        EXPECT_FALSE(store_take_delta(store, pool, &delta));

        std::string many;
        for (int i = 0; i < 300; i++)
                many += record("k" + std::to_string(i), "v");
        foreign_write(many);
        store_revalidate(store, pool);
        ASSERT_TRUE(store_take_delta(store, pool, &delta));
        EXPECT_TRUE(delta.all);
        EXPECT_EQ(delta.keys[0], nullptr);
}

TEST_F(StoreFiles, GenerationGrowsOnlyWhenReadersSeeADifference) {
        set("a", "1");
        uint64_t generation = info().generation;

        set("a", "1");
        store_revalidate(store, pool);
        EXPECT_EQ(info().generation, generation);
        set("a", "2");
        EXPECT_GT(info().generation, generation);
}

TEST_F(StoreFiles, HandsOutTheDescriptorToSyncOncePerChange) {
        EXPECT_EQ(store_take_dirty_fd(store, pool), -ENOENT);
        set("a", "1");
        int fd = store_take_dirty_fd(store, pool);
        ASSERT_GE(fd, 0);
        EXPECT_EQ(fdatasync(fd), 0);
        close(fd);
        EXPECT_EQ(store_take_dirty_fd(store, pool), -ENOENT);
}
