/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Takes back what injections left: profiles of ours for the interface are deleted, changed ones get their own settings back,
 * and what was active is activated again.
 */

#include <NetworkManager.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* error: domain FAILURE, or NULL; reverted: there was something. */
typedef void (*RevertDone)(bool reverted, const GError *error, void *userdata);

void revert_start(NMClient *client, NMDevice *device, RevertDone done, void *userdata);

G_END_DECLS
