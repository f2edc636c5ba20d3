/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/kvp.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Message = std::array<uint8_t, KVP_MESSAGE_SIZE>;

/* The layout once more, in numbers, so that the test does not agree with a mistake of the code. */
constexpr size_t OFFSET_KEY_SIZE = 8, OFFSET_VALUE_SIZE = 12, OFFSET_KEY = 16, OFFSET_VALUE = 528;
constexpr size_t OFFSET_REMOVE_KEY_SIZE = 4, OFFSET_REMOVE_KEY = 8;
constexpr size_t OFFSET_REPLY_KEY = 20, OFFSET_REPLY_VALUE = 532;

void put32(Message &message, size_t offset, uint32_t value) {
        memcpy(&message[offset], &value, sizeof(value));
}

void put(Message &message, size_t offset, const std::string &text) {
        memcpy(&message[offset], text.data(), text.size());
}

/* A SET whose fields and claims are free. */
Message set_message(const std::string &key, uint32_t key_size, const std::string &value, uint32_t value_size) {
        Message message = {};
        message[0] = 1;
        message[1] = KVP_POOL_ID_EXTERNAL;
        put32(message, OFFSET_KEY_SIZE, key_size);
        put32(message, OFFSET_VALUE_SIZE, value_size);
        put(message, OFFSET_KEY, key);
        put(message, OFFSET_VALUE, value);
        return message;
}

struct Parsed {
        int refusal;
        WireStatus status;
        KvpRequest request;
};

Parsed parse(const Message &message, size_t n = KVP_MESSAGE_SIZE) {
        static Parsed parsed;
        memset(static_cast<void *>(&parsed), 0xAA, sizeof(parsed));
        parsed.refusal = kvp_wire_parse(message.data(), n, &parsed.request, &parsed.status);
        return parsed;
}

std::string string_at(const Message &message, size_t offset) {
        return reinterpret_cast<const char *>(&message[offset]);
}

Message reply_pair(const std::string &key, const std::string &value) {
        Message message;
        message.fill(0xAA);
        kvp_wire_reply_pair(message.data(), key.data(), key.size(), value.data(), value.size());
        return message;
}

std::string repeat(const std::string &text, size_t times) {
        std::string result;
        for (size_t i = 0; i < times; i++)
                result += text;
        return result;
}

} // namespace

/* --- words --- */

TEST(KvpWords, AreFoundBothWays) {
        for (int i = 0; i < _KVP_OPERATION_MAX; i++)
                EXPECT_EQ(kvp_operation_from_string(kvp_operation_to_string(static_cast<KvpOperation>(i))), i);
        for (int i = 0; i < _KVP_REFUSAL_MAX; i++)
                EXPECT_EQ(kvp_refusal_from_string(kvp_refusal_to_string(static_cast<KvpRefusal>(i))), i);
}

/* --- registration --- */

TEST(KvpRegistration, IsOperation100AndZeroes) {
        Message message;
        message.fill(0xAA);

        kvp_wire_registration(message.data());

        Message expected = {};
        expected[0] = 100;
        EXPECT_EQ(message, expected);
        EXPECT_TRUE(kvp_wire_is_registration(message.data(), message.size()));
}

TEST(KvpRegistration, IsAlsoTheOldOperation4ButNoShorterMessage) {
        Message message = {};
        message[0] = 4;
        EXPECT_TRUE(kvp_wire_is_registration(message.data(), message.size()));
        EXPECT_FALSE(kvp_wire_is_registration(message.data(), 7430));
        message[0] = 0;
        EXPECT_FALSE(kvp_wire_is_registration(message.data(), message.size()));
}

TEST(KvpRegistration, IsAnsweredWithAVersion) {
        Message message;
        char version[64] = "";

        kvp_wire_registered(message.data(), "3.1");

        EXPECT_EQ(string_at(message, 4), "3.1");
        EXPECT_EQ(kvp_wire_parse_registered(message.data(), message.size(), version), 0);
        EXPECT_STREQ(version, "3.1");
}

