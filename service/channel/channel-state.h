/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The channel's states as a table: which event leads where, and which cannot happen. Pure. */

#include "service/channel/channel.h"

G_BEGIN_DECLS

typedef enum ChannelEvent {
        CHANNEL_OPENED,    /* open and registration written */
        CHANNEL_MISSING,   /* open: no such device */
        CHANNEL_HELD,      /* open: EBUSY */
        CHANNEL_FAILED,    /* any other error, of open as of what follows; a reset */
        CHANNEL_ANSWERED,  /* the driver accepted the registration */
        CHANNEL_WITHDRAWN, /* the host took the service away, or the peer closed */
        CHANNEL_STOP,
        _CHANNEL_EVENT_MAX,
        _CHANNEL_EVENT_INVALID = -EINVAL,
} ChannelEvent;
DECLARE_STRING_TABLE_LOOKUP(channel_event, ChannelEvent);

/* _CHANNEL_STATE_INVALID if this cannot happen in that state. */
ChannelState channel_state_next(ChannelState state, ChannelEvent event);

/* True in the states that hold the device open. */
bool channel_state_is_open(ChannelState state);

G_END_DECLS
