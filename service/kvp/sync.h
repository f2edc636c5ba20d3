/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * fdatasync() off the loop: one helper thread, started on the first need, that does nothing else. It gets
 * duplicated descriptors (a file may be closed or replaced meanwhile) and says through an eventfd how far it
 * is.
 *
 * A request for a pool whose sync still waits for its turn joins it, so at most one per pool waits, whatever
 * the writers do.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "wire/record.h"

G_BEGIN_DECLS

typedef struct Sync Sync;

/* done: in the loop, once per finished sync. Serial numbers of one pool grow; result is 0 or a negative
 * errno. */
typedef void (*SyncDone)(KvpPool pool, uint64_t serial, int result, void *userdata);

int sync_new(sd_event *event, SyncDone done, void *userdata, Sync **ret);
/* Waits for the sync that is running, drops what has not begun. */
Sync *sync_free(Sync *sync);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sync, sync_free)

/* Takes the descriptor. Returns the serial that `done` will name or exceed. */
int sync_submit(Sync *sync, KvpPool pool, int fd, uint64_t *ret_serial);
/* Nothing runs, nothing waits, and everything finished has been told. */
bool sync_is_idle(const Sync *sync);

G_END_DECLS
