/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/engine.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

/* Every state with every event, for the host's snapshot: what stands nowhere here does nothing. */

namespace {

struct Expected {
        SnapshotAction action;
        SnapshotState next;
};

using Pair = std::pair<SnapshotState, SnapshotEvent>;

const std::map<Pair, Expected> moves = {
        { { SNAPSHOT_IDLE, EVENT_HOST_FREEZE }, { ACTION_BEGIN, SNAPSHOT_PREPARING } },
        { { SNAPSHOT_IDLE, EVENT_LOCAL_FREEZE }, { ACTION_BEGIN, SNAPSHOT_PREPARING } },
        { { SNAPSHOT_IDLE, EVENT_HOST_THAW }, { ACTION_REFUSE, SNAPSHOT_IDLE } },
        { { SNAPSHOT_IDLE, EVENT_THAW }, { ACTION_REFUSE, SNAPSHOT_IDLE } },
        { { SNAPSHOT_IDLE, EVENT_STOP }, { ACTION_EXIT, SNAPSHOT_IDLE } },
        { { SNAPSHOT_PREPARING, EVENT_HOST_FREEZE }, { ACTION_REFUSE, SNAPSHOT_PREPARING } },
        { { SNAPSHOT_PREPARING, EVENT_LOCAL_FREEZE }, { ACTION_REFUSE, SNAPSHOT_PREPARING } },
        { { SNAPSHOT_PREPARING, EVENT_HOST_THAW }, { ACTION_ABANDON, SNAPSHOT_FAILED } },
        { { SNAPSHOT_PREPARING, EVENT_THAW }, { ACTION_ABANDON, SNAPSHOT_FAILED } },
        { { SNAPSHOT_PREPARING, EVENT_OWNER_GONE }, { ACTION_ABANDON, SNAPSHOT_FAILED } },
        { { SNAPSHOT_PREPARING, EVENT_PREPARED }, { ACTION_FREEZE, SNAPSHOT_FREEZING } },
        { { SNAPSHOT_PREPARING, EVENT_UNPREPARED }, { ACTION_ABANDON, SNAPSHOT_FAILED } },
        { { SNAPSHOT_PREPARING, EVENT_CHANNEL_LOST }, { ACTION_ABANDON, SNAPSHOT_FAILED } },
        { { SNAPSHOT_PREPARING, EVENT_STOP }, { ACTION_ABANDON, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FREEZING, EVENT_HOST_FREEZE }, { ACTION_REFUSE, SNAPSHOT_FREEZING } },
        { { SNAPSHOT_FREEZING, EVENT_LOCAL_FREEZE }, { ACTION_REFUSE, SNAPSHOT_FREEZING } },
        { { SNAPSHOT_FREEZING, EVENT_HOST_THAW }, { ACTION_GIVE_UP, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FREEZING, EVENT_THAW }, { ACTION_GIVE_UP, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FREEZING, EVENT_OWNER_GONE }, { ACTION_GIVE_UP, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FREEZING, EVENT_FROZEN }, { ACTION_ANNOUNCE, SNAPSHOT_FROZEN } },
        { { SNAPSHOT_FREEZING, EVENT_NOT_FROZEN }, { ACTION_GIVE_UP, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FREEZING, EVENT_WATCHDOG }, { ACTION_GIVE_UP, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FREEZING, EVENT_CHANNEL_LOST }, { ACTION_GIVE_UP, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FREEZING, EVENT_STOP }, { ACTION_GIVE_UP, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FROZEN, EVENT_HOST_FREEZE }, { ACTION_REFUSE, SNAPSHOT_FROZEN } },
        { { SNAPSHOT_FROZEN, EVENT_LOCAL_FREEZE }, { ACTION_REFUSE, SNAPSHOT_FROZEN } },
        { { SNAPSHOT_FROZEN, EVENT_HOST_THAW }, { ACTION_THAW, SNAPSHOT_THAWING } },
        { { SNAPSHOT_FROZEN, EVENT_THAW }, { ACTION_THAW, SNAPSHOT_THAWING } },
        { { SNAPSHOT_FROZEN, EVENT_OWNER_GONE }, { ACTION_THAW, SNAPSHOT_THAWING } },
        { { SNAPSHOT_FROZEN, EVENT_WATCHDOG }, { ACTION_THAW, SNAPSHOT_THAWING } },
        { { SNAPSHOT_FROZEN, EVENT_CHANNEL_LOST }, { ACTION_THAW, SNAPSHOT_THAWING } },
        { { SNAPSHOT_FROZEN, EVENT_STOP }, { ACTION_THAW, SNAPSHOT_THAWING } },
        { { SNAPSHOT_THAWING, EVENT_HOST_FREEZE }, { ACTION_WAIT, SNAPSHOT_THAWING } },
        { { SNAPSHOT_THAWING, EVENT_LOCAL_FREEZE }, { ACTION_REFUSE, SNAPSHOT_THAWING } },
        { { SNAPSHOT_THAWING, EVENT_HOST_THAW }, { ACTION_REFUSE, SNAPSHOT_THAWING } },
        { { SNAPSHOT_THAWING, EVENT_THAW }, { ACTION_REFUSE, SNAPSHOT_THAWING } },
        { { SNAPSHOT_THAWING, EVENT_SETTLED }, { ACTION_FINISH, SNAPSHOT_IDLE } },
        { { SNAPSHOT_FAILED, EVENT_HOST_FREEZE }, { ACTION_WAIT, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FAILED, EVENT_LOCAL_FREEZE }, { ACTION_REFUSE, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FAILED, EVENT_HOST_THAW }, { ACTION_REFUSE, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FAILED, EVENT_THAW }, { ACTION_REFUSE, SNAPSHOT_FAILED } },
        { { SNAPSHOT_FAILED, EVENT_SETTLED }, { ACTION_FINISH, SNAPSHOT_IDLE } },
};

Expected expected(SnapshotState state, SnapshotEvent event, SnapshotInitiator initiator) {
        auto found = moves.find({ state, event });

        if (found == moves.end() || (event == EVENT_OWNER_GONE && initiator == SNAPSHOT_BY_HOST))
                return { ACTION_NONE, state };
        return found->second;
}

TEST(Engine, AnswersEveryEventInEveryState) {
        for (int initiator = 0; initiator < _SNAPSHOT_INITIATOR_MAX; initiator++)
                for (int state = 0; state < _SNAPSHOT_STATE_MAX; state++)
                        for (int event = 0; event < _EVENT_MAX; event++) {
                                Expected want = expected(SnapshotState(state), SnapshotEvent(event),
                                                         SnapshotInitiator(initiator));
                                SnapshotStep got =
                                        engine_decide(SnapshotState(state), SnapshotInitiator(initiator),
                                                      SnapshotEvent(event));
                                std::string where =
                                        std::string(snapshot_state_to_string(SnapshotState(state))) +
                                        " event " + std::to_string(event);
                                EXPECT_EQ(got.action, want.action) << where;
                                EXPECT_EQ(got.next, want.next) << where;
                        }
}

TEST(Engine, NothingButWhatEndsAFreezeLeavesFrozen) {
        for (int event = 0; event < _EVENT_MAX; event++) {
                bool ends = event == EVENT_HOST_THAW || event == EVENT_THAW || event == EVENT_WATCHDOG ||
                            event == EVENT_CHANNEL_LOST || event == EVENT_STOP;
                SnapshotStep step = engine_decide(SNAPSHOT_FROZEN, SNAPSHOT_BY_HOST, SnapshotEvent(event));
                EXPECT_EQ(step.next == SNAPSHOT_THAWING, ends) << event;
        }
}

} // namespace
