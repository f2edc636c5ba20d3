/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-fixture.hh"

#include <filesystem>
#include <sys/file.h>
#include <sys/wait.h>

/* The pool files belong to others too. */
class StoreSharing : public StoreTest {
      protected:
        static int reads, stats;

        static ssize_t counting_pread(int fd, void *buffer, size_t n, off_t offset) {
                reads++;
                return pread(fd, buffer, n, offset);
        }

        static int counting_fstat(int fd, struct stat *ret) {
                stats++;
                return fstat(fd, ret);
        }

        void count() {
                reads = stats = 0;
                store_io.pread = counting_pread;
                store_io.fstat = counting_fstat;
        }
};

int StoreSharing::reads, StoreSharing::stats;

TEST_F(StoreSharing, SeesAChangeOfTheSameSizeWithinTheSameTick) {
        foreign_write(record("a", "00000"));
        for (int i = 0; i < 300; i++) {
                std::string value = std::to_string(10000 + i);
                foreign_write(record("a", value), 0);
                ASSERT_EQ(get("a"), value);
        }
}

TEST_F(StoreSharing, SeesAChangeRightAfterItsOwnWrite) {
        for (int i = 0; i < 300; i++) {
                std::string value = std::to_string(10000 + i);
                ASSERT_EQ(set("a", "own" + value), 1);
                ASSERT_EQ(get("a"), "own" + value);
                foreign_write(record("a", "for" + value), 0);
                ASSERT_EQ(get("a"), "for" + value);
        }
}

TEST_F(StoreSharing, AsksForTheFilesStatusOnceAndReadsNothingAfterItsOwnWrite) {
        set("a", "1");
        count();
        EXPECT_EQ(get("a"), "1");
        EXPECT_EQ(stats, 1);
        EXPECT_EQ(reads, 0);
}

TEST_F(StoreSharing, TrustsAFileOnlyOnceItHasSettled) {
        foreign_write(record("a", "1"));
        get("a");
        count();
        get("a");
        EXPECT_GT(reads, 0);
        usleep(30000);
        get("a");
        count();
        get("a");
        EXPECT_EQ(reads, 0);
}

static int refusing_futimens(int, const struct timespec *) {
        errno = EPERM;
        return -1;
}

TEST_F(StoreSharing, FallsBackToReadingAgainWhereItMayNotStampTheFile) {
        store_io.futimens = refusing_futimens;
        set("a", "1");
        count();
        EXPECT_EQ(get("a"), "1");
        EXPECT_GT(reads, 0);
}

TEST_F(StoreSharing, DoesNotTrustATimeInTheFuture) {
        foreign_write(record("a", "1"));
        const struct timespec times[2] = { { .tv_sec = 0, .tv_nsec = UTIME_OMIT },
                                           { .tv_sec = time(nullptr) + 3600, .tv_nsec = 1 } };
        ASSERT_EQ(utimensat(AT_FDCWD, file().c_str(), times, 0), 0);
        get("a");
        usleep(30000);
        get("a");
        count();
        get("a");
        EXPECT_GT(reads, 0);
}

TEST_F(StoreSharing, GivesUpAtOnceWhenAnotherHoldsTheFlockAndHoldsNothingThen) {
        int other = open(file().c_str(), O_RDWR);
        ASSERT_EQ(flock(other, LOCK_EX), 0);
        EXPECT_EQ(set("a", "1"), -EAGAIN);
        ASSERT_EQ(flock(other, LOCK_UN), 0);
        EXPECT_EQ(set("a", "1"), 1);
        close(other);
}

