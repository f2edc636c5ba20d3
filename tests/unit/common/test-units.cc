/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/units.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <string>

static uint64_t time_of(const char *text) {
        uint64_t usec = 4711;

        EXPECT_EQ(parse_time(text, &usec), 0) << text;
        return usec;
}

static uint64_t size_of(const char *text) {
        uint64_t bytes = 4711;

        EXPECT_EQ(parse_size(text, &bytes), 0) << text;
        return bytes;
}

static std::string time_text(uint64_t usec) {
        char buffer[64];

        return format_time(usec, buffer, sizeof(buffer));
}

static std::string size_text(uint64_t bytes) {
        char buffer[64];

        return format_size(bytes, buffer, sizeof(buffer));
}

TEST(Units, ReadTimesAsSystemdDoes) {
        EXPECT_EQ(time_of("20"), 20 * USEC_PER_SEC);
        EXPECT_EQ(time_of("0"), 0u);
        EXPECT_EQ(time_of(" 5s "), 5 * USEC_PER_SEC);
        EXPECT_EQ(time_of("1min 30s"), 90 * USEC_PER_SEC);
        EXPECT_EQ(time_of("1min30s"), 90 * USEC_PER_SEC);
        EXPECT_EQ(time_of("2 h"), 7200 * USEC_PER_SEC);
        EXPECT_EQ(time_of("500ms"), 500 * USEC_PER_MSEC);
        EXPECT_EQ(time_of("0.25s"), 250 * USEC_PER_MSEC);
        EXPECT_EQ(time_of("7us"), 7u);
        EXPECT_EQ(time_of("7µs"), 7u);
        EXPECT_EQ(time_of("1M"), UINT64_C(2629800) * USEC_PER_SEC);
        EXPECT_EQ(time_of("infinity"), USEC_INFINITY);
}

TEST(Units, RefuseWhatIsNoTime) {
        uint64_t usec = 4711;

        for (const char *text :
             { "", " ", "s", "-1", "+1", "1 fortnight", "1.s", ".5s", "1,5s", "infinity1", "1s x" })
                EXPECT_EQ(parse_time(text, &usec), -EINVAL) << text;
        for (const char *text :
             { "600000y", "18446744073709551616us", "18446744073709551615us", "99999999999999999999" })
                EXPECT_EQ(parse_time(text, &usec), -ERANGE) << text;
        EXPECT_EQ(usec, 4711u);
}

TEST(Units, ReadSizesWithBase1024) {
        EXPECT_EQ(size_of("1048576"), 1048576u);
        EXPECT_EQ(size_of("12B"), 12u);
        EXPECT_EQ(size_of("64K"), 65536u);
        EXPECT_EQ(size_of("1.5G"), UINT64_C(1610612736));
        EXPECT_EQ(size_of("15E"), UINT64_C(15) << 60);
        EXPECT_EQ(size_of("infinity"), UINT64_MAX);
}

TEST(Units, RefuseWhatIsNoSize) {
        uint64_t bytes = 4711;

        for (const char *text : { "", "K", "-1", "1k", "1KB", "1K 2K", "1.G", "1e3" })
                EXPECT_EQ(parse_size(text, &bytes), -EINVAL) << text;
        EXPECT_EQ(parse_size("16E", &bytes), -ERANGE);
        EXPECT_EQ(bytes, 4711u);
}

TEST(Units, ReadBooleans) {
        for (const char *text : { "yes", "true", "on", "1", "YES" })
                EXPECT_EQ(parse_boolean(text), 1) << text;
        for (const char *text : { "no", "false", "off", "0", "Off" })
                EXPECT_EQ(parse_boolean(text), 0) << text;
        for (const char *text : { "", "maybe", "yes ", "2" })
                EXPECT_EQ(parse_boolean(text), -EINVAL) << text;
}

TEST(Units, WriteTheTwoLargestUnitsOfATime) {
        EXPECT_EQ(time_text(0), "0s");
        EXPECT_EQ(time_text(12), "12us");
        EXPECT_EQ(time_text(15 * USEC_PER_MSEC), "15ms");
        EXPECT_EQ(time_text(15250), "15.250ms");
        EXPECT_EQ(time_text(1500 * USEC_PER_MSEC), "1.500s");
        EXPECT_EQ(time_text(60 * USEC_PER_SEC - 1), "59.999s");
        EXPECT_EQ(time_text(60 * USEC_PER_SEC), "1min");
        EXPECT_EQ(time_text(90 * USEC_PER_SEC), "1min 30s");
        EXPECT_EQ(time_text(3600 * USEC_PER_SEC * 25), "1d 1h");
        EXPECT_EQ(time_text(USEC_INFINITY), "infinity");
}

TEST(Units, WriteWhatTheyRead) {
        for (uint64_t usec :
             { UINT64_C(15250), 90 * USEC_PER_SEC, 25 * 3600 * USEC_PER_SEC, UINT64_C(1) << 60 })
                EXPECT_LE(time_of(time_text(usec).c_str()), usec);
}

TEST(Units, WriteSizesWithOneDigit) {
        EXPECT_EQ(size_text(0), "0 B");
        EXPECT_EQ(size_text(1023), "1023 B");
        EXPECT_EQ(size_text(6 * 1024), "6.0 KiB");
        EXPECT_EQ(size_text(UINT64_C(1610612736)), "1.5 GiB");
        EXPECT_EQ(size_text(1048575), "1.0 MiB");
        EXPECT_EQ(size_text(UINT64_MAX), "16.0 EiB");
}

TEST(Units, KeepToTheBuffer) {
        char buffer[4];

        EXPECT_STREQ(format_size(6 * 1024, buffer, sizeof(buffer)), "6.0");
        EXPECT_STREQ(format_time(90 * USEC_PER_SEC, buffer, sizeof(buffer)), "1mi");
}
