/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was asked for behind the gate: it stands in the redo file, is laid over what the pool file says so
 * that everybody reads it at once, and is made in the pool file when the gate is open. What cannot be made
 * then (disk full) goes on lying over it; an edit made directly meanwhile is newer, and what waits for the
 * same key is forgotten.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/kvp/store-pool.h"

G_BEGIN_DECLS

/* What readers see, from what the file says. */
void store_pending_overlay(const Redo *redo, KvpPool pool, StoreTable *table);

/* Behind the gate: as store_apply() and store_clear(). */
int store_pending_add(StorePool *pool, const StoreEdit *edits, size_t n, uint32_t maximum_records);
int store_pending_add_clear(StorePool *pool);

/* Under the lock: makes what waits for this pool, in order, until something fails. */
int store_pending_make(StorePool *pool);

/* Under the lock, while something waits that could not be made. */
int store_pending_change(StorePool *pool, const StoreEdit *edits, size_t n, uint32_t maximum_records);
int store_pending_clear(StorePool *pool);

uint32_t store_pending_count(const Redo *redo);

G_END_DECLS
