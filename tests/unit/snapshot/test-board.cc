/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/board.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>

#include "common/units.h"
#include "service/snapshot/guardian.h"
#include "tests/support/child.hh"
#include "tests/support/wait-until.hh"

/* A kernel of the test's own, in shared memory because it is asked from several processes. Descriptor 1000 + n
 * is file system n. */

namespace {

struct World {
        int frozen[8], freezes[8], thaws[8], refusal[8];
        int give_up_in, n_thaws;
        int order[16];
        Board *board;
};

World *world;

int fake_freeze(int fd) {
        int n = fd - 1000;

        world->freezes[n]++;
        if (world->refusal[n])
                return -world->refusal[n];
        if (world->give_up_in == n + 1)
                board_thaw(world->board, GIVEN_UP_TOO_SLOW);
        world->frozen[n]++;
        return 0;
}

int fake_thaw(int fd) {
        int n = fd - 1000;

        world->thaws[n]++;
        world->order[world->n_thaws++] = n;
        if (!world->frozen[n])
                return -EINVAL;
        world->frozen[n]--;
        return 0;
}

const BoardKernel fake = { fake_freeze, fake_thaw };

class BoardTest : public ::testing::Test {
      protected:
        void SetUp() override {
                world = static_cast<World *>(mmap(nullptr, sizeof(World), PROT_READ | PROT_WRITE,
                                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0));
                board = board_new();
                ASSERT_NE(board, nullptr);
                world->board = board;
                for (int i = 0; i < 3; i++)
                        ASSERT_EQ(board_add(board, 1000 + i), 0);
                board_set_kernel(&fake);
        }
        void TearDown() override {
                board_set_kernel(nullptr);
                board_free(board);
                munmap(world, sizeof(World));
        }
        int frozen() const {
                return world->frozen[0] + world->frozen[1] + world->frozen[2];
        }

