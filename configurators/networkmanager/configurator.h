/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The object on the bus: who asks what, and who waits for whom. */

#include <NetworkManager.h>

G_BEGIN_DECLS

typedef struct Configurator Configurator;

/* changed is called whenever work begins or ends. */
Configurator *configurator_new(GDBusConnection *bus, NMClient *client, double time_scale,
                               void (*changed)(void *userdata), void *userdata, GError **error);
Configurator *configurator_free(Configurator *configurator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Configurator, configurator_free)

/* Calls that wait for an answer. */
unsigned configurator_n_pending(const Configurator *configurator);
/* Every injection that can still go back does. */
void configurator_cancel_all(Configurator *configurator, const char *reason);

G_END_DECLS
