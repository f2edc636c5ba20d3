/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/channel/fixture.hh"

using ChannelOpen = ChannelTest;
using ChannelRegistration = ChannelTest;
using ChannelRequest = ChannelTest;
using ChannelReply = ChannelTest;
using ChannelLoss = ChannelTest;
using ChannelLife = ChannelTest;

/* --- open --- */

TEST_F(ChannelOpen, ThatFindsNothingIsAbsentUntilTheDeviceIsThere) {
        make();
        driver.open_error = -ENOENT;
        EXPECT_EQ(channel_start(channel), 0);
        EXPECT_EQ(state(), CHANNEL_ABSENT);
        EXPECT_STREQ(channel_get_transport(channel), "none");

        driver.open_error = 0;
        accept();
        EXPECT_EQ(states, (std::vector{ CHANNEL_ABSENT, CHANNEL_REGISTERING, CHANNEL_REGISTERED }));
}

TEST_F(ChannelOpen, OfADeviceBeingRemovedIsAbsent) {
        for (int error : { -EBADF, -ENODEV, -ENXIO, -ENOTDIR }) {
                make();
                driver.open_error = error;
                channel_start(channel);
                EXPECT_EQ(state(), CHANNEL_ABSENT) << error;
                channel = channel_free(channel);
        }
}

TEST_F(ChannelOpen, OfADeviceThatAnotherHoldsIsBusyAndTriedAgainAfter5Seconds) {
        make();
        driver.open_error = -EBUSY;
        channel_start(channel);
        EXPECT_EQ(state(), CHANNEL_BUSY);

        pass(40 * USEC_PER_MSEC); /* 2 s of the channel */
        EXPECT_EQ(driver.opens, 1);
        ASSERT_TRUE(until([&] { return driver.opens == 2; }));
        EXPECT_EQ(state(), CHANNEL_BUSY);

        driver.open_error = 0;
        accept();
}

TEST_F(ChannelOpen, WithAnotherErrorIsRetried) {
        make();
        driver.open_error = -EACCES;
        channel_start(channel);
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_EQ(statistics().errors, 1u);

        driver.open_error = 0;
        accept();
}

TEST_F(ChannelOpen, IsRetriedEverMoreSlowlyButEverySecond) {
        make(0.1); /* 1, 2, 4, … 64, 100, 100 ms */
        driver.open_error = -EIO;
        channel_start(channel);

        pass(130 * USEC_PER_MSEC);
        EXPECT_GE(driver.opens, 6);
        EXPECT_LE(driver.opens, 8);
        int before = driver.opens;
        pass(400 * USEC_PER_MSEC);
        EXPECT_GE(driver.opens, before + 3);
        EXPECT_LE(driver.opens, before + 5);
}

/* --- registration --- */

TEST_F(ChannelRegistration, IsWrittenFirstAndItsAnswerReadBack) {
        make();
        EXPECT_EQ(state(), CHANNEL_STOPPED);
        EXPECT_STREQ(channel_get_version(channel), "");
        channel_start(channel);
        EXPECT_EQ(state(), CHANNEL_REGISTERING);
        EXPECT_EQ(driver.hear(), "register");

        driver.say("ok3.1");
        turn();

        EXPECT_EQ(state(), CHANNEL_REGISTERED);
        EXPECT_STREQ(channel_get_version(channel), "3.1");
        EXPECT_STREQ(channel_get_transport(channel), "fake");
        EXPECT_STREQ(channel_get_name(channel), "test");
        EXPECT_STREQ(channel_get_path(channel), "/nonexistent/hv_test");
        EXPECT_EQ(driver.reads, 1);
}

TEST_F(ChannelRegistration, MayBeAnsweredLate) {
        make();
        channel_start(channel);
        pass(100 * USEC_PER_MSEC); /* 5 s of the channel */
        EXPECT_EQ(state(), CHANNEL_REGISTERING);
        EXPECT_EQ(driver.opens, 1);
        accept();
}

