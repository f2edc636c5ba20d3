/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/link/link.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>

using namespace std::string_literals;

static int parse(const std::string &packet, LinkMessage *ret) {
        return link_message_parse(packet.data(), packet.size(), ret);
}

static std::string packet_of(const std::string &fields, LinkKind kind = LINK_STATE) {
        LinkMessage message;

        link_message_init(&message, kind);
        return std::string(reinterpret_cast<const char *>(message.bytes), message.size) + fields;
}

TEST(LinkMessage, SpeaksTheSameWordForEveryKindThereAndBack) {
        for (int kind = 0; kind < _LINK_KIND_MAX; kind++) {
                const char *word = link_kind_to_string(static_cast<LinkKind>(kind));
                ASSERT_NE(word, nullptr);
                EXPECT_EQ(link_kind_from_string(word), kind);
        }
        EXPECT_EQ(link_kind_from_string("shout"), _LINK_KIND_INVALID);
}

TEST(LinkMessage, ArrivesAsItWasBuilt) {
        LinkMessage sent, received;

        link_message_init(&sent, LINK_REPORT);
        ASSERT_EQ(link_message_add(&sent, "FILE_NAME", "a=b \xff.txt"), 0);
        ASSERT_EQ(link_message_add(&sent, "EMPTY", ""), 0);
        ASSERT_EQ(link_message_add_u64(&sent, "ID", UINT64_MAX), 0);
        ASSERT_EQ(link_message_add_i64(&sent, "RESULT", INT64_MIN), 0);
        ASSERT_EQ(link_message_parse(sent.bytes, sent.size, &received), 0);

        uint64_t id = 0;
        int64_t result = 0;
        EXPECT_EQ(received.kind, LINK_REPORT);
        EXPECT_STREQ(link_message_get(&received, "FILE_NAME"), "a=b \xff.txt");
        EXPECT_STREQ(link_message_get(&received, "EMPTY"), "");
        EXPECT_EQ(link_message_get_u64(&received, "ID", &id), 0);
        EXPECT_EQ(id, UINT64_MAX);
        EXPECT_EQ(link_message_get_i64(&received, "RESULT", &result), 0);
        EXPECT_EQ(result, INT64_MIN);
}

TEST(LinkMessage, HasTheLayoutOfTheContract) {
        LinkMessage message;

        link_message_init(&message, LINK_PREPARE);
        ASSERT_EQ(link_message_add(&message, "SERIAL", "7"), 0);

        std::string expected = "hvl1\x01\0\x01\0SERIAL=7\0"s;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        EXPECT_EQ(std::string(reinterpret_cast<const char *>(message.bytes), message.size), expected);
#endif
        EXPECT_EQ(message.size, expected.size());
}

TEST(LinkMessage, KeepsARepeatedNameAsAList) {
        LinkMessage message;

        link_message_init(&message, LINK_COMMAND);
        for (const char *mount : { "/", "/home", "/srv" })
                ASSERT_EQ(link_message_add(&message, "MOUNT", mount), 0);

        EXPECT_STREQ(link_message_get(&message, "MOUNT"), "/");
        EXPECT_STREQ(link_message_get_nth(&message, "MOUNT", 2), "/srv");
        EXPECT_EQ(link_message_get_nth(&message, "MOUNT", 3), nullptr);
}

TEST(LinkMessage, DoesNotTakeTheStartOfANameForTheName) {
        LinkMessage message;

        link_message_init(&message, LINK_STATE);
        ASSERT_EQ(link_message_add(&message, "FILE_NAME", "x"), 0);
        EXPECT_EQ(link_message_get(&message, "FILE"), nullptr);
        EXPECT_EQ(link_message_get(&message, "FILE_NAME_LONG"), nullptr);
}

TEST(LinkMessage, RefusesABadNameAndStaysAsItWas) {
        LinkMessage message;

        link_message_init(&message, LINK_STATE);
        size_t size = message.size;
        for (const char *name : { "", "state", "A B", "A=B", "\xc3\x84" })
                EXPECT_EQ(link_message_add(&message, name, "x"), -EINVAL) << name;
        EXPECT_EQ(message.size, size);
}

