/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The network, as the host sees it: the room's door. Behind it: adapters (the kernel's tables), stack (what network
 * stacks say), resolv.conf, and the injections that the host asks for.
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "common/config.h"
#include "service/network/adapters.h"
#include "service/network/injector.h"
#include "service/network/stack.h"

G_BEGIN_DECLS

typedef struct Network Network;

typedef struct NetworkSetup {
        const char *root; /* prefix of /sys and /etc, NULL outside tests */
        const Configuration *configuration;
        const char *runtime_directory;
        double time_scale;
        void (*changed)(void *userdata); /* an address, a route, a link, a name server, an injection */
        void *userdata;
} NetworkSetup;

int network_new(sd_event *event, const NetworkSetup *setup, Network **ret);
Network *network_free(Network *network);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Network, network_free)
void network_reload(Network *network, const Configuration *configuration);

Adapters *network_get_adapters(Network *network);
Injector *network_get_injector(Network *network);
const Configuration *network_get_configuration(const Network *network);

/* What a source on the bus says now; n 0 = it is gone. */
void network_set_stack(Network *network, StackSource source, const StackEntry *entries, size_t n);

/* Everything the host may ask about this link. */
void network_describe(Network *network, const NetLink *link, IpSettings *ret);

/* GET_IP_INFO: request and reply have KVP_MESSAGE_SIZE bytes. */
void network_answer_get(Network *network, const uint8_t *request, uint8_t *reply);

G_END_DECLS