TEST_F(ChannelRegistration, ThatIsNeverAnsweredIsRepeated) {
        make();
        channel_start(channel);
        ASSERT_TRUE(until([&] { return driver.opens == 2; }));
        EXPECT_EQ(driver.closes, 1);
        EXPECT_EQ(statistics().resets, 1u);
        accept();
}

TEST_F(ChannelRegistration, IsNotAnsweredByARequest) {
        make();
        channel_start(channel);
        driver.say("request1");
        turn();

        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_TRUE(requests.empty());
        EXPECT_EQ(abandoned, 0);
        accept();
}

/* Older kernels report success and queue nothing; newer ones EFAULT; a stranger's state EINVAL. */
TEST_F(ChannelRegistration, ThatTheDriverRefusesIsRepeated) {
        make();
        driver.write_errors = { -EFAULT, -EINVAL };
        channel_start(channel);
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_EQ(driver.closes, 1);
        accept();
        EXPECT_EQ(driver.opens, 3);
        EXPECT_EQ(driver.closes, 2);
}

TEST_F(ChannelRegistration, SurvivesASignalDuringTheWrite) {
        make();
        driver.write_errors = { -EINTR, -EINTR };
        channel_start(channel);
        EXPECT_EQ(state(), CHANNEL_REGISTERING);
        EXPECT_EQ(driver.hear(), "register");
}

TEST_F(ChannelRegistration, EndsWhenTheHostWithdrawsTheService) {
        make();
        channel_start(channel);
        driver.open_error = -ENOENT;
        driver.withdraw();
        turn();
        EXPECT_EQ(state(), CHANNEL_ABSENT);
        EXPECT_EQ(driver.closes, 1);
}

/* --- requests --- */

TEST_F(ChannelRequest, IsHandedOnAndAnswered) {
        registered();
        on_request = [&](const std::string &) { EXPECT_EQ(reply("answer"), 0); };
        driver.say("request1");
        turn();

        EXPECT_EQ(requests, std::vector<std::string>{ "request1" });
        EXPECT_EQ(driver.hear(), "answer");
        EXPECT_FALSE(channel_has_request(channel));
        EXPECT_EQ(statistics().requests, 1u);
        EXPECT_EQ(statistics().replies, 1u);
}

TEST_F(ChannelRequest, MayBeAnsweredLater) {
        registered();
        uint64_t before = now_usec(CLOCK_MONOTONIC);
        driver.say("request1");
        turn();
        EXPECT_TRUE(channel_has_request(channel));
        EXPECT_GE(channel_request_since(channel), before);
        EXPECT_LE(channel_request_since(channel), now_usec(CLOCK_MONOTONIC));
        EXPECT_EQ(driver.hear(), "");

        EXPECT_EQ(reply("answer"), 0);
        EXPECT_EQ(driver.hear(), "answer");
        EXPECT_EQ(channel_request_since(channel), 0u);

        /* The deadline went with it: 400 ms later nothing happens. */
        pass(450 * USEC_PER_MSEC);
        EXPECT_EQ(state(), CHANNEL_REGISTERED);
        EXPECT_EQ(abandoned, 0);
}

/* The device ignores O_NONBLOCK: a second read without a second POLLIN would sleep in the kernel. */
TEST_F(ChannelRequest, IsReadOnceForEachTimeTheDeviceIsReadable) {
        registered();
        on_request = [&](const std::string &) { reply("answer"); };
        driver.reads = 0;
        for (int i = 1; i <= 3; i++) {
                driver.say("request1");
                turn();
                EXPECT_EQ(driver.reads, i);
        }
        turn();
        EXPECT_EQ(driver.reads, 3);
}

TEST_F(ChannelRequest, SurvivesASignalAndAnEmptySlotDuringTheRead) {
        registered();
        driver.read_errors = { -EINTR, -EAGAIN };
        driver.say("request1");
        turn();
        turn();
        EXPECT_TRUE(requests.empty());
        turn();
        EXPECT_EQ(requests.size(), 1u);
        EXPECT_EQ(statistics().resets, 0u);
}

