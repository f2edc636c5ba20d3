/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One connection of snapshotd: the hooks of one snapshot, from freeze to thaw. It remembers which hooks got
 * freeze, and owes them a thaw even when nobody asks for it any more:
 *
 *      (connected) -- request --> running -- last hook --> (connected) -- … -- end of the connection, nothing owed --> over
 *                                    |                          |
 *                                    '-- the connection ends --> waiting for RUNTIME/frozen to go --> thawing --> over
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "service/snapshot/hooks.h"

G_BEGIN_DECLS

typedef struct HooksSession HooksSession;
typedef void (*HooksSessionOver)(HooksSession *session, void *userdata);

/* Takes fd. over is called once, when nothing is owed and nobody is connected; the session may be freed from
 * within. */
int hooks_session_new(sd_event *event, const HooksSetup *setup, int fd, HooksSessionOver over, void *userdata,
                      HooksSession **ret);
HooksSession *hooks_session_free(HooksSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HooksSession, hooks_session_free)

G_END_DECLS
