/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The object on the bus: who asks what, and who waits for whom. */

#include "common/cleanup.h"

G_BEGIN_DECLS

typedef struct Configurator Configurator;

/* changed is called whenever work begins or ends. */
int configurator_new(sd_bus *bus, void (*changed)(void *userdata), void *userdata, Configurator **ret);
Configurator *configurator_free(Configurator *configurator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Configurator, configurator_free)

unsigned configurator_n_pending(const Configurator *configurator);
void configurator_cancel_all(Configurator *configurator, const char *sentence);

G_END_DECLS
