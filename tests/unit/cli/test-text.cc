/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <string>

#include "cli/text.h"
#include "common/cleanup.h"

static std::string escaped(const char *text) {
        g_autofree char *out = text_escape(text);
        return out;
}

TEST(Escape, LeavesTextAlone) {
        EXPECT_EQ(escaped("Straße 日本 😀"), "Straße 日本 😀");
        EXPECT_EQ(escaped(""), "");
}

TEST(Escape, KeepsALineOneLine) {
        EXPECT_EQ(escaped("a\nb\tc\rd"), "a\\nb\\tc\\rd");
        EXPECT_EQ(escaped("a\xe2\x80\xa8"
                          "b"),
                  "a\\u{2028}b");
}

TEST(Escape, TakesPowerFromTerminalSequences) {
        EXPECT_EQ(escaped("\033[31mred"), "\\x1b[31mred");
        EXPECT_EQ(escaped("\x7f"), "\\x7f");
        EXPECT_EQ(escaped("\xc2\x9b"
                          "31m"),
                  "\\u{9b}31m");
}

TEST(Escape, ShowsWhatTurnsTheDirectionOfWriting) {
        EXPECT_EQ(escaped("a\xe2\x80\xae"
                          "b"),
                  "a\\u{202e}b");
}

TEST(Escape, CanBeToldFromTheTextItself) {
        EXPECT_EQ(escaped("a\\nb"), "a\\\\nb");
}

TEST(Glob, MatchesLikeAShell) {
        EXPECT_TRUE(text_matches("ignition.config.*", "ignition.config.0"));
        EXPECT_TRUE(text_matches("Own?r", "Owner"));
        EXPECT_TRUE(text_matches("[Oo]wner", "owner"));
        EXPECT_FALSE(text_matches("Own", "Owner"));
        EXPECT_FALSE(text_matches("owner", "Owner"));
}

TEST(Glob, MatchesEverythingWhenThereIsNone) {
        EXPECT_TRUE(text_matches(nullptr, "Owner"));
        EXPECT_TRUE(text_matches(nullptr, ""));
}

TEST(Glob, HasNoSpecialPlaceForSlashAndDot) {
        EXPECT_TRUE(text_matches("*", ".hidden/key|with|bars"));
}

static const char *const words[] = { "status", "monitor", "kvp", "list", "delete", nullptr };

TEST(Suggest, FindsTheWordThatWasMeant) {
        EXPECT_STREQ(text_suggest("statsu", words), "status");
        EXPECT_STREQ(text_suggest("moniter", words), "monitor");
        EXPECT_STREQ(text_suggest("kpv", words), "kvp");
        EXPECT_STREQ(text_suggest("delet", words), "delete");
}

TEST(Suggest, DoesNotGuessWildly) {
        EXPECT_EQ(text_suggest("snapshot", words), nullptr);
        EXPECT_EQ(text_suggest("x", words), nullptr);
        EXPECT_EQ(text_suggest("", words), nullptr);
        EXPECT_EQ(text_suggest(std::string(100000, 'a').c_str(), words), nullptr);
}
