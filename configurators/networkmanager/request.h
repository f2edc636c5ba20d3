/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The a{sv} of Apply into the checked value. */

#include "configurators/address-settings.h"

G_BEGIN_DECLS

/* NULL with *error, domain FAILURE. */
AddressSettings *request_parse(GVariant *words, GError **error);

G_END_DECLS
