/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/uio-sysfs.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary-directory.hh"

namespace fs = std::filesystem;

namespace {

const char *fcopy_class = "{34d14be3-dee4-41c8-9ae7-6b174977c192}";

class UioSysfs : public testing::Test {
      protected:
        UioSysfs() {
                EXPECT_TRUE(uio_place_init(&place, root().c_str()));
        }
        ~UioSysfs() override {
                uio_place_done(&place);
                uio_device_done(&device);
        }

        std::string root() const {
                return directory.path();
        }
        void write(const std::string &path, const std::string &text) {
                fs::path file = fs::path(root()) / "sys/bus/vmbus/devices" / path;
                fs::create_directories(file.parent_path());
                std::ofstream(file) << text;
        }
        void bound(const std::string &guid, const std::string &node, const std::string &size,
                   const std::string &name = "txrx_rings\n") {
                write(guid + "/uio/" + node + "/maps/map0/name", name);
                write(guid + "/uio/" + node + "/maps/map0/size", size);
        }
        int find() {
                return uio_device_find(&device, &place, fcopy_class);
        }

        TemporaryDirectory directory;
        UioPlace place = {};
        UioDevice device = {};
};

} // namespace

TEST_F(UioSysfs, FindsTheClassWhateverTheInstanceAndTheNumber) {
        write("11111111-0000-0000-0000-000000000000/class_id", "{9527e630-d0ae-497b-adce-e80ab0175caf}\n");
        write("abababab-1234-49b6-b4aa-c123b64d17d4/class_id", "{34D14BE3-DEE4-41C8-9AE7-6B174977C192}\n");
        bound("abababab-1234-49b6-b4aa-c123b64d17d4", "uio17", "0x000000000000a000\n");
        ASSERT_EQ(find(), 0);
        EXPECT_EQ(device.node, root() + "/dev/uio17");
        EXPECT_EQ(device.map_size, 0xa000u);
}

TEST_F(UioSysfs, SaysThatTheHostOffersNothing) {
        EXPECT_EQ(find(), -ENOENT);
        write("11111111-0000-0000-0000-000000000000/class_id", "{9527e630-d0ae-497b-adce-e80ab0175caf}\n");
        EXPECT_EQ(find(), -ENOENT);
}

TEST_F(UioSysfs, WaitsForTheBindingAndForTheAttributes) {
        write("a/class_id", std::string(fcopy_class) + "\n");
        EXPECT_EQ(find(), -ENXIO);
        write("a/uio/uio0/maps/map0/name", "txrx_rings\n");
        EXPECT_EQ(find(), -ENXIO);
        write("a/uio/uio0/maps/map0/size", "0x8000\n");
        EXPECT_EQ(find(), 0);
}

TEST_F(UioSysfs, RefusesAMapThatIsNoPairOfRings) {
        write("a/class_id", fcopy_class);
        bound("a", "uio0", "0xa000\n", "int_page\n");
        EXPECT_EQ(find(), -EINVAL);
        for (const char *size :
             { "", "0x0\n", "large\n", "0xffffffffffffffff\n", "-1\n", "0xa000 bytes\n" }) {
                bound("a", "uio0", size);
                EXPECT_EQ(find(), -EINVAL) << size;
        }
}

TEST(UioPlace, IsThisMachineADirectoryOrANode) {
        TemporaryDirectory directory;
        UioPlace place = {};

        ASSERT_TRUE(uio_place_init(&place, nullptr));
        EXPECT_STREQ(place.sysfs, "/sys");
        EXPECT_STREQ(place.dev, "/dev");
        uio_place_done(&place);

        ASSERT_TRUE(uio_place_init(&place, "/dev/uio3"));
        EXPECT_STREQ(place.sysfs, "/sys");
        EXPECT_STREQ(place.dev, "/dev");
        uio_place_done(&place);

        ASSERT_TRUE(uio_place_init(&place, directory.path().c_str()));
        EXPECT_EQ(place.dev, directory.path() + "/dev");
        uio_place_done(&place);

        EXPECT_FALSE(uio_place_init(&place, "/dev/vmbus/hv_fcopy"));
}