/* POSIX locks conflict only between processes. */
TEST_F(StoreSharing, GivesUpAtOnceWhenAnotherHoldsAPosixLockAndHoldsNothingThen) {
        int to_parent[2], to_child[2];
        char byte = 0;
        ASSERT_EQ(pipe(to_parent), 0);
        ASSERT_EQ(pipe(to_child), 0);
        pid_t pid = fork();
        if (pid == 0) {
                int fd = open(file().c_str(), O_RDWR);
                struct flock lock = {};
                lock.l_type = F_WRLCK;
                (void) !fcntl(fd, F_SETLK, &lock);
                (void) !write(to_parent[1], &byte, 1);
                close(to_child[1]);
                (void) !read(to_child[0], &byte, 1);
                _exit(0);
        }
        ASSERT_EQ(read(to_parent[0], &byte, 1), 1);
        EXPECT_EQ(set("a", "1"), -EAGAIN);
        int other = open(file().c_str(), O_RDWR);
        EXPECT_EQ(flock(other, LOCK_EX | LOCK_NB), 0) << "the flock was kept";
        close(other);
        close(to_child[1]);
        waitpid(pid, nullptr, 0);
        EXPECT_EQ(set("a", "1"), 1);
        for (int fd : { to_parent[0], to_parent[1], to_child[0] })
                close(fd);
}

TEST_F(StoreSharing, FollowsAFileThatWasReplaced) {
        set("a", "1");
        std::ofstream(directory / "next") << record("b", "2");
        ASSERT_EQ(rename((directory / "next").c_str(), file().c_str()), 0);

        EXPECT_EQ(get("b"), "2");
        EXPECT_EQ(get("a"), "(none)");
        EXPECT_EQ(set("b", "3"), 1);
        EXPECT_EQ(bytes(), record("b", "3"));
}

TEST_F(StoreSharing, WritesToThePathEvenIfTheOldFileLivesOnElsewhere) {
        set("a", "1");
        std::ofstream(directory / "next") << record("b", "2");
        ASSERT_EQ(link(file().c_str(), (directory / "kept").c_str()), 0);
        ASSERT_EQ(rename((directory / "next").c_str(), file().c_str()), 0);

        EXPECT_EQ(set("c", "3"), 1);
        EXPECT_EQ(bytes(), record("b", "2") + record("c", "3"));
}

TEST_F(StoreSharing, ServesFromMemoryWhenTheFileIsGoneAndComesBackWithIt) {
        set("a", "1");
        ASSERT_EQ(unlink(file().c_str()), 0);

        EXPECT_EQ(get("a"), "1");
        EXPECT_STRNE(info().problem, "");
        EXPECT_LT(set("a", "2"), 0);
        EXPECT_EQ(get("a"), "1");
        EXPECT_FALSE(store_open_pools(store, false));
        EXPECT_TRUE(store_open_pools(store, true));
        EXPECT_STREQ(info().problem, "");
        EXPECT_EQ(get("a"), "(none)");
        EXPECT_EQ(set("a", "2"), 1);
}

TEST_F(StoreSharing, ComesBackWithTheDirectory) {
        set("a", "1");
        std::filesystem::remove_all(directory.path());
        EXPECT_EQ(get("a"), "1");
        EXPECT_LT(set("a", "2"), 0);
        EXPECT_TRUE(store_open_pools(store, true));
        EXPECT_EQ(set("a", "2"), 1);
        EXPECT_EQ(bytes(), record("a", "2"));
}

TEST_F(StoreSharing, TakesNoPipeNoDirectoryAndNoLinkForAPool) {
        const std::string elsewhere = directory / "elsewhere";
        std::ofstream(elsewhere) << record("a", "1");
        store = store_free(store);

        ASSERT_EQ(unlink(file().c_str()), 0);
        ASSERT_EQ(mkfifo(file().c_str(), 0644), 0);
        start();
        EXPECT_STRNE(info().problem, "");
        ASSERT_EQ(unlink(file().c_str()), 0);
        ASSERT_EQ(mkdir(file().c_str(), 0755), 0);
        start();
        EXPECT_STRNE(info().problem, "");
        ASSERT_EQ(rmdir(file().c_str()), 0);
        ASSERT_EQ(symlink(elsewhere.c_str(), file().c_str()), 0);
        start();
        EXPECT_STRNE(info().problem, "");
        EXPECT_EQ(get("a"), "(none)");
}

TEST_F(StoreSharing, SeesAFileThatWasCut) {
        set("a", "1");
        set("b", "2");
        ASSERT_EQ(truncate(file().c_str(), 0), 0);
        EXPECT_EQ(get("a"), "(none)");
        EXPECT_EQ(set("c", "3"), 1);
        EXPECT_EQ(bytes(), record("c", "3"));
}
