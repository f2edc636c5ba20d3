/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/log.h"

#include "common/cleanup.h"
#include "common/log-record.h"
#include "common/names.h"
#include "common/units.h"
#include "tests/support/temporary-directory.hh"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

using Entry = std::map<std::string, std::string>;

/* Reads a datagram of the native protocol as journald does. */
static Entry entry_of(const std::string &datagram) {
        Entry entry;

        for (size_t at = 0; at < datagram.size();) {
                size_t end = datagram.find('\n', at), equal = datagram.find('=', at);
                uint64_t length = 0;

                if (equal < end) {
                        entry[datagram.substr(at, equal - at)] = datagram.substr(equal + 1, end - equal - 1);
                        at = end + 1;
                        continue;
                }
                memcpy(&length, datagram.data() + end + 1, sizeof(length));
                entry[datagram.substr(at, end - at)] = datagram.substr(end + 1 + sizeof(length), length);
                at = end + 1 + sizeof(length) + length + 1;
        }

        return entry;
}

/* A journal of our own: a datagram socket that is only read when the test says so. */
class Journal : public testing::Test {
      protected:
        TemporaryDirectory directory;
        int fd = -1;

        void SetUp() override {
                std::string path = directory / "socket";
                struct sockaddr_un address = {};

                address.sun_family = AF_UNIX;
                path.copy(address.sun_path, sizeof(address.sun_path) - 1);
                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                ASSERT_EQ(bind(fd, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)), 0);
                setenv("HVUTILS_JOURNAL_SOCKET", path.c_str(), 1);
                log_open("tester", LOG_TARGET_JOURNAL);
        }

        void TearDown() override {
                log_close();
                log_set_max_level(LOG_INFO);
                unsetenv("HVUTILS_JOURNAL_SOCKET");
                close(fd);
        }

        std::vector<Entry> read() const {
                std::vector<Entry> entries;
                char buffer[LOG_RECORD_MAX];
                ssize_t n;

                while ((n = recv(fd, buffer, sizeof(buffer), 0)) >= 0)
                        entries.push_back(entry_of(std::string(buffer, static_cast<size_t>(n))));
                return entries;
        }
};

TEST_F(Journal, GetsEveryField) {
        const char *absent = nullptr;

        log_event(
                LOG_WARNING, HVUTILS_MESSAGE_POOL_PROBLEM,
                LOG_FIELDS(HVUTILS_FIELD_POOL, "guest", HVUTILS_FIELD_KEY, absent, HVUTILS_FIELD_PATH, "/x"),
                "Pool %d", 1);

        std::vector<Entry> entries = read();
        ASSERT_EQ(entries.size(), 1u);
        Entry &entry = entries[0];
        EXPECT_EQ(entry["MESSAGE"], "Pool 1");
        EXPECT_EQ(entry["PRIORITY"], "4");
        EXPECT_EQ(entry["SYSLOG_IDENTIFIER"], "tester");
        EXPECT_EQ(entry["MESSAGE_ID"], HVUTILS_MESSAGE_POOL_PROBLEM);
        EXPECT_EQ(entry["HV_POOL"], "guest");
        EXPECT_EQ(entry["HV_PATH"], "/x") << "a pair without a value does not hide the next";
        EXPECT_EQ(entry.count("HV_KEY"), 0u);
        EXPECT_EQ(entry["CODE_FILE"], "tests/unit/common/test-log.cc");
        EXPECT_EQ(entry.count("ERRNO"), 0u);
}

TEST_F(Journal, GetsValuesOfSeveralLines) {
        log_event(LOG_INFO, nullptr, LOG_FIELDS(HVUTILS_FIELD_KEY, "one\nMESSAGE=two"), "first\nsecond");

        std::vector<Entry> entries = read();
        ASSERT_EQ(entries.size(), 1u);
        EXPECT_EQ(entries[0]["MESSAGE"], "first\nsecond");
        EXPECT_EQ(entries[0]["HV_KEY"], "one\nMESSAGE=two");
}

