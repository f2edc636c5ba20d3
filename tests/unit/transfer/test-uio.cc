/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/uio.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/cleanup.h"
#include "emulator/ring-host.h"
#include "tests/support/temporary-directory.hh"
#include "wire/bytes.h"

/* The owner's side of the ring against the emulated host, both on one event loop. */

namespace {

using namespace std::chrono_literals;

struct Answer {
        WireStatus status;
        std::string packet; /* "" when the guest closed instead */
};

class UioRing : public testing::Test {
      protected:
        ~UioRing() override {
                uio_free(uio);
                uio_free(second);
                ring_host_free(host);
                sd_event_unref(event);
        }

        void SetUp() override {
                ASSERT_GE(sd_event_new(&event), 0);
                options.directory = directory.path().c_str();
        }

        void offer() {
                ASSERT_GE(ring_host_new(event, &options, nullptr, nullptr, &host), 0);
        }
        void start(double time_scale = 0.01) {
                ASSERT_EQ(make(&uio, time_scale), 0);
                uio_start(uio);
        }
        int make(Uio **ret, double time_scale = 0.01) {
                std::string lock = directory.path() + "/lock";
                return uio_new(event, &uio_protocol_fcopy, directory.path().c_str(), lock.c_str(), time_scale,
                               &owner, this, ret);
        }
        void connect() {
                offer();
                start();
                ASSERT_TRUE(until([&] { return uio_get_state(uio) == CHANNEL_REGISTERED; }));
                ASSERT_TRUE(until([&] { return ring_host_is_negotiated(host); }));
        }

        bool until(const std::function<bool()> &done, std::chrono::milliseconds limit = 5s) {
                auto end = std::chrono::steady_clock::now() + limit;
                while (!done()) {
                        if (std::chrono::steady_clock::now() > end)
                                return false;
                        sd_event_run(event, 2000);
                }
                return true;
        }
        void settle() {
                while (sd_event_run(event, 0) > 0)
                        ;
        }

        static void on_answer(WireStatus status, const uint8_t *packet, size_t n, void *userdata) {
                auto *self = static_cast<UioRing *>(userdata);
                self->answers.push_back(
                        { status, packet ? std::string((const char *) packet, n) : std::string() });
        }
        void ask(const std::string &body) {
                ring_host_submit(host, body.data(), body.size(), on_answer, this);
        }
        void ask_packet(const std::string &packet) {
                ring_host_submit_packet(host, packet.data(), packet.size(), on_answer, this);
        }
        /* A packet to FCOPY that claims what it likes. */
        static std::string packet(const std::string &body, uint16_t type = ICMSG_TYPE_FCOPY) {
                std::string bytes(ICMSG_HEADER_SIZE + body.size(), '\0');
                icmsg_request((uint8_t *) bytes.data(), type, { 3, 0 }, { 1, 1 }, 77, body.data(),
                              body.size());
                return bytes;
        }

        static void on_request(Uio *u, const uint8_t *body, size_t n, void *userdata) {
                auto *self = static_cast<UioRing *>(userdata);
                self->requests.emplace_back((const char *) body, n);
                if (self->on_each) {
                        self->on_each(u);
                        return;
                }
                if (self->slow)
                        return;
                EXPECT_EQ(uio_reply(u, WIRE_STATUS_OK), 0);
        }
        static void on_abandoned(Uio *, void *userdata) {
                static_cast<UioRing *>(userdata)->abandoned++;
        }
        static void on_state(Uio *u, ChannelState, void *userdata) {
                static_cast<UioRing *>(userdata)->states.push_back(uio_get_state(u));
        }
        const UioOwner owner = { on_request, on_abandoned, on_state };

        TemporaryDirectory directory;
        sd_event *event = nullptr;
        RingHostOptions options = {};
        RingHost *host = nullptr;
        Uio *uio = nullptr, *second = nullptr;
        std::vector<std::string> requests;
        std::vector<Answer> answers;
        std::vector<ChannelState> states;
        std::function<void(Uio *)> on_each;
        bool slow = false;
        int abandoned = 0;
};

class UioKernel : public UioRing, public testing::WithParamInterface<bool> {
      protected:
        void SetUp() override {
                UioRing::SetUp();
                options.old_kernel = GetParam();
        }
};

INSTANTIATE_TEST_SUITE_P(, UioKernel, testing::Bool(),
                         [](const auto &info) { return info.param ? "MasksOnInterrupt" : "NeverMasks"; });

} // namespace

