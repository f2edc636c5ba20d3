/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The way back. With NetworkManager alive it is the rollback of a checkpoint, whose call returns before the addresses are
 * there again. When NetworkManager died the checkpoint died with it, a profile that was just written stays, and the next
 * NetworkManager keeps what it finds in the kernel, old addresses and new ones: then the profile is written back and activated
 * once it is there again.
 */

#include <NetworkManager.h>
#include <stdbool.h>

#include "configurators/kernel-addresses.h"

G_BEGIN_DECLS

typedef struct Recovery Recovery;

/* What to go back to. The strings and objects are copied or referenced. */
typedef struct RecoveryPoint {
        const char *interface;
        const char *checkpoint;    /* path, or NULL */
        const char *uuid;          /* of the profile that is or was active, or NULL */
        const char *volatile_uuid; /* of the profile that we made, or NULL */
        NMConnection *profile;     /* as it was, or NULL */
        GArray *addresses;         /* as they were */
} RecoveryPoint;

/* restored: the old configuration is back. */
typedef void (*RecoveryDone)(bool restored, void *userdata);

Recovery *recovery_new(NMClient *client, const RecoveryPoint *point, RecoveryDone done, void *userdata);
Recovery *recovery_free(Recovery *recovery);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recovery, recovery_free)

G_END_DECLS