TEST_F(Journal, ExplainsErrorsAndPassesThemOn) {
        errno = EBADF;
        EXPECT_EQ(log_errno(LOG_ERR, -ENOENT, "Cannot open %s, serving from memory", "x"), -ENOENT);
        EXPECT_EQ(log_errno(LOG_ERR, ENOENT, "Again"), -ENOENT);
        EXPECT_EQ(errno, EBADF);

        std::vector<Entry> entries = read();
        ASSERT_EQ(entries.size(), 2u);
        EXPECT_EQ(entries[0]["MESSAGE"], "Cannot open x, serving from memory: No such file or directory");
        EXPECT_EQ(entries[0]["ERRNO"], "2");
}

TEST_F(Journal, IsSparedWhatIsTooDetailed) {
        log_debug("not seen");
        EXPECT_EQ(log_errno(LOG_DEBUG, -EIO, "not seen"), -EIO);
        EXPECT_TRUE(read().empty());

        log_set_max_level(LOG_DEBUG);
        log_debug("seen");
        EXPECT_EQ(read().size(), 1u);
}

TEST_F(Journal, IsNotWaitedForWhenItIsFull) {
        uint64_t before = log_dropped();

        for (int i = 0; i < 5000; i++)
                log_info("line %d", i);

        uint64_t dropped = log_dropped() - before;
        EXPECT_GT(dropped, 0u);
        EXPECT_EQ(read().size() + dropped, 5000u);
        log_info("there is room again");
        EXPECT_EQ(read().size(), 1u);
}

TEST_F(Journal, GetsTheMessageEvenIfAFieldDoesNotFit) {
        std::string huge(LOG_RECORD_MAX, 'x');

        log_event(LOG_INFO, nullptr, LOG_FIELDS(HVUTILS_FIELD_KEY, huge.c_str(), HVUTILS_FIELD_POOL, "guest"),
                  "%s", huge.c_str());

        std::vector<Entry> entries = read();
        ASSERT_EQ(entries.size(), 1u);
        EXPECT_EQ(entries[0]["MESSAGE"], std::string(LOG_MESSAGE_MAX - 1, 'x'));
        EXPECT_EQ(entries[0].count("HV_KEY"), 0u);
        EXPECT_EQ(entries[0]["HV_POOL"], "guest");
}

TEST_F(Journal, GetsHeldLinesAtTheReleaseWithTheTimeTheyWereSaid) {
        uint64_t before = now_usec(CLOCK_REALTIME), said;

        ASSERT_EQ(log_hold(), 0);
        log_info("frozen");
        log_notice("still");
        EXPECT_TRUE(read().empty());
        said = now_usec(CLOCK_REALTIME);
        log_release();
        log_info("thawed");

        std::vector<Entry> entries = read();
        ASSERT_EQ(entries.size(), 3u);
        EXPECT_EQ(entries[0]["MESSAGE"], "frozen");
        EXPECT_EQ(entries[1]["MESSAGE"], "still");
        EXPECT_GE(std::stoull(entries[0]["HV_SAID_USEC"]), before);
        EXPECT_LE(std::stoull(entries[0]["HV_SAID_USEC"]), said);
        EXPECT_EQ(entries[2].count("HV_SAID_USEC"), 0u);
}

TEST_F(Journal, GetsTheOlderLinesWhenTooManyAreHeld) {
        uint64_t before = log_dropped();

        ASSERT_EQ(log_hold(), 0);
        for (int i = 0; i < 1000; i++)
                log_info("line %d", i);
        uint64_t dropped = log_dropped() - before;
        EXPECT_GT(dropped, 0u);

        std::vector<Entry> entries;
        log_release();
        entries = read();
        uint64_t lost = log_dropped() - before;
        EXPECT_EQ(entries.size() + lost, 1000u);
        EXPECT_EQ(entries[0]["MESSAGE"], "line 0");
        ASSERT_EQ(log_hold(), 0) << "it can be held again";
        log_info("again");
        log_release();
        EXPECT_EQ(read().size(), 1u);
}

TEST_F(Journal, GetsWhatGlibSays) {
        g_log_structured("GLib", G_LOG_LEVEL_MESSAGE, "MESSAGE", "%s", "from below");

        std::vector<Entry> entries = read();
        ASSERT_EQ(entries.size(), 1u);
        EXPECT_EQ(entries[0]["MESSAGE"], "from below");
        EXPECT_EQ(entries[0]["PRIORITY"], "5");
}

