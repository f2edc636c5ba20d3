/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/engine.h"

#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <vector>

#include "common/units.h"
#include "service/transfer/history.h"
#include "tests/support/temporary-directory.hh"

namespace {

/* The engine with a transport played by the test. Time is a hundredth: 20 s are 200 ms. */
class TransferEngineTest : public testing::Test {
      protected:
        static constexpr WireStatus no_answer = 0xFFFFFFFF;
        static constexpr uint64_t hold = 20 * USEC_PER_SEC;

        TemporaryDirectory world;
        sd_event *event = nullptr;
        Configuration *configuration = configuration_new(false);
        TransferEngine *engine = nullptr;
        FcopyRequest request = {};
        std::string data;
        WireStatus answered = no_answer;
        std::vector<TransferState> states; /* each that was reported, once in a row */
        TransferOutcome outcome = TRANSFER_OK;
        uint64_t number = 0;

        void SetUp() override {
                for (const char *name : { "run", "data", "to" })
                        ASSERT_EQ(mkdir((world / name).c_str(), 0755), 0);
                ASSERT_GE(sd_event_new(&event), 0);
                start();
        }
        void TearDown() override {
                transfer_engine_free(engine);
                configuration_free(configuration);
                sd_event_unref(event);
        }

        void start() {
                std::string run = world / "run", home = world / "data", state = world / "state";
                TransferSetup setup = {};

                setup.configuration = configuration;
                setup.state_directory = g_intern_string(state.c_str());
                setup.data_directory = g_intern_string(home.c_str());
                setup.runtime_directory = g_intern_string(run.c_str());
                setup.time_scale = 0.01;
                setup.number = [](void *self) -> uint64_t {
                        return ++static_cast<TransferEngineTest *>(self)->number;
                };
                setup.observer.changed = [](const TransferRecord *record, void *self) {
                        static_cast<TransferEngineTest *>(self)->note(record);
                };
                setup.observer.paused = [](bool, void *) {};
                setup.userdata = this;
                ASSERT_EQ(transfer_engine_new(event, &setup, &engine), 0);
        }
        void note(const TransferRecord *record) {
                if (states.empty() || states.back() != record->state)
                        states.push_back(record->state);
                outcome = record->outcome;
        }

        WireStatus hand_in() {
                WireStatus status = no_answer;

                answered = no_answer;
                transfer_engine_handle(
                        engine, &request, hold,
                        [](WireStatus s, void *self) {
                                static_cast<TransferEngineTest *>(self)->answered = s;
                        },
                        this, &status);
                return status;
        }
        WireStatus begin(const std::string &name, uint64_t size, bool overwrite = false) {
                request = {};
                request.operation = FCOPY_OPERATION_START;
                g_strlcpy(request.file_name, "source", sizeof request.file_name);
                g_strlcpy(request.path_name, (world / ("to/" + name)).c_str(), sizeof request.path_name);
                request.overwrite = overwrite;
                request.file_size = size;
                return hand_in();
        }
        WireStatus write(uint64_t offset, const std::string &text) {
                data = text;
                request.operation = FCOPY_OPERATION_WRITE;
                request.offset = offset;
                request.data = reinterpret_cast<const uint8_t *>(data.data());
                request.size = data.size();
                return hand_in();
        }
        WireStatus simple(FcopyOperation operation) {
                request.operation = operation;
                return hand_in();
        }
        WireStatus complete() {
                return simple(FCOPY_OPERATION_COMPLETE);
        }
        WireStatus cancel() {
                return simple(FCOPY_OPERATION_CANCEL);
        }

