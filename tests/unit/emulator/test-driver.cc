/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every row of the driver's tables: its system calls, the registration, what a write means in which state,
 * timers. */

#include "emulator/driver.h"
#include "emulator/kinds.h"
#include "wire/kvp.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

using Message = std::array<uint8_t, KVP_MESSAGE_SIZE>;

static Message registration() {
        Message message;
        kvp_wire_registration(message.data());
        return message;
}

static Message request(uint32_t index = 0) {
        Message message;
        kvp_wire_request(message.data(), KVP_OPERATION_ENUMERATE, 1, index, nullptr, nullptr);
        return message;
}

static Message reply(WireStatus status) {
        Message message;
        kvp_wire_reply_status(message.data(), status);
        return message;
}

class KvpDriver : public testing::Test {
      protected:
        void SetUp() override {
                driver_init(d, &driver_kvp);
        }

        ssize_t read(size_t size = DRIVER_MESSAGE_MAX) {
                return driver_read(d, buffer, size);
        }

        int write(const Message &message) {
                return driver_write(d, message.data(), message.size());
        }

        int ask(uint32_t index = 0) {
                Message message = request(index);
                return driver_request(d, message.data(), message.size());
        }

        void become_registered() {
                ASSERT_EQ(driver_open(d), 0);
                ASSERT_EQ(write(registration()), 0);
                ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
                ASSERT_EQ(d->state, DRIVER_READY);
                driver_take_actions(d);
        }

        /* What the host was told since the last look, if anything. */
        bool answered(WireStatus status) {
                return (driver_take_actions(d) & DRIVER_ACTION_ANSWER) && d->answer.status == status;
        }

        std::unique_ptr<Driver> owned = std::make_unique<Driver>();
        Driver *d = owned.get();
        uint8_t buffer[DRIVER_MESSAGE_MAX];
};

/* --- open --- */

TEST_F(KvpDriver, OpensOnce) {
        EXPECT_EQ(driver_open(d), 0);
        EXPECT_EQ(driver_open(d), -EBUSY);
        driver_close(d);
        EXPECT_EQ(driver_open(d), 0);
}

TEST_F(KvpDriver, RefusesToOpenWhileAWithdrawalWaitsForTheClose) {
        ASSERT_EQ(driver_open(d), 0);
        driver_withdraw(d);
        EXPECT_EQ(driver_open(d), -EBADF);
}

TEST_F(KvpDriver, IsNotThereAfterTheWithdrawal) {
        driver_withdraw(d);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_REMOVED);
        EXPECT_EQ(driver_open(d), -ENOENT);
        driver_offer(d);
        EXPECT_EQ(driver_open(d), 0);
}

/* --- read and poll --- */

TEST_F(KvpDriver, HasNothingToReadFromAnEmptySlot) {
        ASSERT_EQ(driver_open(d), 0);
        EXPECT_EQ(read(), 0);
        EXPECT_EQ(driver_poll(d), 0u);
}

TEST_F(KvpDriver, KeepsTheMessageWhenTheBufferIsTooSmall) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        EXPECT_EQ(read(KVP_MESSAGE_SIZE - 1), -EINVAL);
        EXPECT_EQ(driver_poll(d), unsigned(POLLIN | POLLRDNORM));
        EXPECT_EQ(read(KVP_MESSAGE_SIZE), KVP_MESSAGE_SIZE);
        EXPECT_EQ(driver_poll(d), 0u);
}

TEST_F(KvpDriver, NeverReportsThatItCanBeWritten) {
        become_registered();
        EXPECT_FALSE(driver_poll(d) & POLLOUT);
        ASSERT_EQ(ask(), 0);
        EXPECT_FALSE(driver_poll(d) & POLLOUT);
}

TEST_F(KvpDriver, FailsEveryCallOnceWithdrawn) {
        become_registered();
        driver_withdraw(d);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_WAKE);
        EXPECT_EQ(read(), -EBADF);
        EXPECT_EQ(write(reply(0)), -EBADF);
        EXPECT_EQ(driver_poll(d), unsigned(POLLERR | POLLHUP));
        EXPECT_EQ(d->state, DRIVER_DYING);
}

TEST_F(KvpDriver, IsRemovedByTheCloseThatAWithdrawalWaitsFor) {
        become_registered();
        driver_withdraw(d);
        EXPECT_FALSE(driver_take_actions(d) & DRIVER_ACTION_REMOVED);
        driver_close(d);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_REMOVED);
        EXPECT_EQ(d->mode, DRIVER_WITHDRAWN);
}

/* --- close --- */

