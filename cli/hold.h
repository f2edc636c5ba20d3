/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * To hold something (a freeze, an inhibitor) until a command ends, a time is over, a signal comes, or the
 * holder learns that it is over anyway. SIGINT and SIGTERM are blocked from hold_init() on: what is held is
 * always let go in order.
 */

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "cli/client.h"

G_BEGIN_DECLS

typedef enum HoldEnd {
        HOLD_GOES_ON,
        HOLD_COMMAND_ENDED,
        HOLD_TIME_IS_OVER,
        HOLD_SIGNAL,
        HOLD_OVER,     /* said by the holder */
        HOLD_BUS_LOST, /* with the connection everything held is gone */
} HoldEnd;

typedef struct Hold {
        Client *client; /* borrowed */
        sd_event *event;
        GPid pid; /* 0 = no command runs */
        int exit_code, signal;
        HoldEnd end;
} Hold;

ExitStatus hold_init(Hold *hold, Client *client, Failure *failure);
void hold_done(Hold *hold);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Hold, hold_done)

/* Runs on for the command, with the signals as they were. */
ExitStatus hold_start(Hold *hold, char *const *command, Failure *failure);
ExitStatus hold_limit(Hold *hold, uint64_t usec, Failure *failure);
/* From a callback: hold_run() returns. It may be run again, for a next step. */
void hold_end(Hold *hold, HoldEnd end);
HoldEnd hold_run(Hold *hold);
/* Waits for the command if it still runs, after a signal having passed that on. Its exit code, or 128 and the
 * number of the signal that ended it; 0 without a command. */
int hold_finish(Hold *hold);

G_END_DECLS