        void freeze() {
                world.write("run/frozen", "hvutils-frozen 1\n");
                turn(20 * USEC_PER_MSEC);
        }
        void thaw() {
                unlink((world / "run/frozen").c_str());
                turn(20 * USEC_PER_MSEC);
        }
        void turn(uint64_t usec) {
                uint64_t end = now_usec(CLOCK_MONOTONIC) + usec, now;
                while ((now = now_usec(CLOCK_MONOTONIC)) < end)
                        sd_event_run(event, end - now);
        }
        size_t entries() const {
                std::filesystem::directory_iterator first(world / "to"), last;
                return static_cast<size_t>(std::distance(first, last));
        }
};

TEST_F(TransferEngineTest, TakesAFileFromStartToComplete) {
        EXPECT_EQ(begin("name", 6), WIRE_STATUS_OK);
        EXPECT_EQ(write(0, "abc"), WIRE_STATUS_OK);
        EXPECT_EQ(write(3, "def"), WIRE_STATUS_OK);
        EXPECT_EQ(complete(), WIRE_STATUS_OK);
        EXPECT_EQ(read_file(world / "to/name"), "abcdef");
        EXPECT_EQ(states, (std::vector<TransferState>{ TRANSFER_RECEIVING, TRANSFER_COMPLETE }));
        EXPECT_EQ(transfer_engine_current(engine), nullptr);
}

TEST_F(TransferEngineTest, AnswersEachMessageThatNeedsAStart) {
        EXPECT_EQ(write(0, "abc"), WIRE_STATUS_FAIL);
        EXPECT_EQ(complete(), WIRE_STATUS_FAIL);
        EXPECT_EQ(cancel(), WIRE_STATUS_OK);
        EXPECT_TRUE(states.empty());
}

TEST_F(TransferEngineTest, EndsTheOldFileWhenANewOneBegins) {
        ASSERT_EQ(begin("first", 6), WIRE_STATUS_OK);
        ASSERT_EQ(write(0, "abc"), WIRE_STATUS_OK);
        ASSERT_EQ(begin("second", 3), WIRE_STATUS_OK);
        EXPECT_EQ(states,
                  (std::vector<TransferState>{ TRANSFER_RECEIVING, TRANSFER_FAILED, TRANSFER_RECEIVING }));
        EXPECT_EQ(write(0, "xyz"), WIRE_STATUS_OK);
        EXPECT_EQ(complete(), WIRE_STATUS_OK);
        EXPECT_EQ(entries(), 1u);
}

TEST_F(TransferEngineTest, LeavesNothingAfterCancel) {
        ASSERT_EQ(begin("name", 6), WIRE_STATUS_OK);
        ASSERT_EQ(write(0, "abc"), WIRE_STATUS_OK);
        EXPECT_EQ(cancel(), WIRE_STATUS_OK);
        EXPECT_EQ(entries(), 0u);
        EXPECT_EQ(states.back(), TRANSFER_CANCELLED);
        EXPECT_EQ(write(3, "def"), WIRE_STATUS_FAIL);
}

TEST_F(TransferEngineTest, FailsAFileThatDoesNotKeepItsSize) {
        ASSERT_EQ(begin("name", 6), WIRE_STATUS_OK);
        EXPECT_EQ(write(4, "abc"), WIRE_STATUS_INVALID);
        EXPECT_EQ(states.back(), TRANSFER_FAILED);
        ASSERT_EQ(begin("name", 6), WIRE_STATUS_OK);
        EXPECT_EQ(write(0, "abc"), WIRE_STATUS_OK);
        EXPECT_EQ(complete(), WIRE_STATUS_FAIL);
        EXPECT_EQ(outcome, TRANSFER_E_INCOMPLETE);
        EXPECT_EQ(entries(), 0u);
}

TEST_F(TransferEngineTest, TellsTheHostWhyAFileCannotBegin) {
        world.write("to/old", "old");
        EXPECT_EQ(begin("old", 3), WIRE_STATUS_EXISTS);
        EXPECT_EQ(begin("new", UINT64_C(1) << 50), WIRE_STATUS_DISK_FULL);
        EXPECT_EQ(begin("missing/new", 3), WIRE_STATUS_FAIL);
        EXPECT_EQ(states, (std::vector<TransferState>{ TRANSFER_REFUSED }));
        EXPECT_EQ(begin("old", 3, true), WIRE_STATUS_OK);
}

TEST_F(TransferEngineTest, ObeysAcceptAndMaximumSize) {
        configuration->transfer.maximum_size = 5;
        EXPECT_EQ(begin("name", 6), WIRE_STATUS_FAIL);
        EXPECT_EQ(outcome, TRANSFER_E_TOO_LARGE);
        configuration->transfer.accept = ACCEPT_NEVER;
        EXPECT_EQ(begin("name", 3), WIRE_STATUS_FAIL);
        EXPECT_EQ(outcome, TRANSFER_E_NOT_ACCEPTED);
}

TEST_F(TransferEngineTest, LosesTheFileWithTheHost) {
        ASSERT_EQ(begin("name", 6), WIRE_STATUS_OK);
        transfer_engine_lost(engine);
        EXPECT_EQ(entries(), 0u);
        EXPECT_EQ(outcome, TRANSFER_E_LOST);
}

TEST_F(TransferEngineTest, IsCancelledByItsNumberOnly) {
        ASSERT_EQ(begin("name", 6), WIRE_STATUS_OK);
        EXPECT_EQ(transfer_engine_cancel(engine, number + 1), -ENOENT);
        EXPECT_EQ(transfer_engine_cancel(engine, number), 0);
        EXPECT_EQ(transfer_engine_cancel(engine, number), -ENOENT);
        EXPECT_EQ(outcome, TRANSFER_E_STOPPED);
        EXPECT_EQ(write(0, "abc"), WIRE_STATUS_FAIL);
        EXPECT_EQ(entries(), 0u);
}

TEST_F(TransferEngineTest, HoldsAFragmentWhileFrozenAndGoesOn) {
        ASSERT_EQ(begin("name", 3), WIRE_STATUS_OK);
        freeze();
        EXPECT_EQ(states.back(), TRANSFER_PAUSED);
        EXPECT_EQ(write(0, "abc"), no_answer);
        turn(50 * USEC_PER_MSEC);
        EXPECT_EQ(answered, no_answer);
        thaw();
        EXPECT_EQ(answered, WIRE_STATUS_OK);
        EXPECT_EQ(complete(), WIRE_STATUS_OK);
        EXPECT_EQ(read_file(world / "to/name"), "abc");
}

TEST_F(TransferEngineTest, FailsAFragmentThatIsHeldTooLongAndCleansUpAfterTheThaw) {
        ASSERT_EQ(begin("name", 3), WIRE_STATUS_OK);
        freeze();
        EXPECT_EQ(write(0, "abc"), no_answer);
        turn(250 * USEC_PER_MSEC);
        EXPECT_EQ(answered, WIRE_STATUS_FAIL);
        EXPECT_EQ(outcome, TRANSFER_E_HELD);
        EXPECT_EQ(entries(), 1u) << "removed from a frozen disk";
        thaw();
        EXPECT_EQ(entries(), 0u);
}

TEST_F(TransferEngineTest, HoldsAStartAndMakesNothingBefore) {
        freeze();
        EXPECT_EQ(begin("name", 3), no_answer);
        EXPECT_EQ(entries(), 0u);
        thaw();
        EXPECT_EQ(answered, WIRE_STATUS_OK);
        EXPECT_EQ(entries(), 1u);
}

TEST_F(TransferEngineTest, CancelsAtOnceWhileFrozen) {
        ASSERT_EQ(begin("name", 3), WIRE_STATUS_OK);
        freeze();
        EXPECT_EQ(cancel(), WIRE_STATUS_OK);
        EXPECT_EQ(states.back(), TRANSFER_CANCELLED);
        EXPECT_EQ(entries(), 1u);
        thaw();
        EXPECT_EQ(entries(), 0u);
}

TEST_F(TransferEngineTest, PausesUntilBothReasonsAreGone) {
        ASSERT_EQ(begin("name", 3), WIRE_STATUS_OK);
        transfer_engine_pause(engine, true);
        EXPECT_EQ(write(0, "abc"), no_answer);
        freeze();
        transfer_engine_pause(engine, false);
        EXPECT_EQ(answered, no_answer);
        thaw();
        EXPECT_EQ(answered, WIRE_STATUS_OK);
}

TEST_F(TransferEngineTest, SweepsAfterTheThawWhenBornFrozen) {
        ASSERT_EQ(begin("name", 3), WIRE_STATUS_OK);
        freeze();
        engine = transfer_engine_free(engine);
        ASSERT_EQ(entries(), 1u);
        start();
        EXPECT_EQ(entries(), 1u) << "swept a frozen disk";
        thaw();
        EXPECT_EQ(entries(), 0u);
}

TEST_F(TransferEngineTest, NumbersAreNeverGivenTwice) {
        std::string home = world / "data", run = world / "run";
        TransferHistory *history = transfer_history_new(home.c_str(), run.c_str());
        uint64_t first = transfer_history_next_number(history);
        TransferRecord *record = transfer_record_new(first + 7);

        record->file_name = g_strdup("na\nme");
        record->directory = g_strdup("/to");
        record->state = TRANSFER_COMPLETE;
        transfer_history_add(history, record);
        ASSERT_EQ(transfer_history_save(history), 0);
        transfer_history_free(history);
        unlink((world / "run/transfer.number").c_str()); /* a reboot */

        history = transfer_history_new(home.c_str(), run.c_str());
        EXPECT_EQ(transfer_history_next_number(history), first + 8);
        ASSERT_NE(transfer_history_get(history, 0), nullptr);
        EXPECT_STREQ(transfer_history_get(history, 0)->file_name, "na\nme");
        EXPECT_EQ(transfer_history_get(history, 1), nullptr);
        transfer_record_free(record);
        transfer_history_free(history);
}

} // namespace