TEST_F(ChannelRequest, ThatCannotBeReadResets) {
        registered();
        driver.read_errors = { -EINVAL };
        driver.say("request1");
        turn();
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_EQ(statistics().errors, 1u);
        accept();
}

TEST_F(ChannelRequest, OfAWrongLengthIsToldNotAnsweredAndResets) {
        registered();
        int result = -1;
        on_request = [&](const std::string &) { result = reply("answer"); };
        for (const std::string &wrong :
             { std::string("short"), std::string("request12"), std::string(40, 'x') }) {
                driver.say(wrong);
                turn();
                EXPECT_EQ(requests.back(), wrong.substr(0, 16));
                EXPECT_EQ(result, 1);
                EXPECT_EQ(driver.hear(), "");
                EXPECT_EQ(state(), CHANNEL_RETRYING);
                EXPECT_EQ(abandoned, 0);
                accept();
        }
        EXPECT_EQ(statistics().wrong_length, 3u);
}

TEST_F(ChannelRequest, OfAWrongLengthIsAbandonedIfTheOwnerKeepsIt) {
        registered();
        driver.say("short");
        turn();
        EXPECT_EQ(requests.size(), 1u);
        EXPECT_EQ(abandoned, 1);
        EXPECT_EQ(state(), CHANNEL_RETRYING);
}

TEST_F(ChannelRequest, MayHaveAnyLengthUpToTheMaximumWhereTheProtocolSaysSo) {
        protocol.request_size = 0;
        registered();
        on_request = [&](const std::string &) { reply("answer"); };
        for (size_t n : { 1, 8, 16 }) {
                driver.say(std::string(n, 'x'));
                turn();
                EXPECT_EQ(requests.back().size(), n);
                EXPECT_EQ(driver.hear(), "answer");
        }
        driver.say(std::string(17, 'x'));
        turn();
        EXPECT_EQ(requests.back().size(), 16u);
        EXPECT_EQ(driver.hear(), "");
        EXPECT_EQ(statistics().wrong_length, 1u);
        EXPECT_EQ(state(), CHANNEL_RETRYING);
}

TEST_F(ChannelRequest, IsAbandonedWhenTimeRunsOut) {
        registered();
        driver.say("request1");
        turn();
        pass(150 * USEC_PER_MSEC);
        EXPECT_EQ(abandoned, 0);
        ASSERT_TRUE(until([&] { return abandoned == 1; }));
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_EQ(driver.hear(), "");
        EXPECT_EQ(reply("late"), -ENOENT);
        accept();
        EXPECT_EQ(driver.hear(), "");
        EXPECT_EQ(statistics().abandoned, 1u);
}

/* The driver queues a second request only when it has given up the first. */
TEST_F(ChannelRequest, IsAbandonedWhenAnotherArrives) {
        registered();
        driver.say("request1");
        turn();
        driver.say("request2");
        turn();
        EXPECT_EQ(abandoned, 1);
        EXPECT_EQ(requests.size(), 1u);
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        accept();
}

/* A message that waited unread since before a time-out is closed away with the rest: what the new
 * registration brings is new. */
TEST_F(ChannelRequest, ThatWaitedUnreadIsGoneAfterAReset) {
        registered();
        driver.say("request1");
        turn();
        driver.say("request2");
        driver.say("request3");
        turn();
        accept();
        turn();
        EXPECT_EQ(requests, std::vector<std::string>{ "request1" });
}

/* --- replies --- */

TEST_F(ChannelReply, NeedsARequest) {
        registered();
        EXPECT_EQ(reply("answer"), -ENOENT);
        on_request = [&](const std::string &) {
                EXPECT_EQ(reply("first"), 0);
                EXPECT_EQ(reply("second"), -ENOENT);
        };
        driver.say("request1");
        turn();
        EXPECT_EQ(driver.hear(), "first");
        EXPECT_EQ(driver.hear(), "");
}

