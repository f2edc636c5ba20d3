/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The guest's full name as hostnamed knows it, followed while it runs and never started by us (it ends by
 * itself when idle). Told through BusSetup.fqdn when it changes. */

#include "service/bus/bus.h"

G_BEGIN_DECLS

/* Once for each connection. */
int fqdn_follow(Bus *bus);

/* The full one of the two names: has a dot inside; NULL if neither has. */
const char *fqdn_choose(const char *static_hostname, const char *hostname);

G_END_DECLS
