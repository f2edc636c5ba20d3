/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel says, which is the only witness: after a Reapply NetworkManager calls a device activated whatever became
 * of its addresses, and networkd calls a link configured that has lost a bad line.
 *
 * The dump comes in the kernel's order: primary IPv4 addresses in the order of their arrival, then secondary ones; IPv6 the
 * last one first.
 */

#include "configurators/address-settings.h"

G_BEGIN_DECLS

typedef struct KernelAddress {
        HostAddress address;
        uint32_t flags; /* IFA_F_* */
} KernelAddress;

/* *ret: GArray of KernelAddress. The kernel answers a dump at once. */
int kernel_addresses_read(int ifindex, GArray **ret);

/* A socket that becomes readable whenever an address of any interface comes, goes or changes; drain it before reading. */
int kernel_addresses_watch(void);
void kernel_addresses_drain(int fd);

typedef enum AddressVerdict {
        ADDRESSES_AS_ASKED,
        ADDRESSES_TENTATIVE, /* as asked, but the duplicate detection of IPv6 is not over */
        ADDRESSES_DIFFERENT,
        ADDRESSES_DUPLICATE, /* another machine has one of them */
} AddressVerdict;

/*
 * Compares what was asked with what is there. lease: the address that DHCP brought, or NULL for none; looked at with
 * dhcp4 only. Without a carrier there is neither duplicate detection nor a lease, and both are let pass. Addresses that were
 * there `before` and were not asked for must be gone; what else somebody added meanwhile is his.
 */
AddressVerdict address_settings_compare(const AddressSettings *settings, const GArray *kernel,
                                        const GArray *before, const HostAddress *lease, bool carrier);

/* Are the addresses the same, link-local ones and their order left out? */
bool kernel_addresses_equal(const GArray *a, const GArray *b);

G_END_DECLS
