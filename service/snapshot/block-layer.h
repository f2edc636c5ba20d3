/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a plan needs to know of this machine, read without touching a mount: sysfs about block devices, the
 * mount tables of us, of PID 1 and of other mount namespaces. */

#include <glib.h>

#include "common/config.h"
#include "service/snapshot/plan.h"

G_BEGIN_DECLS

/* root: prefix of /sys and /dev, "" outside tests; borrowed. */
PlanBlockLayer block_layer(const char *root);

/* Reads everything below root and makes the plan. selected may be NULL. */
int block_layer_plan(const char *root, const Configuration *configuration, const char *const *selected,
                     GPtrArray **ret);

G_END_DECLS
