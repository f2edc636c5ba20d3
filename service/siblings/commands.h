/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Commands to a sibling that wait for their answer: each has a serial, a time limit, and is failed when the
 * link ends. */

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/link/link.h"

G_BEGIN_DECLS

typedef struct Commands Commands;

/* result: RESULT of the answer, -ETIMEDOUT, or -ENOTCONN; answer is NULL with the latter two. more is set for
 * an answer that others follow (a plan in parts). */
typedef void (*CommandDone)(int result, const LinkMessage *answer, bool more, void *userdata);

Commands *commands_new(sd_event *event, double time_scale);
/* Nobody is called any more. */
Commands *commands_free(Commands *commands);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Commands, commands_free)

/* Adds SERIAL to the message and sends it. Always answers later, also when there is no link. */
void commands_send(Commands *commands, LinkClient *client, LinkMessage *message, uint64_t limit_usec,
                   CommandDone done, void *userdata);
/* Nobody waits for the answers to this userdata any more. */
void commands_forget(Commands *commands, const void *userdata);
/* True if the message was the answer to a command. */
bool commands_take_answer(Commands *commands, const LinkMessage *message);
/* The link ended: whoever waits hears -ENOTCONN. */
void commands_fail_all(Commands *commands);

G_END_DECLS