TEST_F(KvpDriver, FailsTheRequestInHandWhenTheDaemonCloses) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        driver_take_actions(d);
        driver_close(d);
        EXPECT_TRUE(answered(WIRE_STATUS_FAIL));
        EXPECT_EQ(d->state, DRIVER_INIT);
        EXPECT_EQ(d->answer.reply, nullptr);
}

TEST_F(KvpDriver, SaysNothingToTheHostWhenAnIdleDaemonCloses) {
        become_registered();
        driver_close(d);
        EXPECT_FALSE(driver_take_actions(d) & DRIVER_ACTION_ANSWER);
}

TEST_F(KvpDriver, DropsTheSlotWhenTheDaemonCloses) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        driver_close(d);
        ASSERT_EQ(driver_open(d), 0);
        EXPECT_EQ(read(), 0);
}

/* --- registration --- */

TEST_F(KvpDriver, AnswersTheRegistrationWithItsVersion) {
        char version[64];

        ASSERT_EQ(driver_open(d), 0);
        ASSERT_EQ(write(registration()), 0);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        ASSERT_EQ(kvp_wire_parse_registered(buffer, KVP_MESSAGE_SIZE, version), 0);
        EXPECT_STREQ(version, "3.1");
}

TEST_F(KvpDriver, IsReadyOnlyWhenTheAnswerWasRead) {
        ASSERT_EQ(driver_open(d), 0);
        ASSERT_EQ(write(registration()), 0);
        EXPECT_EQ(d->state, DRIVER_INIT);
        EXPECT_FALSE(driver_is_registered(d));
        EXPECT_EQ(ask(), -EAGAIN);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(d->state, DRIVER_READY);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_REGISTERED);
        EXPECT_EQ(ask(), 0);
}

TEST_F(KvpDriver, TakesNothingFromTheHostBeforeARegistration) {
        EXPECT_EQ(ask(), -EAGAIN);
        ASSERT_EQ(driver_open(d), 0);
        EXPECT_EQ(ask(), -EAGAIN);
        EXPECT_EQ(d->statistics.requests, 0u);
}

TEST_F(KvpDriver, RefusesAShortRegistration) {
        Message message = registration();

        ASSERT_EQ(driver_open(d), 0);
        EXPECT_EQ(driver_write(d, message.data(), message.size() - 2), -EINVAL);
        EXPECT_EQ(driver_write(d, message.data(), 0), -EINVAL);
}

TEST_F(KvpDriver, AcceptsALongerRegistration) {
        std::vector<uint8_t> message(KVP_MESSAGE_SIZE + 100);

        message[0] = 100;
        ASSERT_EQ(driver_open(d), 0);
        EXPECT_EQ(driver_write(d, message.data(), message.size()), 0);
}

TEST_F(KvpDriver, RefusesEveryFirstByteThatIsNoRegistration) {
        ASSERT_EQ(driver_open(d), 0);
        for (unsigned byte = 0; byte < 256; byte++) {
                Message message{};

                message[0] = uint8_t(byte);
                EXPECT_EQ(write(message), byte == 4 || byte == 100 ? 0 : -EINVAL) << byte;
        }
}

