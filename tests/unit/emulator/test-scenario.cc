/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The language of scenario files, and of messages in them. */

#include "emulator/message-text.h"
#include "emulator/scenario.h"
#include "emulator/words.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

class Scenario : public testing::Test {
      protected:
        int parse(const char *text) {
                g_clear_pointer(&steps, g_ptr_array_unref);
                testing::internal::CaptureStderr();
                int r = scenario_parse("f.hvs", text, &steps);
                complaint = testing::internal::GetCapturedStderr();
                return r;
        }

        void TearDown() override {
                g_clear_pointer(&steps, g_ptr_array_unref);
        }

        const Step *step(unsigned i) const {
                return static_cast<const Step *>(steps->pdata[i]);
        }

        GPtrArray *steps = nullptr;
        std::string complaint;
};

TEST_F(Scenario, SkipsEmptyLinesAndComments) {
        ASSERT_EQ(parse("\n# comment\n  #\nset external a b # why\n"), 0);
        ASSERT_EQ(steps->len, 1u);
        EXPECT_EQ(step(0)->line, 4u);
        EXPECT_EQ(g_strv_length(step(0)->words), 4u);
}

TEST_F(Scenario, ReadsWordsAsAShellDoes) {
        ASSERT_EQ(parse("set external 'two words' \"\""), 0);
        EXPECT_STREQ(step(0)->words[2], "two words");
        EXPECT_STREQ(step(0)->words[3], "");
}

TEST_F(Scenario, NestsRepetitions) {
        ASSERT_EQ(parse("repeat 2 {\n repeat 3 {\n  withdraw\n }\n offer\n}\nsuspend\n"), 0);
        ASSERT_EQ(steps->len, 2u);
        EXPECT_EQ(step(0)->times, 2u);
        ASSERT_EQ(step(0)->body->len, 2u);
        EXPECT_EQ(static_cast<Step *>(step(0)->body->pdata[0])->times, 3u);
        EXPECT_STREQ(step(1)->words[0], "suspend");
}

TEST_F(Scenario, NamesTheLineOfAMistake) {
        for (const char *text : { "\nset 'open", "\nrepeat x {\n}", "\nrepeat 2\n", "\n}", "set\nrepeat 1 {",
                                  "\nrepeat 1000001 {\n}" }) {
                EXPECT_EQ(parse(text), -EBADMSG) << text;
                EXPECT_EQ(complaint.rfind("f.hvs:2: ", 0), 0u) << complaint;
        }
}

TEST_F(Scenario, LimitsTheNesting) {
        std::string text;
        for (int i = 0; i < 9; i++)
                text += "repeat 1 {\n";
        EXPECT_EQ(parse(text.c_str()), -EBADMSG);
}

class MessageText : public testing::Test {
      protected:
        int build(std::vector<std::string> words) {
                std::vector<char *> list;
                for (auto &word : words)
                        list.push_back(word.data());
                list.push_back(nullptr);
                const char *word = nullptr;
                int r = message_from_words(list.data(), 20, message.data(), message.size(), &n, &word);
                bad = word ? word : "";
                return r;
        }

        std::array<uint8_t, 64> message;
        size_t n = 0;
        std::string bad;
};

TEST_F(MessageText, PutsNumbersLittleEndian) {
        ASSERT_EQ(build({ "u8@0=255", "u16@1=0x0102", "u32@4=3", "u64@8=0xffffffffffffffff" }), 0);
        EXPECT_EQ(n, 20u);
        EXPECT_EQ(message[0], 0xff);
        EXPECT_EQ(message[1], 0x02);
        EXPECT_EQ(message[2], 0x01);
        EXPECT_EQ(message[4], 3);
        EXPECT_EQ(message[15], 0xff);
        EXPECT_EQ(message[16], 0);
}

TEST_F(MessageText, PutsTextFillingAndDigits) {
        ASSERT_EQ(build({ "text@0=a=b", "fill@4+3=0x41", "hex@10=00ff", "size=64" }), 0);
        EXPECT_EQ(n, 64u);
        EXPECT_EQ(std::string(reinterpret_cast<char *>(message.data()), 7), std::string("a=b\0AAA", 7));
        EXPECT_EQ(message[11], 0xff);
}

TEST_F(MessageText, RefusesWhatDoesNotFit) {
        for (const char *word : { "u8@64=1", "u32@61=1", "u64@60=1", "text@60=hello", "fill@60+5=0",
                                  "hex@63=0011", "hex@65=", "size=65" })
                EXPECT_EQ(build({ word }), -ERANGE) << word;
        EXPECT_EQ(build({ "u8@63=1", "text@60=four", "fill@60+4=0", "size=64" }), 0);
}

TEST_F(MessageText, RefusesWhatItDoesNotKnow) {
        for (const char *word : { "", "u8", "u8@=1", "u8@0", "u8@0=", "u8@0=256", "u8@0=x", "u9@0=1", "@0=1",
                                  "fill@0+1=256", "hex@0=0", "hex@0=zz", "size=", "size=1x", "u8@70000=1" }) {
                EXPECT_EQ(build({ word }), -EINVAL) << word;
                EXPECT_EQ(bad, word);
        }
}

TEST(Words, TravelAsPackets) {
        g_autoptr(GByteArray) packet = g_byte_array_new();
        g_auto(GStrv) words = nullptr;

        words_append(packet, "set");
        words_append(packet, "");
        words_append(packet, "ü");
        ASSERT_EQ(words_split(reinterpret_cast<char *>(packet->data), packet->len, 3, &words), 0);
        EXPECT_EQ(g_strv_length(words), 3u);
        EXPECT_STREQ(words[1], "");
        EXPECT_STREQ(words[2], "ü");
}

TEST(Words, RefuseAPacketWithoutAnEndOrWithTooMany) {
        char **words = nullptr;

        EXPECT_EQ(words_split("", 0, 4, &words), -EBADMSG);
        EXPECT_EQ(words_split("abc", 3, 4, &words), -EBADMSG);
        EXPECT_EQ(words_split("a\0b\0c", 6, 2, &words), -EBADMSG);
        EXPECT_EQ(words, nullptr);
}