/* --- the conversation --- */

TEST_P(UioKernel, NegotiatesAndAnswers) {
        connect();
        EXPECT_STREQ(uio_get_version(uio), "1.1");
        EXPECT_STREQ(uio_get_transport(uio), "emulated ring");
        ask("hello123");
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        EXPECT_EQ(answers[0].status, WIRE_STATUS_OK);
        EXPECT_EQ(requests[0], "hello123");
}

TEST_P(UioKernel, AnswersTwoRequestsThatWereQueuedTogether) {
        options.in_flight = 2;
        connect();
        ask("first---");
        ask("second--");
        ASSERT_TRUE(until([&] { return answers.size() == 2; }));
        EXPECT_EQ(requests, (std::vector<std::string>{ "first---", "second--" }));
        EXPECT_EQ(ring_host_interrupts(host), 2u) << "the negotiation's and one for both";
}

TEST_P(UioKernel, DrainsAFullRingAndStaysAwake) {
        options.in_flight = 1000;
        connect();
        for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 50; i++)
                        ask(std::string(1000 + 8 * (size_t) i, 'x'));
                ASSERT_TRUE(until([&] { return answers.size() == 50u * (size_t) (round + 1); })) << round;
        }
        EXPECT_EQ(uio_get_statistics(uio)->resets, 0u);
}

TEST_P(UioKernel, KeepsTheOrderWhileTheOwnerPauses) {
        options.in_flight = 10;
        slow = true;
        connect();
        for (const char *body : { "one-----", "two-----", "three---" })
                ask(body);
        ASSERT_TRUE(until([&] { return requests.size() == 1; }));
        settle();
        EXPECT_EQ(requests.size(), 1u) << "one at a time";
        ASSERT_EQ(uio_reply(uio, WIRE_STATUS_FAIL), 0);
        EXPECT_EQ(uio_reply(uio, WIRE_STATUS_OK), -ENOENT);
        ASSERT_TRUE(until([&] { return requests.size() == 2; }));
        ASSERT_EQ(uio_reply(uio, WIRE_STATUS_OK), 0);
        ASSERT_TRUE(until([&] { return requests.size() == 3; }));
        ASSERT_EQ(uio_reply(uio, WIRE_STATUS_OK), 0);
        ASSERT_TRUE(until([&] { return answers.size() == 3; }));
        EXPECT_EQ(answers[0].status, WIRE_STATUS_FAIL);
        EXPECT_EQ(answers[2].status, WIRE_STATUS_OK);
        EXPECT_EQ(requests[1], "two-----");
}

TEST_P(UioKernel, AnswersWithTheRequestsOwnTransactionAndLength) {
        connect();
        std::string sent = packet(std::string(100, 'b'));
        ask_packet(sent); /* the emulated host finds the request by the descriptor's id */
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        const std::string &got = answers[0].packet;
        EXPECT_EQ(got.size(), (sent.size() + 7) / 8 * 8);
        EXPECT_EQ((uint8_t) got[24], 77);
        EXPECT_EQ((uint8_t) got[25], 5);
        EXPECT_EQ(got.substr(28, 100), std::string(100, 'b'));
}

/* The host's answers ring is full because it does not read: the answer waits, and is sent when there is room. */
TEST_P(UioKernel, WaitsForRoomForItsAnswer) {
        options.in_flight = 1000;
        connect();
        ring_host_set_deaf(host, true);
        for (int i = 0; i < 20; i++)
                ask(std::string(2000, 'x'));
        settle();
        EXPECT_EQ(answers.size(), 0u);
        EXPECT_LT(requests.size(), 20u);
        ring_host_set_deaf(host, false);
        ASSERT_TRUE(until([&] { return answers.size() == 20; }, 500ms));
        EXPECT_EQ(uio_get_statistics(uio)->resets, 0u);
}

TEST_F(UioRing, SignalsOnlyWhenTheHostSleeps) {
        options.in_flight = 1000;
        connect();
        unsigned before = ring_host_signals(host);
        for (int i = 0; i < 40; i++)
                ask("12345678");
        ASSERT_TRUE(until([&] { return answers.size() == 40; }));
        EXPECT_LE(ring_host_signals(host) - before, 2u);
}

/* --- lost interrupts --- */

