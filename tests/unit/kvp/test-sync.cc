/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/sync.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <map>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/support/temporary-directory.hh"

namespace {

class SyncThread : public testing::Test {
      protected:
        SyncThread() {
                EXPECT_GE(sd_event_new(&event), 0);
                EXPECT_GE(sync_new(event, done, this, &sync), 0);
        }

        ~SyncThread() override {
                sync_free(sync);
                sd_event_unref(event);
        }

        static void done(KvpPool pool, uint64_t serial, int result, void *userdata) {
                auto *self = static_cast<SyncThread *>(userdata);
                self->serials[pool] = serial;
                self->results[pool] = result;
        }

        int open_file() {
                return open((directory / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        }

        uint64_t submit(KvpPool pool, int fd) {
                uint64_t serial = 0;
                EXPECT_GE(sync_submit(sync, pool, fd, &serial), 0);
                return serial;
        }

        void run_until_idle() {
                for (int i = 0; i < 100 && !sync_is_idle(sync); i++)
                        sd_event_run(event, 100000);
        }

        TemporaryDirectory directory;
        sd_event *event = nullptr;
        Sync *sync = nullptr;
        std::map<int, uint64_t> serials;
        std::map<int, int> results;
};

TEST_F(SyncThread, IsIdleBeforeTheFirstNeed) {
        EXPECT_TRUE(sync_is_idle(sync));
}

TEST_F(SyncThread, TellsWhenItIsDone) {
        uint64_t serial = submit(KVP_POOL_ID_GUEST, open_file());
        EXPECT_FALSE(sync_is_idle(sync)) << "idle only after it was told";
        run_until_idle();
        EXPECT_EQ(serials[KVP_POOL_ID_GUEST], serial);
        EXPECT_EQ(results[KVP_POOL_ID_GUEST], 0);
}

TEST_F(SyncThread, TellsTheErrorOfTheDisk) {
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        close(ends[0]);
        submit(KVP_POOL_ID_GUEST, ends[1]);
        run_until_idle();
        EXPECT_EQ(results[KVP_POOL_ID_GUEST], -EINVAL) << "a pipe has no disk";
}

TEST_F(SyncThread, JoinsRequestsOfOnePoolAndAnswersThemAll) {
        uint64_t last = 0;
        for (int i = 0; i < 50; i++)
                last = submit(KVP_POOL_ID_GUEST, open_file());
        uint64_t other = submit(KVP_POOL_ID_EXTERNAL, open_file());
        run_until_idle();
        EXPECT_EQ(serials[KVP_POOL_ID_GUEST], last);
        EXPECT_EQ(serials[KVP_POOL_ID_EXTERNAL], other);
}

TEST_F(SyncThread, ClosesEveryDescriptorItWasGiven) {
        int first = open_file();
        submit(KVP_POOL_ID_GUEST, first);
        for (int i = 0; i < 50; i++)
                submit(KVP_POOL_ID_GUEST, open_file());
        run_until_idle();
        int again = open_file();
        EXPECT_LE(again, first + 2);
        close(again);
}

} // namespace
