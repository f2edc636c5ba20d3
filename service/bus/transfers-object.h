/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* …/transfers: the files that the host copies here, and what may be asked of transferd about them. */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "service/bus/bus-private.h"

G_BEGIN_DECLS

extern const ObjectKind transfer_kind;

/* A call that waits for transferd, kept in bus->transfer_calls. */
void transfer_call_free(void *call);

/* Asks transferd to give the transfer up; answers m when it has. */
int transfer_call_cancel(Bus *bus, sd_bus_message *m, uint64_t id, sd_bus_error *error);

G_END_DECLS
