/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/fcopy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

struct Parsed {
        int refusal;
        WireStatus status = WIRE_STATUS_OK;
        std::unique_ptr<FcopyRequest> request = std::make_unique<FcopyRequest>();
};

Parsed parse(const std::vector<uint8_t> &message, FcopyEncoding encoding) {
        Parsed p = {};
        p.refusal = fcopy_wire_parse(message.data(), message.size(), encoding, p.request.get(), &p.status);
        return p;
}

std::vector<uint8_t> start(FcopyEncoding encoding, const char *file = "a.txt", const char *path = "/tmp",
                           uint64_t size = 3) {
        std::vector<uint8_t> message(FCOPY_MESSAGE_MAX);
        ssize_t n = fcopy_wire_start(message.data(), encoding, file, path, true, false, size);
        EXPECT_GT(n, 0);
        message.resize(n > 0 ? (size_t)n : 0);
        return message;
}

std::vector<uint8_t> fragment(FcopyEncoding encoding, uint64_t offset, const std::string &data) {
        std::vector<uint8_t> message(FCOPY_MESSAGE_MAX);
        message.resize((size_t)fcopy_wire_write(message.data(), encoding, offset, data.data(), data.size()));
        return message;
}

void put(std::vector<uint8_t> &message, size_t at, uint64_t value, size_t n) {
        memcpy(message.data() + at, &value, n);
}

class Fcopy : public testing::TestWithParam<FcopyEncoding> {};

} // namespace

TEST_P(Fcopy, ReadsAStart) {
        Parsed p = parse(start(GetParam(), "Grüße 漢字 😀.txt", "\\srv\\in\\", 5368709120), GetParam());
        ASSERT_EQ(p.refusal, 0);
        EXPECT_EQ(p.request->operation, FCOPY_OPERATION_START);
        EXPECT_STREQ(p.request->file_name, "Grüße 漢字 😀.txt");
        EXPECT_STREQ(p.request->path_name, "\\srv\\in\\");
        EXPECT_EQ(p.request->file_size, 5368709120u);
        EXPECT_TRUE(p.request->overwrite);
        EXPECT_FALSE(p.request->create_path);
}

TEST_P(Fcopy, RefusesAStartThatIsCutAnywhere) {
        auto whole = start(GetParam());
        for (size_t n = 0; n < whole.size(); n += n < 40 || n > 1070 ? 1 : 64) {
                Parsed p = parse({ whole.begin(), whole.begin() + (long)n }, GetParam());
                EXPECT_EQ(p.refusal, FCOPY_REFUSAL_SIZE) << n;
                EXPECT_EQ(p.status, WIRE_STATUS_FAIL);
        }
}

TEST_P(Fcopy, RefusesUnknownFlagsAndEmptyNames) {
        auto message = start(GetParam());
        put(message, 1076, 4, 4);
        EXPECT_EQ(parse(message, GetParam()).refusal, FCOPY_REFUSAL_FLAGS);
        message = start(GetParam());
        put(message, 36, 0, 2);
        EXPECT_EQ(parse(message, GetParam()).refusal, FCOPY_REFUSAL_NAME);
}

TEST_P(Fcopy, RefusesNamesWithoutTerminator) {
        for (size_t at : { 36, 556 }) {
                auto message = start(GetParam());
                for (size_t i = 0; i < 520; i += 2)
                        put(message, at + i, GetParam() == FCOPY_UTF16 ? 'a' : 0x6161, 2);
                EXPECT_EQ(parse(message, GetParam()).refusal, FCOPY_REFUSAL_NAME) << at;
        }
}

TEST_P(Fcopy, ReadsAFragment) {
        auto message = fragment(GetParam(), 12288, "hello");
        Parsed p = parse(message, GetParam());
        ASSERT_EQ(p.refusal, 0);
        EXPECT_EQ(p.request->offset, 12288u);
        EXPECT_EQ(std::string((const char *)p.request->data, p.request->size), "hello");
}

