/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pairs as they leave hvctl. The columns are one promise for list, get, wait and watch. */

#include <glib.h>
#include <stdbool.h>

#include "cli/kvp.h"
#include "cli/output.h"

G_BEGIN_DECLS

/* KEY, VALUE, POOL; JSON: key, value, pool, generation. */
Table *kvp_table_new(void);
void kvp_table_add(Table *table, const KvpEntry *entry);

/* One pair as the answer to get and wait: its bytes and a newline (or NUL), nothing added; with -v key and
 * pool before it. */
void kvp_print_value(const Options *options, const KvpEntry *entry);
/* key NUL value NUL: the form of -0 that list and export write and import reads. */
void kvp_print_null(const KvpEntry *entry);

G_END_DECLS
