/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waits until the kernel has the addresses that were asked for, or it is certain that it will not.
 *
 * NetworkManager's AddressData is a copy of the kernel's list; the kernel itself is asked here because it also says which
 * address is the primary one and how the duplicate detection went. The state of the device tells less and more: it stays
 * ACTIVATED although a lease never came, but a duplicate IPv6 address takes it through FAILED for an instant too short for any
 * poll, again and again, so that its signal is listened to.
 */

#include <NetworkManager.h>

#include "configurators/kernel-addresses.h"

G_BEGIN_DECLS

typedef struct Verification Verification;

/* reason: a sentence, NULL with ADDRESSES_AS_ASKED. The verification has ended and may be freed in the function. */
typedef void (*VerificationDone)(AddressVerdict verdict, const char *reason, void *userdata);

/*
 * active: what must be activated, unless there is no carrier. The addresses have settle_usec to appear (0: until somebody
 * frees the verification), then IPv6 has as long as its duplicate detection may take.
 */
Verification *verification_new(NMDevice *device, NMActiveConnection *active, const AddressSettings *settings,
                               const GArray *before, uint64_t settle_usec, VerificationDone done,
                               void *userdata);
Verification *verification_free(Verification *verification);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verification, verification_free)

G_END_DECLS
