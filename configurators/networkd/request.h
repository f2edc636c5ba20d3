/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

#include "configurators/address-settings.h"

G_BEGIN_DECLS

/* Reads the a{sv} of Apply at the message's position. -EINVAL with *ret_sentence (g_free): the caller's mistake; -EBADMSG. */
int request_read(sd_bus_message *message, AddressSettings **ret, char **ret_sentence);

G_END_DECLS
