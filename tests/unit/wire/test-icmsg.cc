/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/icmsg.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace {

const IcVersion frameworks[] = { { 3, 0 }, { 1, 0 } }, fcopy_versions[] = { { 1, 1 } };

struct Chosen {
        int r;
        IcVersion framework = {}, message = {};
};

Chosen negotiate(std::vector<uint8_t> &packet) {
        Chosen c = {};
        c.r = icmsg_negotiate(packet.data(), packet.size(), frameworks, 2, fcopy_versions, 1,
                              WIRE_STATUS_FAIL, &c.framework, &c.message);
        return c;
}

std::vector<uint8_t> offer(std::vector<IcVersion> f, std::vector<IcVersion> m) {
        std::vector<uint8_t> packet(1024);
        packet.resize(icmsg_negotiation(packet.data(), 7, f.data(), f.size(), m.data(), m.size()));
        return packet;
}

} // namespace

/* The bytes of the example in the protocol notes: frameworks 1.0 and 3.0, message 1.1. */
TEST(Icmsg, AnswersTheCapturedNegotiation) {
        std::vector<uint8_t> packet = {
                0x01, 0, 0,    0, 0x28, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, //
                0,    0, 0x14, 0, 0,    0, 0, 0, 0, 0x03, 0, 0, 2, 0, 1, 0, //
                0,    0, 0,    0, 1,    0, 0, 0, 3, 0,    0, 0, 1, 0, 1, 0,
        };
        const std::vector<uint8_t> answer = {
                0x01, 0, 0,    0, 0x28, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, //
                0,    0, 0x10, 0, 0,    0, 0, 0, 0, 0x05, 0, 0, 1, 0, 1, 0, //
                0,    0, 0,    0, 3,    0, 0, 0, 1, 0,    1, 0, 1, 0, 1, 0,
        };
        Chosen c = negotiate(packet);
        EXPECT_EQ(c.r, 0);
        EXPECT_EQ(c.framework.major, 3);
        EXPECT_EQ(c.message.minor, 1);
        EXPECT_EQ(packet, answer);
}

TEST(Icmsg, PrefersOurBestVersionInAnyOrder) {
        auto packet = offer({ { 1, 0 }, { 3, 0 } }, { { 1, 0 }, { 1, 1 }, { 9, 9 } });
        EXPECT_EQ(negotiate(packet).framework.major, 3);
        packet = offer({ { 1, 0 } }, { { 1, 1 } });
        EXPECT_EQ(negotiate(packet).framework.major, 1);
}

TEST(Icmsg, SaysZeroAndFailWhenNothingMatches) {
        auto packet = offer({ { 2, 0 } }, { { 1, 1 } });
        EXPECT_EQ(negotiate(packet).r, 1);
        WireStatus status = 0;
        ASSERT_EQ(icmsg_parse_answer(packet.data(), packet.size(), 7, &status), 0);
        EXPECT_EQ(status, WIRE_STATUS_FAIL);
        EXPECT_EQ(packet[28] | packet[29] | packet[30] | packet[31], 0);
}

TEST(Icmsg, RefusesCountsBeyondThePacket) {
        auto packet = offer({ { 3, 0 } }, { { 1, 1 } });
        for (uint16_t lie : { 2, 100, 101, 0xffff }) {
                auto liar = packet;
                memcpy(liar.data() + 28, &lie, 2);
                EXPECT_EQ(negotiate(liar).r, -EBADMSG) << lie;
        }
        for (size_t n = 0; n < packet.size(); n++) {
                std::vector<uint8_t> cut(packet.begin(), packet.begin() + (long)n);
                EXPECT_EQ(negotiate(cut).r, -EBADMSG) << n;
        }
}

TEST(Icmsg, HoldsBothSizesAgainstThePacket) {
        uint8_t packet[256];
        IcMessage message;
        size_t n = icmsg_request(packet, ICMSG_TYPE_FCOPY, { 3, 0 }, { 1, 1 }, 9, "abcdefgh", 8);

        ASSERT_EQ(icmsg_parse(packet, n, &message), 0);
        EXPECT_EQ(message.type, ICMSG_TYPE_FCOPY);
        EXPECT_EQ(message.body_size, 8u);
        EXPECT_EQ(message.transaction, 9);
        EXPECT_EQ(icmsg_parse(packet, n - 1, &message), -EBADMSG);
        packet[18] = 9;
        EXPECT_EQ(icmsg_parse(packet, n, &message), -EBADMSG);
        packet[18] = 8;
        packet[4] = 19; /* pipe size below the header */
        EXPECT_EQ(icmsg_parse(packet, n, &message), -EBADMSG);
}

TEST(Icmsg, AnswersWithTheSameTransaction) {
        uint8_t packet[256];
        WireStatus status = 1;
        size_t n = icmsg_request(packet, ICMSG_TYPE_FCOPY, { 3, 0 }, { 1, 1 }, 9, "abcdefgh", 8);

        EXPECT_EQ(icmsg_parse_answer(packet, n, 9, &status), -EBADMSG);
        icmsg_answer(packet, WIRE_STATUS_DISK_FULL);
        ASSERT_EQ(icmsg_parse_answer(packet, n, 9, &status), 0);
        EXPECT_EQ(status, WIRE_STATUS_DISK_FULL);
        EXPECT_EQ(icmsg_parse_answer(packet, n, 8, &status), -EBADMSG);
        EXPECT_EQ(memcmp(packet + ICMSG_HEADER_SIZE, "abcdefgh", 8), 0);
}