/* Otherwise the driver would take it for the answer to the message that waits. */
TEST_F(ChannelReply, IsNotSentWhileAnotherMessageIsReadable) {
        registered();
        driver.say("request1");
        turn();
        driver.say("request2");

        EXPECT_EQ(reply("answer"), 1);

        EXPECT_EQ(driver.hear(), "");
        EXPECT_EQ(abandoned, 0);
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_EQ(statistics().abandoned, 1u);
        accept();
        EXPECT_EQ(requests.size(), 1u);
}

/* As after SIGSTOP and SIGCONT: the timer had no chance to run. */
TEST_F(ChannelReply, IsNotSentAfterTheDeadline) {
        registered();
        on_request = [&](const std::string &) {
                usleep(410 * 1000);
                EXPECT_EQ(reply("answer"), 1);
        };
        driver.say("request1");
        turn();
        EXPECT_EQ(driver.hear(), "");
        EXPECT_EQ(abandoned, 0);
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        accept();
}

TEST_F(ChannelReply, ThatTheDriverRefusesResets) {
        registered();
        on_request = [&](const std::string &) { EXPECT_EQ(reply("answer"), 1); };
        driver.write_errors = { -EINVAL };
        driver.say("request1");
        turn();
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_EQ(statistics().errors, 1u);
        EXPECT_EQ(statistics().replies, 0u);
        accept();
}

TEST_F(ChannelReply, ToAWithdrawnDeviceClosesIt) {
        registered();
        driver.open_error = -ENOENT;
        on_request = [&](const std::string &) { EXPECT_EQ(reply("answer"), 1); };
        driver.write_errors = { -EBADF };
        driver.say("request1");
        turn();
        EXPECT_EQ(state(), CHANNEL_ABSENT);
        EXPECT_EQ(driver.closes, 1);
}

TEST_F(ChannelReply, SeesThatThePeerHasGone) {
        registered();
        driver.open_error = -ENOENT;
        driver.say("request1");
        turn();
        driver.withdraw();
        EXPECT_EQ(reply("answer"), 1);
        EXPECT_EQ(state(), CHANNEL_ABSENT);
}

TEST_F(ChannelReply, SurvivesASignalDuringTheWrite) {
        registered();
        on_request = [&](const std::string &) { EXPECT_EQ(reply("answer"), 0); };
        driver.write_errors = { -EINTR };
        driver.say("request1");
        turn();
        EXPECT_EQ(driver.hear(), "answer");
}

/* Hibernation: the request read after resume, or the faked THAW or CANCEL, is answered with EINVAL; the
 * message itself is handed on like any other. */
TEST_F(ChannelReply, ToAFakedMessageResetsAndServiceGoesOn) {
        registered();
        on_request = [&](const std::string &) { reply("answer"); };
        driver.write_errors = { -EINVAL };
        driver.say("thaw----");
        turn();
        EXPECT_EQ(requests.back(), "thaw----");
        accept();
        driver.say("request2");
        turn();
        EXPECT_EQ(driver.hear(), "answer");
        EXPECT_EQ(requests.back(), "request2");
}

TEST_F(ChannelReply, CanBeRefused) {
        registered();
        driver.say("request1");
        turn();
        channel_reset(channel, "the owner says so");
        EXPECT_EQ(state(), CHANNEL_RETRYING);
        EXPECT_EQ(driver.closes, 1);
        EXPECT_EQ(abandoned, 0);
        EXPECT_FALSE(channel_has_request(channel));
        accept();
}

/* --- loss --- */

TEST_F(ChannelLoss, ClosesAtOnceAndComesBack) {
        registered();
        driver.open_error = -ENOENT;
        driver.withdraw();
        turn();
        EXPECT_EQ(state(), CHANNEL_ABSENT);
        EXPECT_EQ(driver.closes, 1);
        EXPECT_STREQ(channel_get_transport(channel), "none");

        driver.open_error = 0;
        accept();
}

