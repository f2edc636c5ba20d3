/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* Whether this machine is a guest of Hyper-V, from what the kernel shows in sysfs ("/sys" outside tests): the
 * vmbus exists, or the firmware says so (Generation 2 before the driver is loaded). */
bool hyperv_is_guest(const char *sysfs);

G_END_DECLS
