/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* hvutilsd's side of transfers: the link to RUNTIME/transfer, and the pause that a snapshot needs. */

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/link/link.h"

G_BEGIN_DECLS

/* Who does not answer within this is left behind. */
#define TRANSFERS_PAUSE_LIMIT_USEC UINT64_C(1000000)

typedef struct Transfers Transfers;

int transfers_new(sd_event *event, const char *socket_path, double time_scale, Transfers **ret);
Transfers *transfers_free(Transfers *transfers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transfers, transfers_free)

/* Nothing is in flight any more, or nobody is there, or the limit is over: paused is called once, later. */
void transfers_pause(Transfers *transfers, void (*paused)(void *userdata), void *userdata);
void transfers_resume(Transfers *transfers);

G_END_DECLS
