/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl --root=DIR: pool files without a daemon, shared with others who write them. */

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "tests/integration/hvctl/hvctl.hh"

static struct stat stat_of(const std::string &path) {
        struct stat st = {};
        EXPECT_EQ(stat(path.c_str(), &st), 0) << path;
        return st;
}

TEST(Offline, SetsAndGetsAKey) {
        Image image;
        EXPECT_EQ(image.kvp({ "set", "Owner", "me" }).status, 0);
        auto got = image.kvp({ "get", "Owner" });
        EXPECT_EQ(got.status, 0);
        EXPECT_EQ(got.output, "me\n");
        EXPECT_EQ(image.content(1), record("Owner", "me"));
}

TEST(Offline, MakesPoolFilesThatAllMayRead) {
        Image image;
        ASSERT_EQ(image.kvp({ "set", "Owner", "me" }).status, 0);
        EXPECT_EQ(stat_of(image.file(1)).st_mode & 07777, 0644u);
}

TEST(Offline, ReadingMakesNothing) {
        Image image;
        EXPECT_EQ(image.kvp({ "list" }).status, 0);
        EXPECT_EQ(image.kvp({ "get", "Owner" }).status, 4);
        struct stat st;
        EXPECT_LT(stat((image.root() + "/var").c_str(), &st), 0);
}

TEST(Offline, KeepsInodeAndMode) {
        Image image;
        image.put(1, record("Owner", "me"), 0600);
        auto before = stat_of(image.file(1));
        ASSERT_EQ(image.kvp({ "set", "Owner", "somebody with a longer name" }).status, 0);
        ASSERT_EQ(image.kvp({ "set", "Other", "x" }).status, 0);
        auto after = stat_of(image.file(1));
        EXPECT_EQ(after.st_ino, before.st_ino);
        EXPECT_EQ(after.st_mode & 07777, 0600u);
        EXPECT_EQ(after.st_size, 2 * 2560);
}

TEST(Offline, AShorterValueLeavesNothingOfTheLongerOne) {
        Image image;
        image.put(1, record("Password", "hunter2 is secret"));
        ASSERT_EQ(image.kvp({ "set", "Password", "x" }).status, 0);
        EXPECT_EQ(image.content(1), record("Password", "x"));
}

