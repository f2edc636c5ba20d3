/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/hyperv.h"

#include <filesystem>
#include <gtest/gtest.h>

#include "tests/support/temporary-directory.hh"

TEST(HyperV, IsNotThereWithoutASign) {
        TemporaryDirectory sys;
        EXPECT_FALSE(hyperv_is_guest(sys.path().c_str()));
}

TEST(HyperV, ShowsItselfByTheVmbus) {
        TemporaryDirectory sys;
        std::filesystem::create_directories(sys / "bus/vmbus/devices");
        EXPECT_TRUE(hyperv_is_guest(sys.path().c_str()));
}

TEST(HyperV, ShowsItselfByTheFirmware) {
        TemporaryDirectory sys;
        sys.write("class/dmi/id/sys_vendor", "Microsoft Corporation\n");
        sys.write("class/dmi/id/product_name", "Virtual Machine\n");
        EXPECT_TRUE(hyperv_is_guest(sys.path().c_str()));
}

TEST(HyperV, IsNotALaptopOfTheSameMaker) {
        TemporaryDirectory sys;
        sys.write("class/dmi/id/sys_vendor", "Microsoft Corporation\n");
        sys.write("class/dmi/id/product_name", "Surface Laptop\n");
        EXPECT_FALSE(hyperv_is_guest(sys.path().c_str()));
}