TEST(LinkMessage, FillsUpToTheLastByteAndNoFurther) {
        LinkMessage message, parsed;

        link_message_init(&message, LINK_STATE);
        size_t room = LINK_MESSAGE_MAX - message.size - strlen("A=") - 1;
        EXPECT_EQ(link_message_add(&message, "A", std::string(room + 1, 'x').c_str()), -EMSGSIZE);
        EXPECT_EQ(link_message_add(&message, "A", std::string(room, 'x').c_str()), 0);
        EXPECT_EQ(message.size, size_t{ LINK_MESSAGE_MAX });
        EXPECT_EQ(link_message_add(&message, "B", ""), -EMSGSIZE);
        EXPECT_EQ(link_message_parse(message.bytes, message.size, &parsed), 0);
}

TEST(LinkMessage, LimitsTheNumberOfFields) {
        LinkMessage message, parsed;

        link_message_init(&message, LINK_STATE);
        for (int i = 0; i < LINK_FIELDS_MAX; i++)
                ASSERT_EQ(link_message_add(&message, "A", ""), 0);
        EXPECT_EQ(link_message_add(&message, "A", ""), -EMSGSIZE);
        EXPECT_EQ(link_message_parse(message.bytes, message.size, &parsed), 0);

        memcpy(message.bytes + message.size, "A=", 3);
        EXPECT_EQ(link_message_parse(message.bytes, message.size + 3, &parsed), -EBADMSG);
}

TEST(LinkMessage, TakesOnlyWholeNumbers) {
        LinkMessage message;
        uint64_t u = 0;
        int64_t i = 0;

        ASSERT_EQ(parse(packet_of("A=12x\0B=-1\0C=18446744073709551616\0D=\0E= 1\0"s), &message), 0);
        for (const char *name : { "A", "B", "C", "D", "E" })
                EXPECT_EQ(link_message_get_u64(&message, name, &u), -EINVAL) << name;
        EXPECT_EQ(link_message_get_i64(&message, "B", &i), 0);
        EXPECT_EQ(i, -1);
        EXPECT_EQ(link_message_get_i64(&message, "A", &i), -EINVAL);
        EXPECT_EQ(link_message_get_u64(&message, "NONE", &u), -ENOENT);
        EXPECT_EQ(link_message_get_i64(&message, "NONE", &i), -ENOENT);
}

struct IllFormed {
        const char *name;
        std::string packet;
        int error;
};

class IllFormedLinkMessage : public testing::TestWithParam<IllFormed> {};

TEST_P(IllFormedLinkMessage, IsRefused) {
        LinkMessage message;
        EXPECT_EQ(parse(GetParam().packet, &message), GetParam().error);
}

static std::string with_byte(std::string packet, size_t offset, char byte) {
        packet[offset] = byte;
        return packet;
}

INSTANTIATE_TEST_SUITE_P(
        All, IllFormedLinkMessage,
        testing::Values(IllFormed{ "Empty", "", -EBADMSG },
                        IllFormed{ "HeaderCutShort", packet_of("").substr(0, 7), -EBADMSG },
                        IllFormed{ "WrongMagic", with_byte(packet_of(""), 0, 'x'), -EBADMSG },
                        IllFormed{ "OtherVersion", with_byte(packet_of(""), 4, 2), -EPROTONOSUPPORT },
                        IllFormed{ "OtherVersionWithUnknownBody", with_byte(packet_of("\x01\x02"), 4, 9),
                                   -EPROTONOSUPPORT },
                        IllFormed{ "UnknownKind", with_byte(packet_of(""), 6, _LINK_KIND_MAX), -EBADMSG },
                        IllFormed{ "KindOutOfRange", with_byte(packet_of(""), 7, '\xff'), -EBADMSG },
                        IllFormed{ "FieldWithoutNul", packet_of("A=1"), -EBADMSG },
                        IllFormed{ "FieldWithoutEqualsSign", packet_of("ABC\0"s), -EBADMSG },
                        IllFormed{ "FieldWithoutName", packet_of("=1\0"s), -EBADMSG },
                        IllFormed{ "LowerCaseName", packet_of("a=1\0"s), -EBADMSG },
                        IllFormed{ "EmptyField", packet_of("A=1\0\0"s), -EBADMSG },
                        IllFormed{
                                "TooLarge",
                                packet_of("A=" + std::string(LINK_MESSAGE_MAX, 'x') + std::string(1, '\0')),
                                -EBADMSG }),
        [](const auto &info) { return info.param.name; });