TEST_P(UioKernel, FindsWhatCameBetweenTheLastLookAndTheUnmasking) {
        options.in_flight = 10;
        connect();
        /* Another request arrives while the first is in hand and the mask is set: nobody interrupts for it. */
        on_each = [&](Uio *u) {
                if (requests.size() == 1)
                        ask("second--");
                EXPECT_EQ(uio_reply(u, WIRE_STATUS_OK), 0);
        };
        ask("first---");
        ASSERT_TRUE(until([&] { return answers.size() == 2; }, 500ms));
}

TEST_F(UioRing, LooksByItselfWhenNoInterruptComes) {
        options.silent = true;
        offer();
        start(0.05); /* the net's 1 s are 50 ms */
        ASSERT_TRUE(until([&] { return uio_get_state(uio) == CHANNEL_REGISTERED; }));
        ask("12345678");
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
}

/* --- the negotiation --- */

TEST_F(UioRing, TakesFramework1WhenThereIsNoOther) {
        options.mute = true;
        offer();
        start();
        IcVersion framework = { 1, 0 }, messages[] = { { 9, 9 }, { 1, 1 } };
        ring_host_negotiate(host, &framework, 1, messages, 2, on_answer, this);
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        const auto *bytes = (const uint8_t *) answers[0].packet.data();
        EXPECT_EQ(get_u16(bytes + 28), 1);
        EXPECT_EQ(get_u16(bytes + 36), 1);
        EXPECT_EQ(get_u16(bytes + 40), 1);
        EXPECT_EQ(get_u16(bytes + 42), 1);
        EXPECT_EQ(uio_get_state(uio), CHANNEL_REGISTERED);
}

TEST_F(UioRing, SaysThatItKnowsNoneOfTheVersions) {
        options.mute = true;
        offer();
        start();
        IcVersion framework = { 3, 0 }, message = { 2, 0 };
        ring_host_negotiate(host, &framework, 1, &message, 1, on_answer, this);
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        EXPECT_EQ(answers[0].status, WIRE_STATUS_FAIL);
        EXPECT_EQ(get_u16((const uint8_t *) answers[0].packet.data() + 28), 0);
        EXPECT_EQ(uio_get_state(uio), CHANNEL_REGISTERING);
}

TEST_F(UioRing, RefusesRequestsBeforeTheNegotiation) {
        options.mute = true;
        offer();
        start();
        ask("12345678");
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        EXPECT_EQ(answers[0].status, WIRE_STATUS_FAIL);
        EXPECT_TRUE(requests.empty());
}

TEST_F(UioRing, NegotiatesAgainInTheMiddle) {
        connect();
        IcVersion framework = { 3, 0 }, message = { 1, 1 };
        ring_host_negotiate(host, &framework, 1, &message, 1, on_answer, this);
        ask("12345678");
        ASSERT_TRUE(until([&] { return answers.size() == 2; }));
        EXPECT_EQ(answers[0].status, WIRE_STATUS_OK);
        EXPECT_EQ(answers[1].status, WIRE_STATUS_OK);
        EXPECT_EQ(states,
                  (std::vector<ChannelState>{ CHANNEL_REGISTERING, CHANNEL_REGISTERED, CHANNEL_REGISTERED }))
                << "the owner hears that the host forgot what was before";
}

TEST_F(UioRing, RefusesCountsBeyondThePacket) {
        connect();
        std::string lie = packet(std::string(12, '\0'), ICMSG_TYPE_NEGOTIATE);
        put_u16((uint8_t *) lie.data() + 28, 100);
        put_u16((uint8_t *) lie.data() + 30, 100);
        ask_packet(lie);
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        EXPECT_EQ(get_u32((const uint8_t *) answers[0].packet.data() + 20), WIRE_STATUS_FAIL);
}

/* --- messages that lie --- */

TEST_F(UioRing, RefusesAMessageThatClaimsMoreThanCame) {
        connect();
        for (size_t at : { (size_t) 4, (size_t) 18 }) {
                std::string lie = packet("12345678");
                put_u16((uint8_t *) lie.data() + at, 4000);
                answers.clear();
                ask_packet(lie);
                ASSERT_TRUE(until([&] { return answers.size() == 1; }));
                EXPECT_EQ(get_u32((const uint8_t *) answers[0].packet.data() + 20), WIRE_STATUS_FAIL);
        }
        EXPECT_TRUE(requests.empty());
        EXPECT_EQ(uio_get_statistics(uio)->wrong_length, 2u);
}