/* What the older daemon believed: 100 bytes of body gave 4,000 bytes of file, 0xffffffff its own memory. */
TEST_P(Fcopy, HoldsAFragmentsSizeAgainstTheBytesThatCame) {
        auto message = fragment(GetParam(), 0, std::string(100, 'x'));
        message.resize(52 + 100);
        for (uint32_t lie : { 101u, 4000u, 6144u, 6145u, 0xffffffffu }) {
                put(message, 48, lie, 4);
                EXPECT_EQ(parse(message, GetParam()).refusal, FCOPY_REFUSAL_FRAGMENT) << lie;
        }
        put(message, 48, 100, 4);
        EXPECT_EQ(parse(message, GetParam()).refusal, 0);
        put(message, 40, UINT64_MAX - 50, 8);
        EXPECT_EQ(parse(message, GetParam()).refusal, FCOPY_REFUSAL_FRAGMENT);
}

TEST_P(Fcopy, TakesCompleteAndCancelOfAnyLengthFromTheHeaderOn) {
        for (uint32_t operation : { 2, 3 })
                for (size_t n : { 36, 64, 8192 }) {
                        std::vector<uint8_t> message(n, 0xee);
                        put(message, 0, operation, 4);
                        Parsed p = parse(message, GetParam());
                        EXPECT_EQ(p.refusal, 0);
                        EXPECT_EQ(p.request->operation,
                                  operation == 2 ? FCOPY_OPERATION_COMPLETE : FCOPY_OPERATION_CANCEL);
                }
}

TEST_P(Fcopy, RefusesUnknownOperationsAndLengths) {
        std::vector<uint8_t> message(64);
        put(message, 0, 4, 4);
        EXPECT_EQ(parse(message, GetParam()).refusal, FCOPY_REFUSAL_OPERATION);
        EXPECT_EQ(parse(message, GetParam()).status, WIRE_STATUS_NOT_SUPPORTED);
        EXPECT_EQ(parse(std::vector<uint8_t>(35), GetParam()).refusal, FCOPY_REFUSAL_SIZE);
        EXPECT_EQ(parse(std::vector<uint8_t>(8193), GetParam()).refusal, FCOPY_REFUSAL_SIZE);
}

INSTANTIATE_TEST_SUITE_P(Over, Fcopy, testing::Values(FCOPY_UTF8, FCOPY_UTF16),
                         [](const auto &info) { return info.param == FCOPY_UTF16 ? "Ring" : "Device"; });

TEST(FcopyNames, RefuseLoneSurrogates) {
        auto message = start(FCOPY_UTF16);
        for (uint16_t lone : { 0xd800, 0xdbff, 0xdc00, 0xdfff }) {
                put(message, 36, lone, 2);
                EXPECT_EQ(parse(message, FCOPY_UTF16).refusal, FCOPY_REFUSAL_NAME) << lone;
        }
}

TEST(FcopyNames, TakeTheLongestThatTheFieldHolds) {
        std::string units(259, 'x');
        EXPECT_EQ(parse(start(FCOPY_UTF16, units.c_str()), FCOPY_UTF16).request->file_name, units);
        std::vector<uint8_t> message(FCOPY_MESSAGE_MAX);
        EXPECT_EQ(fcopy_wire_start(message.data(), FCOPY_UTF16, (units + "x").c_str(), "/", false, false, 0),
                  -EINVAL);
        EXPECT_EQ(fcopy_wire_start(message.data(), FCOPY_UTF8, (units + "x").c_str(), "/", false, false, 0),
                  -EINVAL);
        /* Three bytes a unit: the widest that must fit the value. */
        std::string wide;
        for (int i = 0; i < 259; i++)
                wide += "\xe6\xbc\xa2";
        EXPECT_EQ(parse(start(FCOPY_UTF16, wide.c_str()), FCOPY_UTF16).request->file_name, wide);
}

TEST(FcopyRegistration, IsVersionOneBothWays) {
        uint8_t message[4];
        char version[64];
        fcopy_wire_registration(message);
        EXPECT_EQ(memcmp(message, "\1\0\0\0", 4), 0);
        ASSERT_EQ(fcopy_wire_parse_registered(message, 4, version), 0);
        EXPECT_STREQ(version, "1");
        EXPECT_EQ(fcopy_wire_parse_registered(message, 3, version), -EBADMSG);
        message[0] = 2;
        EXPECT_EQ(fcopy_wire_parse_registered(message, 4, version), -EBADMSG);
}
