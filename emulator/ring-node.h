/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A service's node that is a ring: no driver stands between host and daemon, so the node plays the part of one. It takes
 * what the emulated driver would give a daemon, puts it on the ring in the host's own encoding, and answers for the
 * daemon. So everything that works on the device (copy, withdraw, offer, status, …) works here, too.
 *
 * What differs from a real host: the driver's 30 s are the only limit here.
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "emulator/service.h"

G_BEGIN_DECLS

typedef struct RingNode RingNode;

/* DIR/sys and DIR/dev. The service must be FCOPY's. */
int ring_node_new(sd_event *event, Service *service, const char *directory, RingNode **ret);
RingNode *ring_node_free(RingNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RingNode, ring_node_free)

G_END_DECLS
