/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * hvctl's end of the bus. Synchronous: one process, one question, and every call has a time limit. A service
 * that does not run is not started by asking (an activated unit whose condition fails would hang the caller).
 */

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "cli/complain.h"
#include "cli/kvp.h"
#include "cli/options.h"

G_BEGIN_DECLS

typedef struct Client {
        sd_bus *bus;
        bool interactive;      /* the person may be asked for a password */
        bool has_agent;        /* and a text agent has been offered to polkit */
        uint64_t timeout_usec; /* for one call */
        GPid agent;
} Client;

ExitStatus client_new(const Options *options, Client **ret, Failure *failure);
Client *client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* A call to the service, to be filled and given to client_call(). */
sd_bus_message *client_message_new(Client *client, const char *path, const char *interface,
                                   const char *member);

typedef enum ClientCallFlags {
        CLIENT_CALL_QUIET = 0,
        CLIENT_CALL_INTERACTIVE = 1 << 0, /* may ask for a password, if the options allow it */
} ClientCallFlags;

ExitStatus client_call(Client *client, sd_bus_message *message, unsigned flags, sd_bus_message **ret_reply,
                       Failure *failure);
/* The same, not waiting; the reply or an error comes while the bus is processed. */
void client_call_async(Client *client, sd_bus_message *message, sd_bus_slot **ret_slot,
                       sd_bus_message_handler_t callback, void *userdata);
/* What an error of the service, of the bus or of sd-bus means for a person and for the exit status. */
ExitStatus client_failure(Failure *failure, const sd_bus_error *error);
ExitStatus client_failure_errno(Failure *failure, int r);
/* Whether somebody owns the service's name. */
ExitStatus client_service_is_running(Client *client, bool *ret, Failure *failure);
/* All properties of an interface: the reply of GetAll. */
ExitStatus client_get_properties(Client *client, const char *path, const char *interface,
                                 sd_bus_message **ret, Failure *failure);

/* "/org/hyperv/Utils/kvp/guest" (g_free), and back: the pool of a path, or negative. */
char *client_pool_path(KvpPool pool);
KvpPool client_pool_of_path(const char *path);

ExitStatus kvp_bus_new(const Options *options, KvpBackend **ret, Failure *failure);
/* For verbs that listen: a whole pool with its generation (flags of client_call()), or one value. */
ExitStatus kvp_bus_read_pool(Client *client, KvpPool pool, unsigned call_flags, KvpEntries *entries,
                             uint64_t *ret_generation, Failure *failure);
ExitStatus kvp_bus_read_generation(Client *client, KvpPool pool, uint64_t *ret, Failure *failure);
ExitStatus kvp_bus_read_key(Client *client, KvpPool pool, const char *key, char **ret, Failure *failure);

G_END_DECLS
