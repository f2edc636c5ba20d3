/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/vss.h"

#include <gtest/gtest.h>

#include <cstring>

TEST(Vss, RegistersWithOperation129) {
        uint8_t message[VSS_MESSAGE_SIZE], answer[4];
        char version[64];

        vss_wire_registration(message);
        EXPECT_EQ(message[0], 129);
        EXPECT_EQ(message[1], 0);
        vss_wire_registered(answer);
        ASSERT_EQ(vss_wire_parse_registered(answer, 4, version), 0);
        EXPECT_STREQ(version, "1");
        EXPECT_EQ(vss_wire_parse_registered(answer, 3, version), -EBADMSG);
        EXPECT_EQ(vss_wire_parse_registered(message, 12, version), -EBADMSG);
}

TEST(Vss, KnowsItsThreeOperationsAndRefusesAllOthers) {
        for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t message[VSS_MESSAGE_SIZE];
                VssOperation operation = _VSS_OPERATION_INVALID;
                WireStatus status = WIRE_STATUS_OK;

                vss_wire_request(message, (uint8_t)byte);
                int r = vss_wire_parse(message, sizeof message, &operation, &status);
                if (byte == 2 || byte == 5 || byte == 6) {
                        EXPECT_EQ(r, 0) << byte;
                        EXPECT_EQ(vss_wire_operation_byte(operation), byte);
                } else {
                        EXPECT_EQ(r, 1) << byte;
                        EXPECT_EQ(status, WIRE_STATUS_NOT_SUPPORTED) << byte;
                }
        }
}

TEST(Vss, RefusesOtherLengths) {
        uint8_t message[64] = { 5 };
        for (size_t n : { 0, 1, 4, 11, 13, 36, 64 }) {
                VssOperation operation;
                WireStatus status = WIRE_STATUS_OK;
                EXPECT_EQ(vss_wire_parse(message, n, &operation, &status), 1) << n;
                EXPECT_EQ(status, WIRE_STATUS_FAIL);
        }
}

/* The driver takes a reply whose first byte is 128 or 129 for a registration. */
TEST(Vss, RepliesWithNothingThatLooksLikeARegistration) {
        for (WireStatus status : { WIRE_STATUS_OK, WIRE_STATUS_FAIL, WIRE_STATUS_NOT_SUPPORTED }) {
                uint8_t message[VSS_MESSAGE_SIZE];
                WireStatus back = 1;
                memset(message, 0xee, sizeof message);
                vss_wire_reply(message, status);
                EXPECT_NE(message[0], 128);
                EXPECT_NE(message[0], 129);
                ASSERT_EQ(vss_wire_parse_reply(message, sizeof message, &back), 0);
                EXPECT_EQ(back, status);
                EXPECT_EQ(message[11], 0);
        }
}

TEST(Vss, SpellsItsOperationsThereAndBack) {
        for (int i = 0; i < _VSS_OPERATION_MAX; i++)
                EXPECT_EQ(vss_operation_from_string(vss_operation_to_string((VssOperation)i)), i);
}