TEST(KvpRegistration, TakesNoOtherAnswer) {
        Message message;
        char version[64] = "as it was";

        kvp_wire_registered(message.data(), "3.1");
        EXPECT_EQ(kvp_wire_parse_registered(message.data(), message.size() - 1, version), -EBADMSG);
        EXPECT_EQ(kvp_wire_parse_registered(message.data(), 0, version), -EBADMSG);
        message[0] = 0;
        EXPECT_EQ(kvp_wire_parse_registered(message.data(), message.size(), version), -EBADMSG);
        for (const std::string &bad : { std::string("3\n1"), std::string("3.\xc3\xa4"), std::string(64, '3') }) {
                kvp_wire_registered(message.data(), bad.c_str());
                EXPECT_EQ(kvp_wire_parse_registered(message.data(), message.size(), version), -EBADMSG) << bad;
        }
        EXPECT_STREQ(version, "as it was");
}

TEST(KvpRegistration, TakesAVersionOf63Characters) {
        Message message;
        char version[64] = "";

        kvp_wire_registered(message.data(), std::string(63, '3').c_str());

        EXPECT_EQ(kvp_wire_parse_registered(message.data(), message.size(), version), 0);
        EXPECT_EQ(std::string(version), std::string(63, '3'));
}

/* --- requests --- */

TEST(KvpRequest, OfEachKindIsReadBack) {
        Message message;

        kvp_wire_request(message.data(), KVP_OPERATION_GET, KVP_POOL_ID_GUEST, 0, "Owner", nullptr);
        Parsed get = parse(message);
        EXPECT_EQ(get.refusal, 0);
        EXPECT_EQ(get.status, WIRE_STATUS_OK);
        EXPECT_EQ(get.request.operation, KVP_OPERATION_GET);
        EXPECT_EQ(get.request.pool, KVP_POOL_ID_GUEST);
        EXPECT_STREQ(get.request.key, "Owner");
        EXPECT_EQ(get.request.key_size, 5u);
        EXPECT_STREQ(get.request.value, "");

        kvp_wire_request(message.data(), KVP_OPERATION_SET, KVP_POOL_ID_EXTERNAL, 0, "Owner", "me");
        Parsed set = parse(message);
        EXPECT_EQ(set.refusal, 0);
        EXPECT_STREQ(set.request.value, "me");
        EXPECT_EQ(set.request.value_size, 2u);

        kvp_wire_request(message.data(), KVP_OPERATION_REMOVE, KVP_POOL_ID_EXTERNAL, 0, "Owner", nullptr);
        Parsed remove = parse(message);
        EXPECT_EQ(remove.refusal, 0);
        EXPECT_EQ(remove.request.operation, KVP_OPERATION_REMOVE);
        EXPECT_STREQ(remove.request.key, "Owner");

        kvp_wire_request(message.data(), KVP_OPERATION_ENUMERATE, KVP_POOL_ID_AUTO, 7, nullptr, nullptr);
        Parsed enumerate = parse(message);
        EXPECT_EQ(enumerate.refusal, 0);
        EXPECT_EQ(enumerate.request.index, 7u);
        EXPECT_STREQ(enumerate.request.key, "");

        kvp_wire_request(message.data(), KVP_OPERATION_GET_ADDRESSES, KVP_POOL_ID_EXTERNAL, 0, "00:15:5D:01:02:03",
                         nullptr);
        Parsed addresses = parse(message);
        EXPECT_EQ(addresses.refusal, 0);
        EXPECT_EQ(addresses.request.operation, KVP_OPERATION_GET_ADDRESSES);
        ASSERT_NE(addresses.request.addresses, nullptr);
        EXPECT_STREQ(reinterpret_cast<const char *>(addresses.request.addresses) + 4, "00:15:5D:01:02:03");
}

TEST(KvpRequest, IsACopyOfTheMessage) {
        Message message;
        kvp_wire_request(message.data(), KVP_OPERATION_SET, KVP_POOL_ID_EXTERNAL, 0, "Owner", "me");
        Parsed parsed = parse(message);

        message.fill(0xFF);

        EXPECT_STREQ(parsed.request.key, "Owner");
        EXPECT_STREQ(parsed.request.value, "me");
}

