/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service says about itself: the properties of Manager and of the five pools, read whole. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/client.h"

G_BEGIN_DECLS

typedef struct ChannelFacts {
        char *name, *transport, *state, *version;
} ChannelFacts;

typedef struct PoolFacts {
        char *file, *problem;
        uint32_t count;
        uint64_t generation;
        int writable;
} PoolFacts;

typedef struct StatisticFacts {
        char *name;
        uint64_t value;
} StatisticFacts;

typedef struct ServiceFacts {
        char *version;
        GArray *channels;   /* ChannelFacts */
        GArray *statistics; /* StatisticFacts */
        PoolFacts pools[_KVP_POOL_ID_MAX];
} ServiceFacts;

ServiceFacts *service_facts_free(ServiceFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServiceFacts, service_facts_free)
ExitStatus service_facts_read(Client *client, ServiceFacts **ret, Failure *failure);
/* Reads the value of the property Channels, a(ssss), from where the message stands. */
int channel_facts_read(sd_bus_message *message, GArray *channels);
GArray *channel_facts_new(void);

/* Reads one property's value if it is one of ours; returns 0 if it is not. */
typedef int (*PropertyReader)(sd_bus_message *message, const char *name, void *userdata);
/* An a{sv} from where the message stands, and all properties of an object's interface. */
int facts_read_properties(sd_bus_message *message, PropertyReader reader, void *userdata);
ExitStatus facts_read_interface(Client *client, const char *path, const char *interface,
                                PropertyReader reader, void *userdata, Failure *failure);
/* Takes the place of *ret. */
int facts_read_text(sd_bus_message *message, char **ret);

G_END_DECLS
