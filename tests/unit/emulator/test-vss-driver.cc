/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What differs in the driver for snapshots; the machine itself is test-driver.cc's. */

#include "emulator/driver.h"
#include "emulator/kinds.h"
#include "wire/vss.h"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>

using Message = std::array<uint8_t, VSS_MESSAGE_SIZE>;

class VssDriver : public testing::Test {
      protected:
        void SetUp() override {
                driver_init(d, &driver_vss);
                ASSERT_EQ(driver_open(d), 0);
        }
        int write_first_byte(uint8_t byte, size_t n = VSS_MESSAGE_SIZE) {
                uint8_t message[64] = { byte };
                return driver_write(d, message, n);
        }
        ssize_t read() {
                return driver_read(d, buffer, sizeof buffer);
        }
        void become_registered() {
                Message message;
                vss_wire_registration(message.data());
                ASSERT_EQ(driver_write(d, message.data(), message.size()), 0);
                ASSERT_EQ(read(), 4);
                ASSERT_EQ(d->state, DRIVER_READY);
                driver_take_actions(d);
        }
        int ask(VssOperation operation) {
                Message message;
                vss_wire_request(message.data(), vss_wire_operation_byte(operation));
                return driver_request(d, message.data(), message.size());
        }
        int answer(WireStatus status) {
                Message message;
                vss_wire_reply(message.data(), status);
                return driver_write(d, message.data(), message.size());
        }

        std::unique_ptr<Driver> owned = std::make_unique<Driver>();
        Driver *d = owned.get();
        uint8_t buffer[DRIVER_MESSAGE_MAX];
};

TEST_F(VssDriver, AnswersARegistrationWithFourBytes) {
        become_registered();
        EXPECT_EQ(buffer[0], 129);
        EXPECT_EQ(write_first_byte(129), 0) << "again while ready";
        EXPECT_EQ(read(), 4);
}

TEST_F(VssDriver, NeverAnswersTheOldDialect) {
        EXPECT_EQ(write_first_byte(128), 0);
        EXPECT_EQ(read(), 0);
        EXPECT_EQ(d->state, DRIVER_INIT);
}

TEST_F(VssDriver, TakesTwelveBytesOnly) {
        EXPECT_EQ(write_first_byte(129, 11), -EINVAL);
        EXPECT_EQ(write_first_byte(129, 13), -EINVAL);
        EXPECT_EQ(write_first_byte(5), -EINVAL);
}

TEST_F(VssDriver, FailsTheHostWithoutADaemon) {
        EXPECT_EQ(ask(VSS_OPERATION_FREEZE), 0);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_ANSWER);
        EXPECT_EQ(d->answer.status, WIRE_STATUS_FAIL);
}

TEST_F(VssDriver, GivesAFreezeFifteenMinutesAndTheOthersThirtySeconds) {
        become_registered();
        EXPECT_EQ(ask(VSS_OPERATION_FREEZE), 0);
        EXPECT_EQ(d->timeout_usec, 900u * 1000000);
        EXPECT_EQ(read(), VSS_MESSAGE_SIZE);
        EXPECT_EQ(answer(WIRE_STATUS_OK), 0);
        EXPECT_EQ(d->answer.status, WIRE_STATUS_OK);
        EXPECT_EQ(ask(VSS_OPERATION_THAW), 0);
        EXPECT_EQ(d->timeout_usec, 30u * 1000000);
}

TEST_F(VssDriver, TakesNoAnswerForARegistration) {
        become_registered();
        EXPECT_EQ(ask(VSS_OPERATION_FREEZE), 0);
        EXPECT_EQ(write_first_byte(129), -EINVAL);
}

TEST_F(VssDriver, FakesAThawWhenTheGuestResumes) {
        VssOperation operation;
        WireStatus status;

        become_registered();
        driver_suspend(d);
        ASSERT_EQ(read(), VSS_MESSAGE_SIZE);
        EXPECT_EQ(vss_wire_parse(buffer, VSS_MESSAGE_SIZE, &operation, &status), 0);
        EXPECT_EQ(operation, VSS_OPERATION_THAW);
        EXPECT_EQ(answer(WIRE_STATUS_OK), -EINVAL);
}
