/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"

namespace fs = std::filesystem;

/* data/fcopy-bind.sh over a sysfs of plain files. */

namespace {

const std::string fcopy = "34d14be3-dee4-41c8-9ae7-6b174977c192";

class FcopyBind : public testing::Test {
      protected:
        std::string path(const std::string &below) const {
                return root.path() + "/bus/vmbus/" + below;
        }
        void make(const std::string &file, const std::string &text) {
                fs::create_directories(fs::path(path(file)).parent_path());
                root.write("bus/vmbus/" + file, text);
        }
        int bind() {
                Process script(
                        { std::string(getenv("HVUTILS_SOURCE_DIR")) + "/data/fcopy-bind.sh", root.path() });
                return script.wait();
        }
        std::string new_id() {
                return read_file(path("drivers/uio_hv_generic/new_id"));
        }

        TemporaryDirectory root;
};

} // namespace

TEST_F(FcopyBind, WritesTheClassOfAnUnboundDevice) {
        make("drivers/uio_hv_generic/new_id", "");
        make("devices/any-instance/class_id", "{34D14BE3-dee4-41c8-9ae7-6b174977c192}\n");
        EXPECT_EQ(bind(), 0);
        EXPECT_EQ(new_id(), fcopy + "\n");
}

TEST_F(FcopyBind, LeavesADeviceThatHasADriver) {
        make("drivers/uio_hv_generic/new_id", "");
        make("devices/any-instance/class_id", "{" + fcopy + "}\n");
        make("devices/any-instance/driver", "hv_utils");
        EXPECT_EQ(bind(), 0);
        EXPECT_EQ(new_id(), "");
}

TEST_F(FcopyBind, LeavesOtherClasses) {
        make("drivers/uio_hv_generic/new_id", "");
        make("devices/any-instance/class_id", "{9527e630-d0ae-497b-adce-e80ab0175caf}\n");
        EXPECT_EQ(bind(), 0);
        EXPECT_EQ(new_id(), "");
}

TEST_F(FcopyBind, FailsWhenTheKernelDoesNotTakeTheClass) {
        fs::create_directories(path("drivers/uio_hv_generic"));
        fs::create_symlink("/dev/full", path("drivers/uio_hv_generic/new_id"));
        make("devices/any-instance/class_id", "{" + fcopy + "}\n");
        EXPECT_NE(bind(), 0);
}
