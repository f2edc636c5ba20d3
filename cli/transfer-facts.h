/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service says about files from the host: the properties of Transfer objects. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/client.h"

G_BEGIN_DECLS

typedef struct TransferFacts {
        uint64_t id;
        char *file_name, *directory, *state, *reason;
        uint64_t size, received;
} TransferFacts;

TransferFacts *transfer_facts_new(const char *path);
TransferFacts *transfer_facts_free(TransferFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferFacts, transfer_facts_free)

/* The object of a number that a person typed (g_free); NULL if it is none. */
char *transfer_facts_path(const char *number);
/* A PropertyReader. */
int transfer_facts_read_property(sd_bus_message *message, const char *name, void *facts);
ExitStatus transfer_facts_read(Client *client, const char *path, TransferFacts **ret, Failure *failure);
/* All of them, oldest first: TransferFacts. */
ExitStatus transfer_facts_list(Client *client, GPtrArray **ret, Failure *failure);

bool transfer_facts_is_running(const TransferFacts *facts);
/* What came of it: 0 to 100; an empty file has all of its bytes. */
unsigned transfer_facts_percent(const TransferFacts *facts);

G_END_DECLS
