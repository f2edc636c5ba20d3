/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pool files without a service: `hvctl --root=DIR kvp …` while an image is built. Same records, same locks,
 * same rules as hvutilsd, because it is the same store; no polkit, the permissions of the files decide.
 */

#include <glib.h>

#include "cli/kvp.h"

G_BEGIN_DECLS

ExitStatus kvp_offline_new(const char *root, KvpBackend **ret, Failure *failure);
/* For --raw beside a service: reads the file's records as they stand, whatever directory it is in. */
ExitStatus kvp_offline_list_file(const char *file, KvpPool pool, KvpEntries *entries, Failure *failure);

G_END_DECLS
