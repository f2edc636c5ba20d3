/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/channel/channel-state.h"

#include <gtest/gtest.h>

TEST(ChannelState, HasAWordAndBack) {
        for (int i = 0; i < _CHANNEL_STATE_MAX; i++)
                EXPECT_EQ(channel_state_from_string(channel_state_to_string(static_cast<ChannelState>(i))),
                          i);
        for (int i = 0; i < _CHANNEL_EVENT_MAX; i++)
                EXPECT_EQ(channel_event_from_string(channel_event_to_string(static_cast<ChannelEvent>(i))),
                          i);
}

/* Every state with every event; NO is what cannot happen. */
TEST(ChannelState, GoesWhereEachEventLeads) {
        const ChannelState NO = _CHANNEL_STATE_INVALID, OPEN = CHANNEL_REGISTERING, DONE = CHANNEL_REGISTERED,
                           MISS = CHANNEL_ABSENT, BUSY = CHANNEL_BUSY, FAIL = CHANNEL_RETRYING,
                           STOP = CHANNEL_STOPPED;
        const ChannelState expected[_CHANNEL_STATE_MAX][_CHANNEL_EVENT_MAX] = {
                /*                     opened missing held failed answered withdrawn stop */
                /* stopped     */ { OPEN, MISS, BUSY, FAIL, NO, NO, STOP },
                /* absent      */ { OPEN, MISS, BUSY, FAIL, NO, NO, STOP },
                /* busy        */ { OPEN, MISS, BUSY, FAIL, NO, NO, STOP },
                /* registering */ { NO, NO, NO, FAIL, DONE, MISS, STOP },
                /* registered  */ { NO, NO, NO, FAIL, NO, MISS, STOP },
                /* retrying    */ { OPEN, MISS, BUSY, FAIL, NO, NO, STOP },
        };

        for (int s = 0; s < _CHANNEL_STATE_MAX; s++)
                for (int e = 0; e < _CHANNEL_EVENT_MAX; e++)
                        EXPECT_EQ(channel_state_next(static_cast<ChannelState>(s),
                                                     static_cast<ChannelEvent>(e)),
                                  expected[s][e])
                                << channel_state_to_string(static_cast<ChannelState>(s)) << ", "
                                << channel_event_to_string(static_cast<ChannelEvent>(e));
}

TEST(ChannelState, HoldsTheDeviceOnlyWhileRegisteringAndRegistered) {
        for (int s = 0; s < _CHANNEL_STATE_MAX; s++)
                EXPECT_EQ(channel_state_is_open(static_cast<ChannelState>(s)),
                          s == CHANNEL_REGISTERING || s == CHANNEL_REGISTERED);
}