TEST(Offline, TheSameValueAgainDoesNotTouchTheFile) {
        Image image;
        image.put(1, record("Owner", "me"));
        struct timespec past[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
        ASSERT_EQ(utimensat(AT_FDCWD, image.file(1).c_str(), past, 0), 0);
        EXPECT_EQ(image.kvp({ "set", "Owner", "me" }).status, 0);
        EXPECT_EQ(stat_of(image.file(1)).st_mtim.tv_sec, 1000000000);
}

TEST(Offline, TheLastRecordOfAKeyCounts) {
        Image image;
        image.put(1, record("a", "1") + record("b", "2") + record("a", "3"));
        EXPECT_EQ(image.kvp({ "get", "a" }).output, "3\n");
        EXPECT_EQ(image.kvp({ "list", "-0" }).output, std::string("b\0002\0a\0003\0", 8));
}

TEST(Offline, RawShowsEveryRecord) {
        Image image;
        image.put(1, record("a", "1") + record("b", "2") + record("a", "3"));
        EXPECT_EQ(image.kvp({ "list", "--raw", "-0", "--pool=guest" }).output,
                  std::string("a\0001\0b\0002\0a\0003\0", 12));
}

TEST(Offline, DeletingAKeyDeletesAllItsRecords) {
        Image image;
        image.put(1, record("a", "1") + record("b", "2") + record("a", "3"));
        EXPECT_EQ(image.kvp({ "delete", "a" }).status, 0);
        EXPECT_EQ(image.content(1), record("b", "2"));
}

TEST(Offline, DeletesWhatIsThereAndReportsWhatIsNot) {
        Image image;
        image.put(1, record("a", "1") + record("b", "2"));
        auto result = image.kvp({ "delete", "a", "missing", "b" });
        EXPECT_EQ(result.status, 4);
        EXPECT_NE(result.errors.find("'missing'"), std::string::npos);
        EXPECT_EQ(image.content(1), "");
}

TEST(Offline, ATornTailIsNoRecordAndIsMended) {
        Image image;
        image.put(1, record("a", "1") + std::string(700, 'x'));
        EXPECT_EQ(image.kvp({ "list", "-0" }).output, std::string("a\0001\0", 4));
        EXPECT_EQ(image.kvp({ "set", "b", "2" }).status, 0);
        EXPECT_EQ(image.content(1), record("a", "1") + record("b", "2"));
}

TEST(Offline, TextThatIsNotUtf8IsMended) {
        Image image;
        image.put(1, record("a", "caf\xc3"));
        EXPECT_EQ(image.kvp({ "get", "a" }).output, "caf\xef\xbf\xbd\n");
}

TEST(Offline, CreateOnlyRefusesAnExistingKey) {
        Image image;
        EXPECT_EQ(image.kvp({ "set", "--create-only", "a", "1" }).status, 0);
        EXPECT_EQ(image.kvp({ "set", "--create-only", "a", "2" }).status, 8);
        EXPECT_EQ(image.kvp({ "get", "a" }).output, "1\n");
}

TEST(Offline, ExpectComparesBeforeItSets) {
        Image image;
        EXPECT_EQ(image.kvp({ "set", "--expect=0", "a", "1" }).status, 4);
        image.put(1, record("a", "1"));
        EXPECT_EQ(image.kvp({ "set", "--expect=0", "a", "2" }).status, 8);
        EXPECT_EQ(image.kvp({ "set", "--expect=1", "a", "2" }).status, 0);
        EXPECT_EQ(image.kvp({ "get", "a" }).output, "2\n");
        EXPECT_EQ(image.kvp({ "set", "--create-only", "--expect=1", "a", "2" }).status, 2);
}

TEST(Offline, SearchesThePoolsInTheirOrder) {
        Image image;
        image.put(0, record("both", "from the host"));
        image.put(1, record("both", "from the guest") + record("mine", "x"));
        image.put(3, record("HostName", "hv1"));
        EXPECT_EQ(image.kvp({ "get", "both" }).output, "from the host\n");
        EXPECT_EQ(image.kvp({ "get", "both", "--pool=guest" }).output, "from the guest\n");
        EXPECT_EQ(image.kvp({ "get", "HostName" }).output, "hv1\n");
        EXPECT_EQ(image.kvp({ "get", "mine", "-v" }).output, "mine  x  guest\n");
        EXPECT_EQ(image.kvp({ "get", "mine", "--pool=host" }).status, 4);
}

TEST(Offline, ExistsIsQuiet) {
        Image image;
        image.put(1, record("a", "1"));
        auto there = image.kvp({ "get", "--exists", "a" }), missing = image.kvp({ "get", "--exists", "b" });
        EXPECT_EQ(there.status, 0);
        EXPECT_EQ(missing.status, 4);
        EXPECT_EQ(there.output + there.errors + missing.output + missing.errors, "");
}

TEST(Offline, ClearEmptiesOnePoolAndKeepsItsFile) {
        Image image;
        image.put(0, record("a", "1"));
        image.put(1, record("a", "1") + record("a", "2"));
        auto before = stat_of(image.file(1));
        auto result = image.kvp({ "clear", "--json=short" });
        EXPECT_EQ(result.status, 0);
        EXPECT_EQ(result.output, "{\"pool\":\"guest\",\"removed\":2}\n");
        EXPECT_EQ(stat_of(image.file(1)).st_ino, before.st_ino);
        EXPECT_EQ(image.content(1), "");
        EXPECT_EQ(image.content(0), record("a", "1"));
}

TEST(Offline, ComputedPoolsAreNotWritten) {
        Image image;
        EXPECT_EQ(image.kvp({ "set", "--pool=auto", "a", "1" }).status, 5);
        EXPECT_EQ(image.kvp({ "set", "--pool=4", "a", "1" }).status, 5);
        EXPECT_EQ(image.kvp({ "set", "--pool=external", "a", "1" }).status, 0);
}

TEST(Offline, LongValuesNeedToBeAskedFor) {
        Image image;
        std::string value(1400, 'v');
        auto refused = image.kvp({ "set", "a", value });
        EXPECT_EQ(refused.status, 7);
        EXPECT_NE(refused.errors.find("value is 1400 UTF-16 units, the host reads at most 1022"),
                  std::string::npos);
        EXPECT_EQ(image.kvp({ "set", "--long", "a", value }).status, 0);
        EXPECT_EQ(image.kvp({ "get", "a" }).output, value + "\n");
}

TEST(Value, FromStdinKeepsItsBytesButOneNewline) {
        Image image;
        std::string value = "  two\nlines\t\n\n";
        EXPECT_EQ(image.kvp({ "set", "a", "-" }, value).status, 0);
        EXPECT_EQ(image.content(1), record("a", "  two\nlines\t\n"));
        EXPECT_EQ(image.kvp({ "get", "a" }).output, value);
}

TEST(Value, FromStdinWithNullLosesNoNewline) {
        Image image;
        EXPECT_EQ(image.kvp({ "set", "-0", "a", "-" }, std::string("x\n\0", 3)).status, 0);
        EXPECT_EQ(image.content(1), record("a", "x\n"));
        EXPECT_EQ(image.kvp({ "get", "-0", "a" }).output, std::string("x\n\0", 3));
}

TEST(Value, FromAFileIsTheSame) {
        Image image;
        TemporaryDirectory directory;
        auto path = directory.write("value", "from a file\n");
        EXPECT_EQ(image.kvp({ "set", "a", "--file=" + path }).status, 0);
        EXPECT_EQ(image.kvp({ "get", "a" }).output, "from a file\n");
        EXPECT_EQ(image.kvp({ "set", "a", "word", "--file=" + path }).status, 2);
        EXPECT_EQ(image.kvp({ "set", "a", "--file=" + path + ".missing" }).status, 1);
        EXPECT_EQ(image.kvp({ "set", "a" }).status, 2);
}

TEST(Value, ThatIsNoTextIsRefused) {
        Image image;
        EXPECT_EQ(image.kvp({ "set", "a", "-" }, "\xff\xfe").status, 7);
        EXPECT_EQ(image.kvp({ "set", "a", "-" }, std::string("a\0b", 3)).status, 7);
        EXPECT_EQ(image.kvp({ "set", "", "x" }).status, 7);
        EXPECT_EQ(image.kvp({ "list", "-0" }).output, "");
}

TEST(Transfer, ExportAndImportLoseNothing) {
        Image from, to;
        from.put(1, record("plain", "x") + record("lines", "a\nb\\n") + record("quote", "\"{}\" 日本 😀") +
                            record("empty", "") + record(std::string(511, 'k'), std::string(2047, 'v')));
        for (const char *form : { "--pool=guest", "-0" }) {
                auto exported = from.kvp({ "export", form });
                ASSERT_EQ(exported.status, 0);
                ASSERT_EQ(to.kvp({ "clear" }).status, 0);
                ASSERT_EQ(to.kvp({ "import", "--long", form }, exported.output).status, 0) << form;
                EXPECT_EQ(to.content(1), from.content(1)) << form;
        }
}

TEST(Transfer, ImportsWhatListPrints) {
        Image from, to;
        from.put(1, record("a", "1") + record("b", "2"));
        ASSERT_EQ(to.kvp({ "import" }, from.kvp({ "list", "--json=pretty" }).output).status, 0);
        EXPECT_EQ(to.content(1), from.content(1));
}

TEST(Transfer, RefusesAsAWhole) {
        Image image;
        std::string good = "{\"key\":\"a\",\"value\":\"1\"}\n";
        EXPECT_EQ(image.kvp({ "import" }, good + "{\"key\":\"b\"}\n").status, 1);
        EXPECT_EQ(image.kvp({ "import" }, good + "nonsense\n").status, 1);
        EXPECT_EQ(image.kvp({ "import" }, good + "{\"key\":\"\",\"value\":\"1\"}\n").status, 7);
        EXPECT_EQ(image.kvp({ "import", "-0" }, std::string("a\0001\0b\0", 6)).status, 1);
        EXPECT_EQ(image.kvp({ "import", "-0" }, std::string("a\0001", 3)).status, 1);
        EXPECT_EQ(image.kvp({ "list", "-0" }).output, "");
}

TEST(Transfer, ImportsMoreThanOneCallTakes) {
        Image image;
        std::string text;
        for (int i = 0; i < 3000; i++)
                text += "{\"key\":\"k" + std::to_string(i) + "\",\"value\":\"v\"}\n";
        ASSERT_EQ(image.kvp({ "import" }, text).status, 0);
        EXPECT_EQ(stat_of(image.file(1)).st_size, 3000 * 2560);
}

/* --- others hold the file --- */

TEST(Locks, OfFlockAreWaitedFor) {
        Image image;
        image.put(1, "");
        auto_fd fd = open(image.file(1).c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_EQ(flock(fd, LOCK_EX), 0);
        Process setter({ hvctl_path(), "--root=" + image.root(), "kvp", "set", "a", "1" });
        EXPECT_EQ(setter.wait(std::chrono::milliseconds(200)), -1) << "it did not wait";
        ASSERT_EQ(flock(fd, LOCK_UN), 0);
        EXPECT_EQ(setter.wait(), 0);
        EXPECT_EQ(image.content(1), record("a", "1"));
}

TEST(Locks, OfFcntlAreWaitedForButNotForEver) {
        Image image;
        image.put(1, record("a", "0"));
        auto_fd fd = open(image.file(1).c_str(), O_RDWR | O_CLOEXEC);
        struct flock lock = {};
        lock.l_type = F_WRLCK;
        ASSERT_EQ(fcntl(fd, F_SETLK, &lock), 0);
        auto result = image.kvp({ "set", "a", "1" });
        EXPECT_EQ(result.status, 3);
        EXPECT_NE(result.errors.find("another program holds the pool's lock"), std::string::npos);
        EXPECT_EQ(image.kvp({ "get", "a" }).output, "0\n") << "readers take no lock";
}

TEST(Offline, HasNothingToWaitFor) {
        Image image;
        EXPECT_EQ(image.kvp({ "wait", "a" }).status, 2);
        EXPECT_EQ(image.kvp({ "watch" }).status, 2);
}

TEST(Offline, NeedsARootThatExists) {
        auto result = hvctl({ "--root=/nonexistent", "kvp", "list" });
        EXPECT_EQ(result.status, 1);
        EXPECT_NE(result.errors.find("/nonexistent"), std::string::npos);
}

TEST(Output, OnAFullDeviceIsNoSuccess) {
        Image image;
        image.put(1, record("a", "1"));
        auto result =
                run({ "sh", "-c", hvctl_path() + " --root=" + image.root() + " kvp get a > /dev/full" });
        EXPECT_EQ(result.status, 1);
}
