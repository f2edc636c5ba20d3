/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/osinfo/osinfo.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/utsname.h>
#include <vector>

#include "common/cleanup.h"
#include "tests/support/temporary-directory.hh"

namespace {

class OsInfoTest : public testing::Test {
      protected:
        OsInfoTest() {
                std::filesystem::create_directories(root / "etc");
                std::filesystem::create_directories(root / "usr/lib");
                EXPECT_GE(sd_event_new(&event), 0);
        }

        ~OsInfoTest() override {
                osinfo_free(osinfo);
                sd_event_unref(event);
        }

        void write(const char *path, const std::string &text) {
                std::ofstream(root / path) << text;
        }

        std::string get(OsFact fact) {
                if (!osinfo) {
                        EXPECT_GE(osinfo_new(event, root.path().c_str(), changed, this, &osinfo), 0);
                }
                return osinfo_get(osinfo, fact);
        }

        void run() {
                while (sd_event_run(event, 50000) > 0)
                        ;
        }

        static void changed(OsFact fact, void *userdata) {
                static_cast<OsInfoTest *>(userdata)->changes.push_back(fact);
        }

        TemporaryDirectory root;
        sd_event *event = nullptr;
        OsInfo *osinfo = nullptr;
        std::vector<OsFact> changes;
};

TEST_F(OsInfoTest, ReadsOsRelease) {
        write("etc/os-release", "# NAME=no\nPRETTY_NAME=\"x\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\n");
        EXPECT_EQ(get(OS_FACT_NAME), "Debian GNU/Linux");
        EXPECT_EQ(get(OS_FACT_MAJOR_VERSION), "12");
        EXPECT_EQ(get(OS_FACT_MINOR_VERSION), "");
}

TEST_F(OsInfoTest, PrefersEtcToUsr) {
        write("usr/lib/os-release", "NAME=usr\n");
        EXPECT_EQ(get(OS_FACT_NAME), "usr");
        write("etc/os-release", "NAME=etc\n");
        run();
        EXPECT_EQ(get(OS_FACT_NAME), "etc");
}

TEST_F(OsInfoTest, UnescapesAsAShellDoes) {
        write("etc/os-release", "NAME=\"a \\\"b\\\" \\$c\"\n");
        EXPECT_EQ(get(OS_FACT_NAME), "a \"b\" $c");
}

TEST_F(OsInfoTest, FallsBackToTheOlderFiles) {
        write("etc/redhat-release", "Red Hat\n6\n5\n");
        EXPECT_EQ(get(OS_FACT_NAME), "Red Hat");
        EXPECT_EQ(get(OS_FACT_MAJOR_VERSION), "6");
        EXPECT_EQ(get(OS_FACT_MINOR_VERSION), "5");
}

TEST_F(OsInfoTest, FallsBackToTheKernelsName) {
        EXPECT_EQ(get(OS_FACT_NAME), "Linux");
        EXPECT_EQ(get(OS_FACT_MAJOR_VERSION), "");
}

TEST_F(OsInfoTest, KnowsTheKernel) {
        struct utsname kernel;
        uname(&kernel);
        EXPECT_EQ(get(OS_FACT_BUILD_NUMBER), kernel.release);
        EXPECT_EQ(get(OS_FACT_ARCHITECTURE), kernel.machine);
        EXPECT_EQ(get(OS_FACT_VERSION),
                  std::string(kernel.release).substr(0, std::string(kernel.release).find('-')));
}

TEST_F(OsInfoTest, IsAlwaysUtf8) {
        write("etc/os-release", "NAME=\"caf\xe9\"\n");
        EXPECT_EQ(get(OS_FACT_NAME), "caf\xef\xbf\xbd");
}

TEST_F(OsInfoTest, SurvivesAFileThatIsNoText) {
        write("etc/os-release", std::string("NAME=\"unterminated\n\0\xff=\nNAME", 28));
        EXPECT_EQ(get(OS_FACT_NAME), "Linux");
}

TEST_F(OsInfoTest, SeesAnUpgrade) {
        write("etc/os-release", "NAME=one\n");
        EXPECT_EQ(get(OS_FACT_NAME), "one");
        write("etc/new", "NAME=two\n");
        std::filesystem::rename(root / "etc/new", root / "etc/os-release");
        run();
        EXPECT_EQ(get(OS_FACT_NAME), "two");
        EXPECT_EQ(changes, std::vector<OsFact>{ OS_FACT_NAME });
}

TEST_F(OsInfoTest, UsesTheHostnameUntilItIsToldTheDomain) {
        struct utsname kernel;
        uname(&kernel);
        EXPECT_EQ(get(OS_FACT_FQDN), kernel.nodename);
        EXPECT_EQ(osinfo_set_fqdn(osinfo, "vm.example.org"), 0);
        EXPECT_EQ(get(OS_FACT_FQDN), "vm.example.org");
        EXPECT_EQ(osinfo_set_fqdn(osinfo, ""), 0);
        EXPECT_EQ(get(OS_FACT_FQDN), kernel.nodename);
        EXPECT_EQ(changes, (std::vector<OsFact>{ OS_FACT_FQDN, OS_FACT_FQDN }));
}

TEST_F(OsInfoTest, RefusesWhatIsNoHostName) {
        struct utsname kernel;
        uname(&kernel);
        get(OS_FACT_FQDN);
        for (const char *name : { "getaddrinfo failed: 0x2", "a..b", "-a.b", ".", "a.b\n" })
                EXPECT_EQ(osinfo_set_fqdn(osinfo, name), -EINVAL) << name;
        EXPECT_EQ(osinfo_set_fqdn(osinfo, std::string(254, 'a').c_str()), -EINVAL);
        EXPECT_EQ(get(OS_FACT_FQDN), kernel.nodename);
}

} // namespace
