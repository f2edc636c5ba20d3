/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/status.h"

#include <gtest/gtest.h>
#include <linux/hyperv.h>

TEST(WireStatus, HasTheValuesOfTheKernel) {
        EXPECT_EQ(WIRE_STATUS_OK, HV_S_OK);
        EXPECT_EQ(WIRE_STATUS_FAIL, HV_E_FAIL);
        EXPECT_EQ(WIRE_STATUS_NO_MORE, HV_S_CONT);
        EXPECT_EQ(WIRE_STATUS_NOT_SUPPORTED, HV_ERROR_NOT_SUPPORTED);
        EXPECT_EQ(WIRE_STATUS_INVALID, HV_INVALIDARG);
        EXPECT_EQ(WIRE_STATUS_NO_ADAPTER, HV_GUID_NOTFOUND);
        EXPECT_EQ(WIRE_STATUS_EXISTS, HV_ERROR_ALREADY_EXISTS);
        EXPECT_EQ(WIRE_STATUS_DISK_FULL, HV_ERROR_DISK_FULL);
}

/* The VSS driver looks at the first byte of a reply, where the status lies over the operation: these two it would take for
 * a registration. */
TEST(WireStatus, IsNeverMistakenForARegistrationForSnapshots) {
        for (WireStatus status : { WIRE_STATUS_OK, WIRE_STATUS_FAIL, WIRE_STATUS_NO_MORE, WIRE_STATUS_NOT_SUPPORTED,
                                   WIRE_STATUS_INVALID, WIRE_STATUS_NO_ADAPTER, WIRE_STATUS_EXISTS,
                                   WIRE_STATUS_DISK_FULL }) {
                EXPECT_NE(status & 0xff, static_cast<WireStatus>(VSS_OP_REGISTER)) << status;
                EXPECT_NE(status & 0xff, static_cast<WireStatus>(VSS_OP_REGISTER1)) << status;
        }
}
