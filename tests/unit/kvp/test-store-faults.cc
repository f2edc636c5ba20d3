/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-fixture.hh"

#include <cerrno>

/* A disk that fails at the call we mean. */
class StoreFaults : public StoreTest {
      protected:
        static int fails_at, calls, error;
        static size_t bytes_first;

        static ssize_t failing_pwrite(int fd, const void *buffer, size_t n, off_t offset) {
                if (++calls != fails_at)
                        return pwrite(fd, buffer, n, offset);
                if (bytes_first > 0) {
                        fails_at++;
                        ssize_t k = pwrite(fd, buffer, MIN(n, bytes_first), offset);
                        bytes_first = 0;
                        return k;
                }
                errno = error;
                return -1;
        }

        void fail(int at, int with, size_t after_bytes = 0) {
                fails_at = at;
                error = with;
                bytes_first = after_bytes;
                calls = 0;
                store_io.pwrite = failing_pwrite;
        }
};

int StoreFaults::fails_at, StoreFaults::calls, StoreFaults::error;
size_t StoreFaults::bytes_first;

TEST_F(StoreFaults, AnAppendThatFailsHalfWayIsTakenBack) {
        set("a", "1");
        fail(1, ENOSPC, 1000);
        EXPECT_EQ(set("b", "2"), -ENOSPC);
        EXPECT_EQ(bytes(), record("a", "1"));
        EXPECT_EQ(get("b"), "(none)");
        EXPECT_STRNE(info().problem, "");

        store_io = store_io_real;
        EXPECT_EQ(set("b", "2"), 1);
        EXPECT_STREQ(info().problem, "");
}

TEST_F(StoreFaults, AnOverwriteThatFailsHalfWayIsTakenBack) {
        set("a", "old");
        fail(1, EIO, 600);
        EXPECT_EQ(set("a", "new"), -EIO);
        EXPECT_EQ(bytes(), record("a", "old"));
        EXPECT_EQ(get("a"), "old");
}

TEST_F(StoreFaults, ManyEditsThatFailAtAnyWriteLeaveTheFileAsItWas) {
        std::string before;
        for (int i = 0; i < 200; i++)
                before += record("k" + std::to_string(i), "old");

        int at = 1;
        for (;; at++) {
                SCOPED_TRACE(at);
                foreign_write(before);
                fail(at, EIO, 3000);
                int r = apply(
                        { edit("k3", "new"), edit("n1", "new"), edit("k7", nullptr), edit("k100", "new") });
                if (calls < at)
                        break;
                EXPECT_EQ(r, -EIO);
                EXPECT_TRUE(bytes() == before);
                EXPECT_EQ(get("k7"), "old");
        }
        EXPECT_EQ(at, 8); /* one append, two records, four chunks */
        EXPECT_EQ(bytes().size(), 200u * RECORD_SIZE);
}

TEST_F(StoreFaults, AQuotaOfTheDiskIsNoLimitOfOurs) {
        fail(1, EDQUOT);
        EXPECT_EQ(set("a", "1"), -ENOSPC);
}

TEST_F(StoreFaults, InterruptionsAndShortWritesAreGoneThrough) {
        fail(1, EINTR);
        EXPECT_EQ(set("a", "1"), 1);
        fail(1, EINTR, 100);
        EXPECT_EQ(set("b", "2"), 1);
        EXPECT_EQ(bytes(), record("a", "1") + record("b", "2"));
}

static ssize_t broken_pread(int, void *, size_t, off_t) {
        errno = EIO;
        return -1;
}

TEST_F(StoreFaults, AFileThatCannotBeReadLeavesMemoryAsItWas) {
        set("a", "1");
        foreign_write(record("a", "2"));
        store_io.pread = broken_pread;
        EXPECT_EQ(store_revalidate(store, pool), -EIO);
        EXPECT_EQ(get("a"), "1");
        EXPECT_STRNE(info().problem, "");
        EXPECT_EQ(set("a", "3"), -EIO);

        store_io = store_io_real;
        EXPECT_EQ(get("a"), "2");
        EXPECT_STREQ(info().problem, "");
}

static int refusing_open(const char *path, int flags, mode_t mode) {
        if ((flags & O_ACCMODE) == O_RDWR) {
                errno = EROFS;
                return -1;
        }
        return open(path, flags, mode);
}

TEST_F(StoreFaults, AFileThatOpensForReadingOnlyIsReadAndSaysSo) {
        foreign_write(record("a", "1"));
        store_io.open = refusing_open;
        start();
        EXPECT_EQ(get("a"), "1");
        EXPECT_FALSE(info().writable);
        EXPECT_STRNE(info().problem, "");
        EXPECT_FALSE(store_open_pools(store, true));
        EXPECT_EQ(set("a", "2"), -EROFS);

        store_io = store_io_real;
        EXPECT_TRUE(store_open_pools(store, true));
        EXPECT_EQ(set("a", "2"), 1);
}
