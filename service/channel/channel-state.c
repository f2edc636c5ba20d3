/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/channel/channel-state.h"

static const char *const channel_state_table[_CHANNEL_STATE_MAX] = {
        [CHANNEL_STOPPED] = "stopped",
        [CHANNEL_ABSENT] = "absent",
        [CHANNEL_BUSY] = "busy",
        [CHANNEL_REGISTERING] = "registering",
        [CHANNEL_REGISTERED] = "registered",
        [CHANNEL_RETRYING] = "retrying",
};
DEFINE_STRING_TABLE_LOOKUP(channel_state, ChannelState);

static const char *const channel_event_table[_CHANNEL_EVENT_MAX] = {
        [CHANNEL_OPENED] = "opened", [CHANNEL_MISSING] = "missing",   [CHANNEL_HELD] = "held",
        [CHANNEL_FAILED] = "failed", [CHANNEL_ANSWERED] = "answered", [CHANNEL_WITHDRAWN] = "withdrawn",
        [CHANNEL_STOP] = "stop",
};
DEFINE_STRING_TABLE_LOOKUP(channel_event, ChannelEvent);

ChannelState channel_state_next(ChannelState state, ChannelEvent event) {
        static const struct {
                ChannelState state;
                ChannelEvent event;
                ChannelState next;
        } transitions[] = {
                /* An attempt to open, made in any state that has nothing open. */
                { CHANNEL_STOPPED, CHANNEL_OPENED, CHANNEL_REGISTERING },
                { CHANNEL_STOPPED, CHANNEL_MISSING, CHANNEL_ABSENT },
                { CHANNEL_STOPPED, CHANNEL_HELD, CHANNEL_BUSY },
                { CHANNEL_STOPPED, CHANNEL_FAILED, CHANNEL_RETRYING },
                { CHANNEL_ABSENT, CHANNEL_OPENED, CHANNEL_REGISTERING },
                { CHANNEL_ABSENT, CHANNEL_MISSING, CHANNEL_ABSENT },
                { CHANNEL_ABSENT, CHANNEL_HELD, CHANNEL_BUSY },
                { CHANNEL_ABSENT, CHANNEL_FAILED, CHANNEL_RETRYING },
                { CHANNEL_BUSY, CHANNEL_OPENED, CHANNEL_REGISTERING },
                { CHANNEL_BUSY, CHANNEL_MISSING, CHANNEL_ABSENT },
                { CHANNEL_BUSY, CHANNEL_HELD, CHANNEL_BUSY },
                { CHANNEL_BUSY, CHANNEL_FAILED, CHANNEL_RETRYING },
                { CHANNEL_RETRYING, CHANNEL_OPENED, CHANNEL_REGISTERING },
                { CHANNEL_RETRYING, CHANNEL_MISSING, CHANNEL_ABSENT },
                { CHANNEL_RETRYING, CHANNEL_HELD, CHANNEL_BUSY },
                { CHANNEL_RETRYING, CHANNEL_FAILED, CHANNEL_RETRYING },

                { CHANNEL_REGISTERING, CHANNEL_ANSWERED, CHANNEL_REGISTERED },
                { CHANNEL_REGISTERING, CHANNEL_FAILED, CHANNEL_RETRYING },
                { CHANNEL_REGISTERING, CHANNEL_WITHDRAWN, CHANNEL_ABSENT },

                { CHANNEL_REGISTERED, CHANNEL_FAILED, CHANNEL_RETRYING },
                { CHANNEL_REGISTERED, CHANNEL_WITHDRAWN, CHANNEL_ABSENT },
        };

        if (event == CHANNEL_STOP)
                return CHANNEL_STOPPED;
        for (size_t i = 0; i < G_N_ELEMENTS(transitions); i++)
                if (transitions[i].state == state && transitions[i].event == event)
                        return transitions[i].next;

        return _CHANNEL_STATE_INVALID;
}

bool channel_state_is_open(ChannelState state) {
        return state == CHANNEL_REGISTERING || state == CHANNEL_REGISTERED;
}
