/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/utf16.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <string>
#include <vector>

/* One unit, one unit of two bytes, one unit of three bytes, two units. */
static const std::string mixed = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\xA7";

static std::string mend(const std::string &bytes) {
        g_autofree char *buffer = nullptr;

        return utf8_mend(bytes.c_str(), bytes.size(), &buffer);
}

TEST(Utf16, CountsUnitsNotCharacters) {
        EXPECT_EQ(utf16_units("", 0), 0u);
        EXPECT_EQ(utf16_units(mixed.data(), mixed.size()), 5u);
}

TEST(Utf16, CutsBetweenCharacters) {
        EXPECT_EQ(utf8_prefix(mixed.data(), mixed.size(), 99, 99), 10u);
        EXPECT_EQ(utf8_prefix(mixed.data(), mixed.size(), 4, 99), 6u) << "a pair is not split";
        EXPECT_EQ(utf8_prefix(mixed.data(), mixed.size(), 99, 9), 6u) << "a character is not split";
        EXPECT_EQ(utf8_prefix(mixed.data(), mixed.size(), 2, 99), 3u);
        EXPECT_EQ(utf8_prefix(mixed.data(), mixed.size(), 0, 99), 0u);
}

TEST(Utf16, KnowsCleanText) {
        EXPECT_TRUE(utf8_is_clean(mixed.data(), mixed.size()));
        EXPECT_TRUE(utf8_is_clean("", 0));
        EXPECT_FALSE(utf8_is_clean("a\0b", 3));
        EXPECT_FALSE(utf8_is_clean("\xED\xA0\x80", 3)) << "a surrogate";
        EXPECT_FALSE(utf8_is_clean("\xC0\x80", 2)) << "an overlong NUL";
}

TEST(Utf16, LeavesValidTextWhereItIs) {
        char *buffer = nullptr;

        EXPECT_EQ(utf8_mend(mixed.c_str(), mixed.size(), &buffer), mixed.c_str());
        EXPECT_EQ(buffer, nullptr);
}

TEST(Utf16, MendsACutCharacterWithOneReplacement) {
        EXPECT_EQ(mend("ab\xF0\x9F\x90"), "ab\xEF\xBF\xBD");
        EXPECT_EQ(mend("\xE2\x82z"), "\xEF\xBF\xBDz");
}

/* The example of the Unicode standard, chapter 3, table 3-8: <61 F1 80 80 E1 80 C2 62 80 63 80 BF 64>. */
TEST(Utf16, ReplacesMaximalParts) {
        EXPECT_EQ(mend("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
                  "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                  "b\xEF\xBF\xBD"
                  "c\xEF\xBF\xBD\xEF\xBF\xBD"
                  "d");
        EXPECT_EQ(mend("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
        EXPECT_EQ(mend("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
        EXPECT_EQ(mend(std::string("a\0b", 3)), "a\xEF\xBF\xBD"
                                                "b");
}

TEST(Utf16, GoesThereAndBack) {
        unsigned char out[2 * 8 + 1];
        g_autofree char *back = nullptr;

        /* Odd address: nothing on the wire is aligned. */
        ASSERT_EQ(utf8_to_utf16le(mixed.c_str(), out + 1, 8), 5);
        EXPECT_EQ(std::vector<unsigned char>(out + 1, out + 17),
                  (std::vector<unsigned char>{ 0x61, 0, 0xE4, 0, 0xAC, 0x20, 0x3D, 0xD8, 0x27, 0xDC, 0, 0, 0,
                                               0, 0, 0 }));
        ASSERT_EQ(utf16le_to_utf8(out + 1, 8, &back), 0);
        EXPECT_EQ(back, mixed);
}

TEST(Utf16, NeedsRoomForTheTerminator) {
        uint16_t out[6];

        EXPECT_EQ(utf8_to_utf16le(mixed.c_str(), out, 6), 5);
        EXPECT_EQ(utf8_to_utf16le(mixed.c_str(), out, 5), -ENOSPC);
        EXPECT_EQ(utf8_to_utf16le("", out, 0), -ENOSPC);
}

TEST(Utf16, RefusesLoneSurrogates) {
        const unsigned char high_then_letter[] = { 0x3D, 0xD8, 'a', 0 };
        const unsigned char low_first[] = { 0x27, 0xDC, 0x3D, 0xD8 };
        char *text = nullptr;

        EXPECT_EQ(utf16le_to_utf8(high_then_letter, 2, &text), -EILSEQ);
        EXPECT_EQ(utf16le_to_utf8(high_then_letter, 1, &text), -EILSEQ);
        EXPECT_EQ(utf16le_to_utf8(low_first, 2, &text), -EILSEQ);
        EXPECT_EQ(text, nullptr);
}

TEST(Utf16, StopsAtTheTerminator) {
        const unsigned char bytes[] = { 'h', 0, 'v', 0, 0, 0, 0x3D, 0xD8 };
        g_autofree char *text = nullptr;

        ASSERT_EQ(utf16le_to_utf8(bytes, 4, &text), 0);
        EXPECT_STREQ(text, "hv");
}