TEST_F(KvpDriver, ReportsSuccessEvenIfTheAnswerToARegistrationFindsTheSlotFull) {
        ASSERT_EQ(driver_open(d), 0);
        ASSERT_EQ(write(registration()), 0);
        EXPECT_EQ(write(registration()), 0);
        EXPECT_EQ(read(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(read(), 0);
}

TEST_F(KvpDriver, HoldsTheAnswerToARegistrationOnDemand) {
        d->hold_registration = true;
        ASSERT_EQ(driver_open(d), 0);
        ASSERT_EQ(write(registration()), 0);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_HELD);
        EXPECT_EQ(read(), 0);
        driver_release_registration(d);
        EXPECT_EQ(read(), KVP_MESSAGE_SIZE);
}

TEST_F(KvpDriver, ReadsErrorsOfTheOldDialectFromAnEmptyKey) {
        Message old = registration(), pair;

        old[0] = 4;
        kvp_wire_reply_pair(pair.data(), "k", 1, "v", 1);
        ASSERT_EQ(driver_open(d), 0);
        ASSERT_EQ(write(old), 0);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(buffer[0], 4);
        ASSERT_EQ(ask(), 0);
        ASSERT_EQ(write(pair), 0);
        EXPECT_TRUE(answered(WIRE_STATUS_OK));
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        ASSERT_EQ(ask(), 0);
        ASSERT_EQ(write(reply(WIRE_STATUS_OK)), 0);
        EXPECT_TRUE(answered(WIRE_STATUS_NO_MORE));
}

/* --- what a write is, state by state --- */

struct WriteRow {
        const char *name;
        DriverState state;
        DriverWrite reply, registration, of_wrong_size;
};

class KvpWrite : public testing::TestWithParam<WriteRow> {};

TEST_P(KvpWrite, MeansWhatTheStateMakesOfIt) {
        const WriteRow &row = GetParam();
        Message answer = reply(WIRE_STATUS_OK), first = registration();

        EXPECT_EQ(driver_kvp.classify(row.state, answer.data(), answer.size()), row.reply);
        EXPECT_EQ(driver_kvp.classify(row.state, first.data(), first.size()), row.registration);
        EXPECT_EQ(driver_kvp.classify(row.state, answer.data(), answer.size() - 1), row.of_wrong_size);
}

static const WriteRow write_rows[] = {
        { "Init", DRIVER_INIT, DRIVER_WRITE_REFUSED, DRIVER_WRITE_REGISTRATION, DRIVER_WRITE_REFUSED },
        { "Ready", DRIVER_READY, DRIVER_WRITE_REFUSED, DRIVER_WRITE_REFUSED, DRIVER_WRITE_REFUSED },
        { "RequestReceived", DRIVER_REQUEST_RECEIVED, DRIVER_WRITE_REFUSED, DRIVER_WRITE_REFUSED,
          DRIVER_WRITE_REFUSED },
        { "RequestSent", DRIVER_REQUEST_SENT, DRIVER_WRITE_REPLY, DRIVER_WRITE_REPLY, DRIVER_WRITE_REFUSED },
        { "ReplyReceived", DRIVER_REPLY_RECEIVED, DRIVER_WRITE_DISCARDED, DRIVER_WRITE_DISCARDED,
          DRIVER_WRITE_REFUSED },
};
INSTANTIATE_TEST_SUITE_P(States, KvpWrite, testing::ValuesIn(write_rows),
                         [](const auto &row) { return std::string(row.param.name); });

/* --- requests and answers --- */

TEST_F(KvpDriver, PassesStatusesVerbatim) {
        become_registered();
        for (WireStatus status :
             { WIRE_STATUS_OK, WIRE_STATUS_NO_MORE, WireStatus(0x12345678), WireStatus(0xFFFFFFFF) }) {
                ASSERT_EQ(ask(), 0);
                ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
                ASSERT_EQ(write(reply(status)), 0);
                EXPECT_TRUE(answered(status));
                EXPECT_EQ(d->state, DRIVER_READY);
        }
}

TEST_F(KvpDriver, AcceptsAnAnswerToARequestThatNobodyRead) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        EXPECT_EQ(write(reply(0)), 0);
        EXPECT_TRUE(answered(0));
}

TEST_F(KvpDriver, RefusesASecondAnswer) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        ASSERT_EQ(write(reply(0)), 0);
        EXPECT_EQ(write(reply(0)), -EINVAL);
        EXPECT_EQ(d->statistics.refused_writes, 1u);
}

TEST_F(KvpDriver, RefusesAnAnswerOfTheWrongLength) {
        Message message = reply(0);

        become_registered();
        ASSERT_EQ(ask(), 0);
        EXPECT_EQ(driver_write(d, message.data(), message.size() - 1), -EINVAL);
        EXPECT_EQ(d->state, DRIVER_REQUEST_SENT);
        EXPECT_TRUE(d->timer_runs);
}

TEST_F(KvpDriver, HasOneTransaction) {
        become_registered();
        ASSERT_EQ(ask(1), 0);
        EXPECT_EQ(ask(2), -EAGAIN);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(ask(2), -EAGAIN);
        ASSERT_EQ(write(reply(0)), 0);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_FETCH);
        EXPECT_EQ(ask(2), 0);
}

/* --- time --- */

TEST_F(KvpDriver, WaitsThirtySecondsForAnAnswer) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        EXPECT_TRUE(driver_take_actions(d) & DRIVER_ACTION_TIMER);
        EXPECT_EQ(d->timeout_usec, 30000000u);
}

TEST_F(KvpDriver, FailsTheRequestWhenItsTimeIsUp) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        driver_take_actions(d);
        driver_expire(d);
        EXPECT_TRUE(answered(WIRE_STATUS_FAIL));
        EXPECT_EQ(d->state, DRIVER_READY);
}

TEST_F(KvpDriver, RefusesALateAnswerWhileItIsIdle) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        driver_expire(d);
        EXPECT_EQ(write(reply(0)), -EINVAL);
}

