/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls to configurators (dbus/org.hyperv.Utils.Configurator.xml) for the network room. A connection that ends answers
 * those that are under way: absent.
 */

#include <systemd/sd-bus.h>

#include "service/bus/bus.h"
#include "service/network/network.h"

G_BEGIN_DECLS

typedef struct ConfiguratorCalls ConfiguratorCalls;

ConfiguratorCalls *configurator_calls_new(Bus *bus);
ConfiguratorCalls *configurator_calls_free(ConfiguratorCalls *calls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfiguratorCalls, configurator_calls_free)
/* The table for the network room; lives as long as the calls. */
const Configurators *configurator_calls_table(const ConfiguratorCalls *calls);
void configurator_calls_drop(ConfiguratorCalls *calls);

G_END_DECLS