/* Standard error, replaced for the time of a test. */
class StandardError : public testing::Test {
      protected:
        int saved = -1, ends[2] = { -1, -1 };

        void SetUp() override {
                saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
                unsetenv("JOURNAL_STREAM");
        }

        void TearDown() override {
                log_close();
                dup2(saved, 2);
                for (int fd : { saved, ends[0], ends[1] })
                        close(fd);
        }

        void replace() {
                dup2(ends[1], 2);
                log_open("tester", LOG_TARGET_AUTO);
        }

        std::string read() const {
                std::string text;
                char buffer[4096];
                ssize_t n;

                (void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
                while ((n = ::read(ends[0], buffer, sizeof(buffer))) > 0)
                        text.append(buffer, static_cast<size_t>(n));
                return text;
        }
};

TEST_F(StandardError, GetsLinesThatNobodyCanForge) {
        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        replace();
        EXPECT_STREQ(log_target_name(), "stderr");

        log_info("key \033[2J\nhvutilsd: forged\t.");
        EXPECT_EQ(read(), "tester: key ?[2J\n        hvutilsd: forged\t.\n");
}

TEST_F(StandardError, IsNotWaitedForWhenThePipeIsFull) {
        uint64_t before = log_dropped();

        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        replace();
        for (int i = 0; i < 2000; i++)
                log_info("%0100d", i);
        EXPECT_GT(log_dropped(), before);
        EXPECT_FALSE(fcntl(2, F_GETFL) & O_NONBLOCK) << "others share this open file";
}

TEST_F(StandardError, IsNotWaitedForWhenTheSocketIsFullOrClosed) {
        uint64_t before = log_dropped();

        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        replace();
        for (int i = 0; i < 5000; i++)
                log_info("%0100d", i);
        EXPECT_GT(log_dropped(), before);

        close(ends[0]);
        ends[0] = -1;
        log_info("no SIGPIPE");
}

TEST(LogLimit, LetsOneLineAMinutePass) {
        LogLimit limit = {};
        uint64_t suppressed = 99;

        EXPECT_TRUE(log_limit_pass(&limit, 0, &suppressed)) << "the first line, even at the first instant";
        EXPECT_EQ(suppressed, 0u);
        EXPECT_FALSE(log_limit_pass(&limit, 10, &suppressed));
        EXPECT_FALSE(log_limit_pass(&limit, 59 * USEC_PER_SEC, &suppressed));
        EXPECT_TRUE(log_limit_pass(&limit, 61 * USEC_PER_SEC, &suppressed));
        EXPECT_EQ(suppressed, 2u);
}

TEST(LogLevel, HasANameAndANumber) {
        for (int level = LOG_EMERG; level <= LOG_DEBUG; level++) {
                EXPECT_EQ(log_level_from_string(log_level_to_string(level)), level);
                EXPECT_EQ(log_level_from_string(std::to_string(level).c_str()), level);
        }
        EXPECT_EQ(log_level_to_string(LOG_DEBUG + 1), nullptr);
        for (const char *word : { "", "8", "-1", "77", "loud" })
                EXPECT_EQ(log_level_from_string(word), -EINVAL) << word;
}

TEST(LogTarget, HasAName) {
        EXPECT_EQ(log_target_from_string("journal"), LOG_TARGET_JOURNAL);
        EXPECT_EQ(log_target_from_string("auto"), LOG_TARGET_AUTO);
        EXPECT_EQ(log_target_from_string("kmsg"), _LOG_TARGET_INVALID);
}

TEST(LogTarget, IsNotTheJournalWhereThereIsNone) {
        setenv("HVUTILS_JOURNAL_SOCKET", "/nonexistent/socket", 1);
        log_open("tester", LOG_TARGET_JOURNAL);
        EXPECT_STREQ(log_target_name(), "stderr");
        EXPECT_EQ(log_set_target(LOG_TARGET_JOURNAL), -ENOENT);
        log_close();
        unsetenv("HVUTILS_JOURNAL_SOCKET");
}