        Board *board = nullptr;
};

using TheBoard = BoardTest;

TEST_F(TheBoard, ThawsInReverseAndEachOnce) {
        ASSERT_EQ(board_freeze(board), 0);
        EXPECT_EQ(frozen(), 3);
        EXPECT_EQ(board_thaw(board, GIVEN_UP_THAW), 0u);
        EXPECT_EQ(board_thaw(board, GIVEN_UP_WATCHDOG), 0u);
        EXPECT_EQ(frozen(), 0);
        EXPECT_EQ(world->n_thaws, 3);
        EXPECT_EQ(world->order[0], 2);
        EXPECT_EQ(world->order[2], 0);
        EXPECT_EQ(board_get_given_up(board), GIVEN_UP_THAW);
        EXPECT_TRUE(board_is_settled(board));
}

TEST_F(TheBoard, NeverThawsAStrangersFreeze) {
        world->refusal[1] = EBUSY;
        world->frozen[1] = 1;
        ASSERT_EQ(board_freeze(board), 0);
        board_thaw(board, GIVEN_UP_THAW);
        board_thaw_orphans(board, GIVEN_UP_THAW, 0, 0);
        EXPECT_EQ(world->thaws[1], 0);
        EXPECT_EQ(world->frozen[1], 1);
        EXPECT_EQ(board_get_state(board, 1), SLOT_REFUSED);
}

TEST_F(TheBoard, SkipsWhatTheKernelCannotFreeze) {
        world->refusal[0] = EOPNOTSUPP;
        EXPECT_EQ(board_freeze(board), 0);
        EXPECT_EQ(frozen(), 2);
}

TEST_F(TheBoard, EndsWithAnyOtherError) {
        world->refusal[1] = EIO;
        EXPECT_EQ(board_freeze(board), -EIO);
        EXPECT_EQ(world->freezes[2], 0);
        board_thaw(board, GIVEN_UP_THAW);
        EXPECT_EQ(frozen(), 0);
}

TEST_F(TheBoard, RemembersWhatCouldNotBeThawed) {
        static const BoardKernel stubborn = { fake_freeze,
                                              [](int fd) { return fd == 1001 ? -EIO : fake_thaw(fd); } };
        board_set_kernel(&stubborn);
        ASSERT_EQ(board_freeze(board), 0);
        EXPECT_FALSE(board_has_failed(board));
        EXPECT_EQ(board_thaw(board, GIVEN_UP_THAW), 0u);
        EXPECT_EQ(frozen(), 1);
        EXPECT_TRUE(board_is_settled(board));
        EXPECT_TRUE(board_has_failed(board));
}

TEST_F(TheBoard, LeavesNothingFrozenWhenAFreezeReturnsAfterGivingUp) {
        world->give_up_in = 2;
        EXPECT_EQ(board_freeze(board), -ECANCELED);
        EXPECT_EQ(frozen(), 0);
        EXPECT_EQ(world->freezes[2], 0);
        EXPECT_TRUE(board_is_settled(board));
}

TEST_F(TheBoard, ThawsWhatADeadWorkerLeftInFlight) {
        Child worker([this] {
                static const BoardKernel deadly = { [](int fd) {
                                                           fake_freeze(fd);
                                                           _exit(9);
                                                           return 0;
                                                   },
                                                    fake_thaw };
                board_set_kernel(&deadly);
                return board_freeze(board);
        });
        EXPECT_EQ(worker.wait(), 9);
        EXPECT_EQ(board_thaw(board, GIVEN_UP_THAW), 1u);
        EXPECT_EQ(frozen(), 1);
        board_thaw_orphans(board, GIVEN_UP_THAW, board_get_worker(board), 0);
        EXPECT_EQ(frozen(), 0);
        EXPECT_TRUE(board_is_settled(board));
}

TEST_F(TheBoard, ThawsAgainWhatADeadProcessTook) {
        ASSERT_EQ(board_freeze(board), 0);
        pid_t dead = 0;
        {
                Child thawer([this] {
                        static const BoardKernel deadly = { fake_freeze, [](int) {
                                                                   _exit(9);
                                                                   return 0;
                                                           } };
                        board_set_kernel(&deadly);
                        board_thaw(board, GIVEN_UP_THAW);
                        return 0;
                });
                dead = thawer.pid();
                EXPECT_EQ(thawer.wait(), 9);
        }
        board_thaw(board, GIVEN_UP_THAW);
        EXPECT_EQ(frozen(), 1);
        EXPECT_FALSE(board_is_settled(board));
        board_thaw_orphans(board, GIVEN_UP_THAW, 0, dead + 1);
        EXPECT_EQ(frozen(), 1) << "took what another process still thaws";
        board_thaw_orphans(board, GIVEN_UP_THAW, 0, dead);
        EXPECT_EQ(frozen(), 0);
}

class TheGuardian : public BoardTest {
      protected:
        void start(uint64_t after_usec) {
                int worker[2], ready[2];
                char byte;

                ASSERT_EQ(pipe(worker), 0);
                ASSERT_EQ(pipe(ready), 0);
                GuardianSetup setup = { board, now_usec(CLOCK_BOOTTIME) + after_usec, worker[0], ready[1],
                                        "/nonexistent/frozen" };
                ASSERT_EQ(guardian_start(&guardian, &setup), 0);
                close(worker[1]); /* the worker has ended */
                close(worker[0]);
                close(ready[1]);
                EXPECT_EQ(read(ready[0], &byte, 1), 1);
                close(ready[0]);
        }
        Guardian guardian = GUARDIAN_NONE;
};

TEST_F(TheGuardian, ThawsWhenItsTimeIsOver) {
        ASSERT_EQ(board_freeze(board), 0);
        start(100000);
        EXPECT_EQ(frozen(), 3);
        EXPECT_TRUE(wait_until([this] { return frozen() == 0; }));
        EXPECT_EQ(board_get_given_up(board), GIVEN_UP_WATCHDOG);
        guardian_dismiss(&guardian);
}

TEST_F(TheGuardian, ThawsWhenItsParentIsGone) {
        ASSERT_EQ(board_freeze(board), 0);
        start(60000000);
        close(guardian.life_fd);
        guardian.life_fd = -1;
        EXPECT_TRUE(wait_until([this] { return frozen() == 0; }));
        EXPECT_EQ(board_get_given_up(board), GIVEN_UP_PARENT_GONE);
        guardian_dismiss(&guardian);
}

TEST_F(TheGuardian, DoesNothingWhenItIsDismissed) {
        ASSERT_EQ(board_freeze(board), 0);
        start(60000000);
        guardian_dismiss(&guardian);
        EXPECT_EQ(frozen(), 3);
        EXPECT_EQ(board_get_given_up(board), GIVEN_UP_NOT);
}

} // namespace
