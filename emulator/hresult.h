/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names of what the guest tells the host, as <linux/hyperv.h> spells them. */

#include <glib.h>

#include "wire/status.h"

G_BEGIN_DECLS

/* "HV_E_FAIL", or "0x8007ABCD" for a value without a name; newly allocated. */
char *hresult_to_string(WireStatus status);
/* A name, or a number in C's spelling. -EINVAL. */
int hresult_from_string(const char *word, WireStatus *ret);

G_END_DECLS
