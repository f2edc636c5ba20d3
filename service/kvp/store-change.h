/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a change is made in a pool file that is locked and known to be equal to memory: new records are
 * appended (first, since only this needs space), others are written in place, and removed ones are closed up
 * by moving later records down. When a step fails, what was done before it is taken back from memory, so that
 * the file is as it was.
 */

#include <glib.h>

#include "service/kvp/store-pool.h"
#include "service/kvp/store.h"

G_BEGIN_DECLS

/* As store_apply() and store_clear(). */
int store_change_apply(StorePool *pool, const StoreEdit *edits, size_t n, uint32_t maximum_records);
int store_change_clear(StorePool *pool);

G_END_DECLS
