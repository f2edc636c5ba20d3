/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/file-util.h"

#include "common/cleanup.h"
#include "tests/support/temporary-directory.hh"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>

class FileUtil : public testing::Test {
      protected:
        TemporaryDirectory directory;

        size_t entries() const {
                return static_cast<size_t>(
                        std::distance(std::filesystem::directory_iterator(directory.path()), {}));
        }
};

TEST_F(FileUtil, ReadsWholeFiles) {
        std::string path = directory.write("file", std::string("a\0b", 3));
        g_autofree char *contents = nullptr;
        size_t size = 0;

        ASSERT_EQ(read_file_at(AT_FDCWD, path.c_str(), 3, &contents, &size), 0);
        EXPECT_EQ(std::string(contents, size), std::string("a\0b", 3));
        EXPECT_EQ(contents[size], '\0');
}

TEST_F(FileUtil, ReadsFilesThatDoNotKnowTheirSize) {
        g_autofree char *contents = nullptr;

        ASSERT_EQ(read_file_at(AT_FDCWD, "/proc/self/status", 65536, &contents, nullptr), 0);
        EXPECT_NE(strstr(contents, "Pid:"), nullptr);
}

TEST_F(FileUtil, RefusesFilesThatAreTooBig) {
        std::string path = directory.write("file", std::string(10000, 'x'));
        char *contents = nullptr;

        EXPECT_EQ(read_file_at(AT_FDCWD, path.c_str(), 9999, &contents, nullptr), -E2BIG);
        EXPECT_EQ(contents, nullptr);
}

TEST_F(FileUtil, IsNotHeldUpByAFifo) {
        std::string path = directory / "fifo";
        g_autofree char *contents = nullptr;

        ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
        ASSERT_EQ(read_file_at(AT_FDCWD, path.c_str(), 10, &contents, nullptr), 0);
        EXPECT_STREQ(contents, "");
}

TEST_F(FileUtil, MakesADirectoryOnce) {
        std::string path = directory / "new", file = directory.write("file", "");
        struct stat st;

        EXPECT_EQ(make_directory(path.c_str(), 0700), 1);
        EXPECT_EQ(make_directory(path.c_str(), 0755), 0);
        ASSERT_EQ(stat(path.c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, 0700u);
        EXPECT_EQ(make_directory(file.c_str(), 0755), -ENOTDIR);
        EXPECT_EQ(make_directory((path + "/a/b").c_str(), 0755), -ENOENT);
}

TEST_F(FileUtil, ReadsFewerBytesOnlyAtTheEnd) {
        std::string path = directory.write("file", "0123456789");
        char buffer[8] = {};

        auto_fd fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_GE(fd, 0);
        EXPECT_EQ(pread_full(fd, buffer, 4, 2), 4);
        EXPECT_STREQ(buffer, "2345");
        EXPECT_EQ(pread_full(fd, buffer, 8, 6), 4);
        EXPECT_EQ(pread_full(-1, buffer, 8, 6), -EBADF);
        EXPECT_EQ(pwrite_full(fd, "ab", 2, 9), 0);
        EXPECT_EQ(read_file(path), "012345678ab");
}

TEST_F(FileUtil, ReplacesAFileAndLeavesNothingBehind) {
        std::string path = directory.write("file", "old", 0644);
        struct stat st;

        ASSERT_EQ(write_file_atomic(path.c_str(), "new", 3, 0600, true), 0);
        EXPECT_EQ(read_file(path), "new");
        ASSERT_EQ(stat(path.c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, 0600u);
        EXPECT_EQ(entries(), 1u);
}

TEST_F(FileUtil, KeepsTheOldFileWhenTheNewOneCannotBePlaced) {
        std::string path = directory / "occupied";

        directory.write("occupied/file", "");
        EXPECT_EQ(write_file_atomic(path.c_str(), "new", 3, 0600, false), -EISDIR);
        EXPECT_EQ(entries(), 1u);
}
