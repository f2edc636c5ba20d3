/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <regex>

#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"

/* The units, activation files and bus policies of the configurators. */

struct Which {
        const char *folder, *program, *name;
};

class ConfiguratorUnits : public testing::TestWithParam<Which> {
      protected:
        std::string built(const std::string &file) const {
                return std::string(getenv("HVUTILS_BUILD_DIR")) + "/configurators/" + GetParam().folder +
                       "/" + file;
        }
        std::string unit() const {
                return std::string(GetParam().program) + ".service";
        }
        std::string name() const {
                return std::string("org.hyperv.Utils.Configurator.") + GetParam().name;
        }
};

TEST_P(ConfiguratorUnits, AreUnderstoodBySystemd) {
        TemporaryDirectory units;
        units.write(unit(), std::regex_replace(read_file(built(unit())), std::regex("ExecStart=\\S*"),
                                               "ExecStart=/bin/true"));
        auto result = run({ "systemd-analyze", "verify", "--man=no", units / unit() });
        EXPECT_EQ(result.status, 0);
        EXPECT_EQ(result.output + result.errors, "");
}

TEST_P(ConfiguratorUnits, ExposeLittle) {
        auto exposure = [this](const char *threshold) {
                return run({ "systemd-analyze", "security", "--offline=true", "--no-pager",
                             std::string("--threshold=") + threshold, built(unit()) });
        };
        EXPECT_EQ(exposure("20").status, 0) << exposure("20").output;
        EXPECT_NE(exposure("5").status, 0) << "the threshold is not looked at";
}

TEST_P(ConfiguratorUnits, AreStartedByTheBusUnderTheirName) {
        std::string text = read_file(built(name() + ".service"));
        EXPECT_NE(text.find("\nName=" + name() + "\n"), std::string::npos) << text;
        EXPECT_NE(text.find("\nSystemdService=" + unit() + "\n"), std::string::npos) << text;
        EXPECT_NE(read_file(built(unit())).find("\nBusName=" + name() + "\n"), std::string::npos);
}

TEST_P(ConfiguratorUnits, AreInstalledWithAPolicyThatDenies) {
        TemporaryDirectory root;
        auto result = run({ "meson", "install", "-C", getenv("HVUTILS_BUILD_DIR"), "--no-rebuild",
                            "--destdir", root.path() },
                          {}, std::chrono::seconds(120));
        ASSERT_EQ(result.status, 0) << result.output << result.errors;
        auto listed = run({ "find", root.path(), "-type", "f", "-printf", "/%P\n" }).output;
        for (const auto &file : { "/system.d/" + name() + ".conf", "/system-services/" + name() + ".service",
                                  "/hvutils/" + std::string(GetParam().program),
                                  "/man8/" + std::string(GetParam().program) + ".8", "/system/" + unit() })
                EXPECT_NE(listed.find(file + "\n"), std::string::npos) << file;
}

INSTANTIATE_TEST_SUITE_P(All, ConfiguratorUnits,
                         testing::Values(Which{ "networkmanager", "hvutils-nm", "NetworkManager" },
                                         Which{ "networkd", "hvutils-networkd", "Networkd" }));