TEST_F(ChannelLoss, AbandonsTheRequestAfterClosing) {
        registered();
        driver.open_error = -ENOENT;
        driver.say("request1");
        turn();
        driver.withdraw();
        turn();
        EXPECT_EQ(abandoned, 1);
        EXPECT_EQ(state(), CHANNEL_ABSENT);
}

TEST_F(ChannelLoss, IsSeenInAReadThatSaysEBADF) {
        registered();
        driver.open_error = -EBADF;
        driver.read_errors = { -EBADF };
        driver.say("request1");
        turn();
        EXPECT_EQ(state(), CHANNEL_ABSENT);
        EXPECT_EQ(driver.closes, 1);
        EXPECT_EQ(statistics().resets, 0u);
}

/* A host that plays dead after each registration gets ten tries in a while, not a busy loop. */
TEST_F(ChannelLoss, RepeatedIsMetEverMoreSlowly) {
        make(0.1);
        channel_start(channel);
        uint64_t end = now_usec(CLOCK_MONOTONIC) + 300 * USEC_PER_MSEC;
        until([&] {
                if (state() == CHANNEL_REGISTERING && driver.hear() == "register")
                        driver.say("ok3.1");
                else if (state() == CHANNEL_REGISTERED)
                        channel_reset(channel, "the test says so");
                return now_usec(CLOCK_MONOTONIC) >= end;
        });
        EXPECT_GE(driver.opens, 5);
        EXPECT_LE(driver.opens, 12);
}

/* The wait has grown to its maximum, 200 ms here; a registration that held for 200 ms makes it short again.
 */
TEST_F(ChannelLoss, AfterALastingRegistrationIsMetAtOnce) {
        make(0.2);
        driver.open_error = -EIO;
        channel_start(channel);
        pass(450 * USEC_PER_MSEC);
        driver.open_error = 0;
        accept();
        pass(210 * USEC_PER_MSEC);

        uint64_t before = now_usec(CLOCK_MONOTONIC);
        channel_reset(channel, "the test says so");
        accept();
        EXPECT_LT(now_usec(CLOCK_MONOTONIC) - before, 150 * USEC_PER_MSEC);
}

/* --- life --- */

TEST_F(ChannelLife, StartsOnce) {
        registered();
        channel_start(channel);
        channel_start(channel);
        EXPECT_EQ(driver.opens, 1);
        EXPECT_EQ(state(), CHANNEL_REGISTERED);
}

TEST_F(ChannelLife, StopsFromEveryState) {
        make();
        for (int error : { -ENOENT, -EBUSY, -EIO, 0 }) {
                driver.open_error = error;
                channel_start(channel);
                EXPECT_NE(state(), CHANNEL_STOPPED);
                channel_stop(channel);
                EXPECT_EQ(state(), CHANNEL_STOPPED);
                int opens = driver.opens;
                pass(5 * USEC_PER_MSEC);
                EXPECT_EQ(driver.opens, opens);
        }
        EXPECT_EQ(driver.closes, 1);
        channel_start(channel);
        accept();
}

TEST_F(ChannelLife, StopsFromInsideARequest) {
        registered();
        on_request = [&](const std::string &) { channel_stop(channel); };
        driver.say("request1");
        turn();
        EXPECT_EQ(state(), CHANNEL_STOPPED);
        EXPECT_EQ(abandoned, 0);
        EXPECT_EQ(reply("answer"), -ENOENT);
        channel_reset(channel, "nothing is open");
        EXPECT_EQ(state(), CHANNEL_STOPPED);
}

TEST_F(ChannelLife, EndsWithoutCallingAnybody) {
        registered();
        driver.say("request1");
        turn();
        size_t heard = states.size();
        channel = channel_free(channel);
        EXPECT_EQ(abandoned, 0);
        EXPECT_EQ(states.size(), heard);
        EXPECT_EQ(driver.closes, 1);
        EXPECT_EQ(channel_free(nullptr), nullptr);
}