TEST_F(UioRing, ShowsTheOwnerOnlyTheBytesThatTheHeaderCounts) {
        connect();
        std::string lie = packet(std::string(100, 'x'));
        put_u16((uint8_t *) lie.data() + 18, 40);
        ask_packet(lie);
        ASSERT_TRUE(until([&] { return requests.size() == 1; }));
        EXPECT_EQ(requests[0].size(), 40u);
}

TEST_F(UioRing, DropsWhatIsTooShortToAnswer) {
        connect();
        ask_packet("12345678");
        settle();
        EXPECT_TRUE(answers.empty());
        EXPECT_EQ(uio_get_statistics(uio)->wrong_length, 1u);
        EXPECT_EQ(uio_get_state(uio), CHANNEL_REGISTERED);
}

TEST_F(UioRing, RefusesOtherServicesMessages) {
        connect();
        ask_packet(packet("12345678", 5));
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        EXPECT_EQ(get_u32((const uint8_t *) answers[0].packet.data() + 20), WIRE_STATUS_NOT_SUPPORTED);
        EXPECT_TRUE(requests.empty());
}

TEST_F(UioRing, TakesPacketsAsLargeAsTheRing) {
        connect();
        ask(std::string(16000, 'x'));
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        EXPECT_EQ(requests[0].size(), 16000u);
}

/* --- a ring that makes no sense --- */

namespace {

struct Harm {
        const char *name;
        std::function<void(Ring *)> does;
};

void index_to(Ring *ring, size_t at, uint32_t value) {
        memcpy(ring->header + at, &value, sizeof value);
}

const Harm harms[] = {
        { "WriteIndexBeyond", [](Ring *r) { index_to(r, 0, r->size); } },
        { "WriteIndexOdd", [](Ring *r) { index_to(r, 0, 4); } },
        { "ReadIndexBeyond", [](Ring *r) { index_to(r, 4, 0xfffffff8); } },
        { "RingOfNothing",
          [](Ring *r) {
                  memset(r->data, 0, r->size);
                  uint32_t read;
                  memcpy(&read, r->header + 4, sizeof read);
                  index_to(r, 0, (read + 64) % r->size);
          } },
        { "LengthBeyondTheWriteIndex",
          [](Ring *r) {
                  uint32_t read;
                  memcpy(&read, r->header + 4, sizeof read);
                  memset(r->data, 0, r->size);
                  put_u16(r->data + read, 6);
                  put_u16(r->data + read + 2, 2);
                  put_u16(r->data + read + 4, 0xffff);
                  index_to(r, 0, (read + 64) % r->size);
          } },
};

class UioHarm : public UioRing, public testing::WithParamInterface<Harm> {};
INSTANTIATE_TEST_SUITE_P(, UioHarm, testing::ValuesIn(harms),
                         [](const auto &info) { return info.param.name; });

} // namespace

TEST_P(UioHarm, ClosesTheChannelAndOpensItAnew) {
        connect();
        GetParam().does(ring_host_to_guest(host));
        ring_host_interrupt(host);
        ASSERT_TRUE(until([&] { return uio_get_state(uio) == CHANNEL_RETRYING; }));
        ASSERT_TRUE(until([&] { return ring_host_opens(host) == 2 && ring_host_is_negotiated(host); }));
        ask("12345678");
        ASSERT_TRUE(until([&] { return !answers.empty() && answers.back().status == WIRE_STATUS_OK; }));
        EXPECT_EQ(uio_get_statistics(uio)->resets, 1u);
}

TEST_F(UioRing, DoesNotSpinOverAHostThatAlwaysCorruptsItsRing) {
        connect();
        auto before = ring_host_opens(host);
        auto end = std::chrono::steady_clock::now() + 300ms;
        while (std::chrono::steady_clock::now() < end) {
                if (Ring *ring = ring_host_to_guest(host)) {
                        index_to(ring, 0, 4);
                        ring_host_interrupt(host);
                }
                sd_event_run(event, 1000);
        }
        /* 0.1 ms doubling (scaled): a dozen steps to 400 ms. */
        EXPECT_LE(ring_host_opens(host) - before, 15u);
}

TEST_F(UioRing, AbandonsTheRequestInHand) {
        slow = true;
        connect();
        ask("12345678");
        ASSERT_TRUE(until([&] { return requests.size() == 1; }));
        ring_host_withdraw(host);
        ASSERT_TRUE(until([&] { return uio_get_state(uio) == CHANNEL_ABSENT; }));
        EXPECT_EQ(abandoned, 1);
        EXPECT_EQ(uio_reply(uio, WIRE_STATUS_OK), -ENOENT);
}