TEST_F(KvpDriver, TakesALateAnswerForTheAnswerToTheNextRequest) {
        become_registered();
        ASSERT_EQ(ask(1), 0);
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        driver_expire(d);
        ASSERT_EQ(ask(2), 0);
        driver_take_actions(d);
        EXPECT_EQ(write(reply(0x1111)), 0);
        EXPECT_TRUE(answered(0x1111));
}

TEST_F(KvpDriver, KeepsAnUnreadRequestWhenItsTimeIsUp) {
        become_registered();
        ASSERT_EQ(ask(1), 0);
        driver_expire(d);
        driver_take_actions(d);

        /* The next ones fail at once … */
        for (int i = 0; i < 3; i++) {
                ASSERT_EQ(ask(2), 0);
                EXPECT_TRUE(answered(WIRE_STATUS_FAIL));
                EXPECT_EQ(d->state, DRIVER_READY);
                EXPECT_FALSE(d->timer_runs);
        }
        EXPECT_EQ(d->statistics.slot_busy, 3u);

        /* … until somebody reads the stale one, whose answer is refused. */
        ASSERT_EQ(read(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(memcmp(buffer, request(1).data(), KVP_MESSAGE_SIZE), 0);
        EXPECT_EQ(write(reply(0)), -EINVAL);
        ASSERT_EQ(ask(3), 0);
        EXPECT_EQ(d->state, DRIVER_REQUEST_SENT);
}

TEST_F(KvpDriver, IgnoresATimerThatDoesNotRun) {
        become_registered();
        driver_expire(d);
        EXPECT_EQ(driver_take_actions(d), 0u);
        EXPECT_EQ(d->statistics.timeouts, 0u);
}

TEST_F(KvpDriver, FailsTheRequestOfAWithdrawnServiceByTimeOrByClose) {
        become_registered();
        ASSERT_EQ(ask(), 0);
        driver_withdraw(d);
        EXPECT_EQ(ask(), -ENODEV);
        driver_take_actions(d);
        driver_close(d);
        EXPECT_TRUE(answered(WIRE_STATUS_FAIL));
}

/* --- hibernation --- */

TEST_F(KvpDriver, ForgetsThePendingRequestWhenItIsSuspended) {
        become_registered();
        ASSERT_EQ(ask(1), 0);
        driver_take_actions(d);
        driver_suspend(d);
        unsigned actions = driver_take_actions(d);
        EXPECT_TRUE(actions & DRIVER_ACTION_LOST);
        EXPECT_FALSE(actions & DRIVER_ACTION_ANSWER);
        EXPECT_EQ(d->state, DRIVER_READY);

        /* Still in the slot; read after the resume, its answer refused. */
        EXPECT_EQ(read(), KVP_MESSAGE_SIZE);
        EXPECT_EQ(write(reply(0)), -EINVAL);
}

TEST_F(KvpDriver, IsForcedReadyByASuspendWhateverItWas) {
        ASSERT_EQ(driver_open(d), 0);
        driver_suspend(d);
        EXPECT_EQ(d->state, DRIVER_READY);
        EXPECT_EQ(write(registration()), -EINVAL);
        driver_close(d);
        become_registered();
}

/* --- misbehaviour on demand --- */

TEST_F(KvpDriver, RefusesCallsAsOftenAsAsked) {
        driver_refuse(d, DRIVER_CALL_OPEN, EBUSY, 2);
        EXPECT_EQ(driver_open(d), -EBUSY);
        EXPECT_EQ(driver_open(d), -EBUSY);
        become_registered();

        ASSERT_EQ(ask(), 0);
        driver_refuse(d, DRIVER_CALL_READ, EINTR, 1);
        EXPECT_EQ(read(), -EINTR);
        EXPECT_EQ(read(), KVP_MESSAGE_SIZE);

        driver_refuse(d, DRIVER_CALL_WRITE, EINVAL, 1);
        EXPECT_EQ(write(reply(0)), -EINVAL);
        EXPECT_EQ(write(reply(0)), 0);
}

TEST(DriverWords, GoThereAndBack) {
        for (int i = 0; i < _DRIVER_STATE_MAX; i++)
                EXPECT_EQ(driver_state_from_string(driver_state_to_string(DriverState(i))), i);
        for (int i = 0; i < _DRIVER_MODE_MAX; i++)
                EXPECT_EQ(driver_mode_from_string(driver_mode_to_string(DriverMode(i))), i);
        for (int i = 0; i < _DRIVER_CALL_MAX; i++)
                EXPECT_EQ(driver_call_from_string(driver_call_to_string(DriverCall(i))), i);
}