TEST(KvpRequest, OfAnotherLengthIsRefused) {
        Message message;
        kvp_wire_request(message.data(), KVP_OPERATION_GET, KVP_POOL_ID_GUEST, 0, "Owner", nullptr);

        for (size_t n : { 0, 1, 4, 7430, 7431 }) {
                EXPECT_EQ(parse(message, n).refusal, KVP_REFUSAL_SIZE) << n;
                EXPECT_EQ(parse(message, n).status, WIRE_STATUS_FAIL) << n;
        }
        std::vector<uint8_t> longer(KVP_MESSAGE_SIZE + 1);
        KvpRequest request;
        WireStatus status;
        EXPECT_EQ(kvp_wire_parse(longer.data(), longer.size(), &request, &status), KVP_REFUSAL_SIZE);
}

/* The message ends where the page ends, and the next page cannot be read. */
TEST(KvpRequest, IsNeverReadBeyondItsEnd) {
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t room = (KVP_MESSAGE_SIZE + page - 1) / page * page;
        void *area = mmap(nullptr, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(area, MAP_FAILED);
        uint8_t *end = static_cast<uint8_t *>(area) + room;
        ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
        KvpRequest request;
        WireStatus status;
        char version[64];

        for (size_t n = 0; n < 600; n++) {
                memset(end - n, 1, n);
                EXPECT_EQ(kvp_wire_parse(end - n, n, &request, &status), KVP_REFUSAL_SIZE);
                EXPECT_EQ(kvp_wire_parse_registered(end - n, n, version), -EBADMSG);
                EXPECT_EQ(kvp_wire_parse_reply(end - n, n, &status, nullptr, nullptr), -EBADMSG);
                EXPECT_FALSE(kvp_wire_is_registration(end - n, n));
        }
        for (unsigned operation = 0; operation < 256; operation++) {
                memset(end - KVP_MESSAGE_SIZE, 0xFF, KVP_MESSAGE_SIZE);
                end[-KVP_MESSAGE_SIZE] = static_cast<uint8_t>(operation);
                end[-KVP_MESSAGE_SIZE + 1] = 0;
                int refusal = kvp_wire_parse(end - KVP_MESSAGE_SIZE, KVP_MESSAGE_SIZE, &request, &status);
                EXPECT_EQ(refusal == KVP_REFUSAL_NONE, operation == KVP_OPERATION_ENUMERATE) << operation;
        }
        munmap(area, room + page);
}

TEST(KvpRequest, WithAnUnknownOperationIsNotSupported) {
        Message message = {};
        for (unsigned operation = _KVP_OPERATION_MAX; operation < 256; operation++) {
                message[0] = static_cast<uint8_t>(operation);
                EXPECT_EQ(parse(message).refusal, KVP_REFUSAL_OPERATION) << operation;
                EXPECT_EQ(parse(message).status, WIRE_STATUS_NOT_SUPPORTED) << operation;
        }
}

TEST(KvpRequest, NamesAPoolFrom0To4) {
        Message message = {};
        message[0] = 3;
        for (unsigned pool = 0; pool < 256; pool++) {
                message[1] = static_cast<uint8_t>(pool);
                EXPECT_EQ(parse(message).refusal, pool < 5 ? KVP_REFUSAL_NONE : KVP_REFUSAL_POOL) << pool;
                EXPECT_EQ(parse(message).status, pool < 5 ? WIRE_STATUS_OK : WIRE_STATUS_FAIL) << pool;
        }
}

TEST(KvpRequest, ForAddressesHasNoPool) {
        Message message;
        kvp_wire_request(message.data(), KVP_OPERATION_GET_ADDRESSES, 255, 0, "00:15:5D:01:02:03", nullptr);
        EXPECT_EQ(parse(message).refusal, 0);
}

TEST(KvpRequest, HasAnUnsignedIndex) {
        Message message;
        for (uint32_t index : { 0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu }) {
                kvp_wire_request(message.data(), KVP_OPERATION_ENUMERATE, KVP_POOL_ID_GUEST, index, nullptr, nullptr);
                EXPECT_EQ(parse(message).refusal, 0);
                EXPECT_EQ(parse(message).request.index, index);
        }
}

struct ClaimRow {
        const char *name;
        std::string key;
        uint32_t key_size;
        std::string value;
        uint32_t value_size;
        int refusal;
};

static void PrintTo(const ClaimRow &row, std::ostream *os) {
        *os << row.name;
}

class KvpClaim : public testing::TestWithParam<ClaimRow> {};

TEST_P(KvpClaim, IsCheckedAgainstTheField) {
        const ClaimRow &row = GetParam();
        Parsed parsed = parse(set_message(row.key, row.key_size, row.value, row.value_size));

        EXPECT_EQ(parsed.refusal, row.refusal);
        EXPECT_EQ(parsed.status, row.refusal == 0 ? WIRE_STATUS_OK : WIRE_STATUS_FAIL);
        if (parsed.refusal == 0) {
                EXPECT_STREQ(parsed.request.key, row.key.c_str());
                EXPECT_EQ(parsed.request.key_size, strlen(row.key.c_str()));
                size_t expected = row.value_size == 0 ? 0 : strlen(row.value.c_str());
                EXPECT_EQ(parsed.request.value_size, expected);
                EXPECT_EQ(strlen(parsed.request.value), expected);
        }
}

static const std::string k511(511, 'k'), k512(512, 'k'), v2047(2047, 'v'), v2048(2048, 'v');

INSTANTIATE_TEST_SUITE_P(Rows, KvpClaim,
        testing::Values(
                ClaimRow{ "Exact", "key", 4, "value", 6, KVP_REFUSAL_NONE },
                ClaimRow{ "KeyAtTheLimit", k511, 512, "value", 6, KVP_REFUSAL_NONE },
                ClaimRow{ "KeySizeBeyond", "key", 513, "value", 6, KVP_REFUSAL_KEY_SIZE },
                ClaimRow{ "KeySizeHuge", "key", 0xffffffff, "value", 6, KVP_REFUSAL_KEY_SIZE },
                ClaimRow{ "KeySizeNone", "key", 0, "value", 6, KVP_REFUSAL_KEY_SIZE },
                ClaimRow{ "KeyFillsTheFieldWithoutNul", k512, 512, "value", 6, KVP_REFUSAL_KEY_TEXT },
                ClaimRow{ "KeyNulOutsideTheClaim", "key", 3, "value", 6, KVP_REFUSAL_KEY_TEXT },
                ClaimRow{ "KeyNulBeforeTheClaim", std::string("key\0junk\xff", 9), 9, "value", 6, KVP_REFUSAL_NONE },
                ClaimRow{ "KeyEmpty", "", 1, "value", 6, KVP_REFUSAL_KEY_TEXT },
                ClaimRow{ "KeyEmptyWithAClaim", std::string("\0key", 4), 5, "value", 6, KVP_REFUSAL_KEY_TEXT },
                ClaimRow{ "KeyNotUtf8", "k\xff", 3, "value", 6, KVP_REFUSAL_KEY_TEXT },
                ClaimRow{ "KeyCutInACharacter", "k\xc3", 3, "value", 6, KVP_REFUSAL_KEY_TEXT },
                ClaimRow{ "KeySurrogate", "\xed\xa0\x80", 4, "value", 6, KVP_REFUSAL_KEY_TEXT },
                ClaimRow{ "KeyUtf8", "\xc3\xa4\xf0\x9f\x98\x80", 7, "value", 6, KVP_REFUSAL_NONE },
                ClaimRow{ "ValueAtTheLimit", "key", 4, v2047, 2048, KVP_REFUSAL_NONE },
                ClaimRow{ "ValueSizeBeyond", "key", 4, "value", 2049, KVP_REFUSAL_VALUE_SIZE },
                ClaimRow{ "ValueSizeHuge", "key", 4, "value", 0x80000000, KVP_REFUSAL_VALUE_SIZE },
                ClaimRow{ "ValueSizeNoneIsAnUnsupportedType", "key", 4, "junk", 0, KVP_REFUSAL_NONE },
                ClaimRow{ "ValueFillsTheFieldWithoutNul", "key", 4, v2048, 2048, KVP_REFUSAL_VALUE_TEXT },
                ClaimRow{ "ValueNulOutsideTheClaim", "key", 4, "value", 5, KVP_REFUSAL_VALUE_TEXT },
                ClaimRow{ "ValueNulBeforeTheClaim", "key", 4, std::string("va\0lue", 6), 7, KVP_REFUSAL_NONE },
                ClaimRow{ "ValueEmpty", "key", 4, "", 1, KVP_REFUSAL_NONE },
                ClaimRow{ "ValueNotUtf8", "key", 4, "\x80", 2, KVP_REFUSAL_VALUE_TEXT }),
        [](const testing::TestParamInfo<ClaimRow> &info) { return info.param.name; });

TEST(KvpRequest, ToGetDoesNotLookAtTheValue) {
        Message message = set_message("key", 4, v2048, 0xffffffff);
        message[0] = 0;
        EXPECT_EQ(parse(message).refusal, 0);
        EXPECT_STREQ(parse(message).request.value, "");
}

TEST(KvpRequest, ToRemoveHasItsKeyElsewhere) {
        for (auto [size, text, refusal] : { std::tuple{ 4u, std::string("key"), KVP_REFUSAL_NONE },
                                            { 512u, k511, KVP_REFUSAL_NONE },
                                            { 512u, k512, KVP_REFUSAL_KEY_TEXT },
                                            { 513u, std::string("key"), KVP_REFUSAL_KEY_SIZE },
                                            { 0u, std::string("key"), KVP_REFUSAL_KEY_SIZE },
                                            { 3u, std::string("key"), KVP_REFUSAL_KEY_TEXT },
                                            { 1u, std::string(), KVP_REFUSAL_KEY_TEXT } }) {
                Message message = {};
                message[0] = 2;
                put32(message, OFFSET_REMOVE_KEY_SIZE, size);
                put(message, OFFSET_REMOVE_KEY, text);
                EXPECT_EQ(parse(message).refusal, refusal) << size;
        }
}

TEST(KvpRequest, ForAddressesHasATerminatedAdapter) {
        for (unsigned operation : { 4u, 5u }) {
                Message message = {};
                message[0] = static_cast<uint8_t>(operation);
                put(message, 4, std::string(255, 'a'));
                EXPECT_EQ(parse(message).refusal, 0);
                put(message, 4, std::string(256, 'a'));
                EXPECT_EQ(parse(message).refusal, KVP_REFUSAL_ADAPTER);
                put(message, 4, std::string("\xff\0", 2));
                EXPECT_EQ(parse(message).refusal, KVP_REFUSAL_ADAPTER);
        }
}

/* --- replies --- */

TEST(KvpReply, WithAStatusIsZeroBeyondIt) {
        Message message;
        message.fill(0xAA);

        kvp_wire_reply_status(message.data(), WIRE_STATUS_NO_MORE);

        Message expected = {};
        put32(expected, 0, 0x80070103);
        EXPECT_EQ(message, expected);
}

TEST(KvpReply, HasKeyAndValueInTheEnumerateViewAndNothingElse) {
        Message expected = {};
        put(expected, OFFSET_REPLY_KEY, "Owner");
        put(expected, OFFSET_REPLY_VALUE, "me");

        EXPECT_EQ(reply_pair("Owner", "me"), expected);
}

TEST(KvpReply, MendsWhatIsNotUtf8) {
        Message message = reply_pair("k\xff", "a\xc3");

        EXPECT_EQ(string_at(message, OFFSET_REPLY_KEY), "k\xef\xbf\xbd");
        EXPECT_EQ(string_at(message, OFFSET_REPLY_VALUE), "a\xef\xbf\xbd");
}

struct CutRow {
        const char *name;
        std::string text;
        size_t key_bytes, value_bytes;
};

static void PrintTo(const CutRow &row, std::ostream *os) {
        *os << row.name;
}

class KvpCut : public testing::TestWithParam<CutRow> {};

TEST_P(KvpCut, FallsBetweenCharactersAtWhatReachesTheHost) {
        const CutRow &row = GetParam();
        std::string key = row.text.substr(0, 512);
        Message message = reply_pair(key, row.text);

        EXPECT_EQ(string_at(message, OFFSET_REPLY_KEY), row.text.substr(0, row.key_bytes));
        EXPECT_EQ(string_at(message, OFFSET_REPLY_VALUE), row.text.substr(0, row.value_bytes));
        EXPECT_EQ(message[OFFSET_REPLY_KEY + 511], 0);
        EXPECT_EQ(message[OFFSET_REPLY_VALUE + 2047], 0);
}

/* 512 and 2,048 bytes each: the fields as foreign writers may fill them. ASCII: a unit a byte. U+00E4: a unit, 2 bytes.
 * U+20AC: a unit, 3 bytes, so that bytes run out before units. U+1F600: 2 units, 4 bytes. */
INSTANTIATE_TEST_SUITE_P(Rows, KvpCut,
        testing::Values(
                CutRow{ "AsciiAtTheKeyLimit", std::string(254, 'a'), 254, 254 },
                CutRow{ "AsciiBeyondTheKeyLimit", std::string(255, 'a'), 254, 255 },
                CutRow{ "AsciiAtTheValueLimit", std::string(1022, 'a'), 254, 1022 },
                CutRow{ "AsciiBeyondTheValueLimit", std::string(1023, 'a'), 254, 1022 },
                CutRow{ "AsciiFillsTheField", std::string(2048, 'a'), 254, 1022 },
                CutRow{ "TwoBytesAUnit", repeat("\xc3\xa4", 1024), 508, 2044 },
                CutRow{ "FourBytesTwoUnits", repeat("\xf0\x9f\x98\x80", 512), 508, 2044 },
                CutRow{ "PairAcrossTheKeyLimit", std::string(253, 'a') + "\xf0\x9f\x98\x80", 253, 257 },
                CutRow{ "PairAcrossTheValueLimit", std::string(1021, 'a') + "\xf0\x9f\x98\x80", 254, 1021 }),
        [](const testing::TestParamInfo<CutRow> &info) { return info.param.name; });

TEST(KvpReply, IsCutByBytesWhereUnitsWouldStillFit) {
        Message message = reply_pair(repeat("\xe2\x82\xac", 170), repeat("\xe2\x82\xac", 683).substr(0, 2048));

        EXPECT_EQ(string_at(message, OFFSET_REPLY_KEY), repeat("\xe2\x82\xac", 170));
        /* 2,048 bytes are 682 characters and two bytes of the next; mended that would be 2,049 bytes, so it goes. */
        EXPECT_EQ(string_at(message, OFFSET_REPLY_VALUE), repeat("\xe2\x82\xac", 682));
}

TEST(KvpReply, IsReadByTheDriver) {
        WireStatus status = 1;
        const char *key = nullptr, *value = nullptr;
        Message message = reply_pair("Owner", "me");

        EXPECT_EQ(kvp_wire_parse_reply(message.data(), message.size(), &status, &key, &value), 0);
        EXPECT_EQ(status, WIRE_STATUS_OK);
        EXPECT_STREQ(key, "Owner");
        EXPECT_STREQ(value, "me");

        kvp_wire_reply_status(message.data(), WIRE_STATUS_FAIL);
        EXPECT_EQ(kvp_wire_parse_reply(message.data(), message.size(), &status, nullptr, nullptr), 0);
        EXPECT_EQ(status, WIRE_STATUS_FAIL);
}

TEST(KvpReply, WithoutANulIsNoReply) {
        WireStatus status;
        const char *key, *value;
        Message message = reply_pair("Owner", "me");
        put(message, OFFSET_REPLY_VALUE, v2048);

        EXPECT_EQ(kvp_wire_parse_reply(message.data(), message.size(), &status, &key, &value), -EBADMSG);
        EXPECT_EQ(kvp_wire_parse_reply(message.data(), message.size(), &status, &key, nullptr), 0);
}
