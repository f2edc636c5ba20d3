/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names that both configurators and whoever calls them must spell alike. */

#define CONFIGURATOR_OBJECT              "/org/hyperv/Utils/Configurator"
#define CONFIGURATOR_NAME_NETWORKMANAGER "org.hyperv.Utils.Configurator.NetworkManager"
#define CONFIGURATOR_NAME_NETWORKD       "org.hyperv.Utils.Configurator.Networkd"
