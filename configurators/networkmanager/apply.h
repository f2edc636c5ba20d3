/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One injection, from the question to the certain answer.
 *
 *   checkpoint                      NetworkManager remembers the device and its profile, and puts both back by itself after some
 *        |                          seconds if we die
 *   activated device?
 *    yes |        no
 *   reapply   add and activate      only what is applied changes, the file does not; a new profile is volatile: the rollback
 *        |        |                 takes it along
 *      verify (the kernel's addresses, their order, duplicate detection, the lease)
 *        |      \ different: the new profile, activated once (NetworkManager 1.42 loses an address that is put before
 *        |       \           another of its subnet when promote_secondaries=0), and verified again
 *   persist    <- the point of no return: nobody can cancel any more, only NetworkManager itself can still fail
 *        |
 *   end of the checkpoint, answer
 *
 * Any failure before: roll back, wait until the kernel has the old addresses, then answer. Checkpoints die with
 * NetworkManager; when it goes, recovery.h puts back what was once it has come again.
 *
 * Flags that are not used, and why: DISCONNECT_NEW_DEVICES is refused with a list of devices, DELETE_NEW_CONNECTIONS deletes
 * other people's profiles too, ALLOW_OVERLAPPING would let an older checkpoint's rollback destroy ours.
 */

#include <NetworkManager.h>

#include "configurators/address-settings.h"

G_BEGIN_DECLS

typedef struct Apply Apply;

/* error: NULL is success; domain FAILURE. The object is still there and ends by apply_unref(). */
typedef void (*ApplyDone)(Apply *apply, const GError *error, void *userdata);

/* settings is taken. time_scale multiplies the checkpoint's time. */
Apply *apply_new(NMClient *client, NMDevice *device, AddressSettings *settings, uint64_t timeout_usec,
                 double time_scale, ApplyDone done, void *userdata);
Apply *apply_ref(Apply *apply);
void apply_unref(Apply *apply);
void apply_start(Apply *apply);

/* Ends with a rollback and FAILURE_BUSY, unless it is past the point of no return. */
void apply_cancel(Apply *apply, const char *reason);

const char *apply_interface(const Apply *apply);

G_END_DECLS