/* --- coming and going --- */

TEST_F(UioRing, WaitsForADeviceThatIsNotThereYet) {
        std::string dev = directory.path() + "/dev";
        ASSERT_EQ(g_mkdir_with_parents(dev.c_str(), 0755), 0);
        start(1);
        EXPECT_EQ(uio_get_state(uio), CHANNEL_ABSENT);
        offer();
        ASSERT_TRUE(until([&] { return uio_get_state(uio) == CHANNEL_REGISTERED; }, 1s));
}

TEST_P(UioKernel, ComesBackWithTheDevice) {
        connect();
        for (int i = 0; i < 3; i++) {
                ring_host_withdraw(host);
                ASSERT_TRUE(until([&] { return uio_get_state(uio) == CHANNEL_ABSENT; }));
                ASSERT_EQ(ring_host_offer(host), 0);
                ASSERT_TRUE(until([&] { return ring_host_is_negotiated(host); }));
                ask("12345678");
                ASSERT_TRUE(until([&] { return answers.size() == (size_t) i + 1; }));
                EXPECT_EQ(answers.back().status, WIRE_STATUS_OK);
        }
}

/* The pages are freed under the mapping: the first thing after an event is the look whether they are there. Here a
 * touch would be SIGBUS. */
TEST_F(UioRing, TouchesNoRingAfterTheWithdrawal) {
        options.takes_memory = true;
        slow = true;
        connect();
        ask("12345678");
        ASSERT_TRUE(until([&] { return requests.size() == 1; }));
        ring_host_withdraw(host);
        g_usleep(1000); /* the last look is no longer fresh */
        EXPECT_EQ(uio_reply(uio, WIRE_STATUS_OK), 1);
        EXPECT_EQ(uio_get_state(uio), CHANNEL_ABSENT);
        EXPECT_STREQ(uio_get_path(uio), "");
}

TEST_F(UioRing, FindsAnotherInstanceAndNumber) {
        options.instance = "deadbeef-105f-49b6-b4aa-c123b64d17d4";
        options.number = 12;
        connect();
        EXPECT_EQ(uio_get_path(uio), directory.path() + "/dev/uio12");
}

TEST_F(UioRing, ServesBothSizesOfRing) {
        options.ring_size = 16384;
        connect();
        ask(std::string(6144 + 52, 'x'));
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
}

TEST_F(UioRing, LeavesTheRingsToWhoHasThem) {
        connect();
        ASSERT_EQ(make(&second), 0);
        uio_start(second);
        EXPECT_EQ(uio_get_state(second), CHANNEL_BUSY);
        EXPECT_EQ(ring_host_opens(host), 1u) << "a second open would share the rings";
        uio_stop(uio);
        ASSERT_TRUE(until([&] { return uio_get_state(second) == CHANNEL_REGISTERED; }));
}

TEST_F(UioRing, StopsFromInsideARequest) {
        connect();
        on_each = [](Uio *u) { uio_stop(u); };
        ask("12345678");
        ASSERT_TRUE(until([&] { return answers.size() == 1; }));
        EXPECT_EQ(uio_get_state(uio), CHANNEL_STOPPED);
        EXPECT_EQ(abandoned, 0);
}

TEST_F(UioRing, ResetsFromInsideARequest) {
        connect();
        on_each = [&](Uio *u) {
                if (requests.size() == 1)
                        uio_reset(u, "the test wants it");
                else
                        uio_reply(u, WIRE_STATUS_OK);
        };
        ask("12345678");
        ASSERT_TRUE(until([&] { return ring_host_opens(host) == 2 && ring_host_is_negotiated(host); }));
        ask("12345678");
        ASSERT_TRUE(until([&] { return !answers.empty() && answers.back().status == WIRE_STATUS_OK; }));
}

TEST_F(UioRing, SleepsWhenThereIsNothingToDo) {
        offer();
        start(1);
        ASSERT_TRUE(until([&] { return uio_get_state(uio) == CHANNEL_REGISTERED; }));
        settle();
        int rounds = 0;
        auto end = std::chrono::steady_clock::now() + 300ms;
        while (std::chrono::steady_clock::now() < end)
                rounds += sd_event_run(event, 50000) > 0;
        EXPECT_LE(rounds, 1);
}
