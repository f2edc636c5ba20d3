/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Against the real kernel, in a network of the test's own: this process moves into a new network namespace,
 * where it makes bridges with ip(8). Needs root, or a user namespace. */
#include "service/network/adapters.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <vector>

#include "common/cleanup.h"

namespace {

bool enter_private_network() {
        static const bool entered = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
        return entered;
}

void ip(const std::string &arguments) {
        ASSERT_EQ(system(("ip " + arguments).c_str()), 0) << arguments;
}

class AdaptersTest : public testing::Test {
      protected:
        void SetUp() override {
                if (!enter_private_network())
                        GTEST_SKIP() << "no private network to be had";
                ASSERT_GE(sd_event_new(&event), 0);
                ip("link set lo up");
        }

        void TearDown() override {
                adapters_free(adapters);
                sd_event_unref(event);
                for (const std::string &link : links)
                        ip("link del " + link);
        }

        void add(const std::string &link) {
                ip("link add " + link + " type bridge");
                links.push_back(link);
                ip("link set " + link + " up");
        }

        void start(const char *exclude = nullptr, const char *primary = nullptr) {
                char *excludes[] = { const_cast<char *>(exclude), nullptr };
                char *primaries[] = { const_cast<char *>(primary), nullptr };
                ASSERT_GE(adapters_new(event, excludes, primaries, changed, this, &adapters), 0);
        }

        std::string list(int family, size_t max = 1022) {
                return adapters_list_addresses(adapters, family, max);
        }

        void run() {
                while (sd_event_run(event, 50000) > 0)
                        ;
        }

        static void changed(void *userdata) {
                static_cast<AdaptersTest *>(userdata)->changes++;
        }

        sd_event *event = nullptr;
        Adapters *adapters = nullptr;
        int changes = 0;
        std::vector<std::string> links;
};

TEST_F(AdaptersTest, NeverReportsTheLoopback) {
        start();
        EXPECT_EQ(list(AF_INET), "");
        EXPECT_EQ(list(AF_INET6), "");
}

TEST_F(AdaptersTest, KnowsTheAddressesAtBirth) {
        add("d0");
        ip("addr add 10.0.0.4/24 dev d0");
        ip("addr add 10.0.0.5/24 dev d0");
        start();
        EXPECT_EQ(list(AF_INET), "10.0.0.4;10.0.0.5");
}

TEST_F(AdaptersTest, FollowsWhatComesAndGoes) {
        add("d0");
        start();
        EXPECT_EQ(list(AF_INET), "");
        ip("addr add 10.0.0.4/24 dev d0");
        run();
        EXPECT_EQ(list(AF_INET), "10.0.0.4");
        EXPECT_GE(changes, 1);
        ip("addr del 10.0.0.4/24 dev d0");
        run();
        EXPECT_EQ(list(AF_INET), "");
}

TEST_F(AdaptersTest, HidesAnInterfaceThatIsDown) {
        add("d0");
        ip("addr add 10.0.0.4/24 dev d0");
        start();
        ip("link set d0 down");
        run();
        EXPECT_EQ(list(AF_INET), "");
        ip("link set d0 up");
        run();
        EXPECT_EQ(list(AF_INET), "10.0.0.4");
}

TEST_F(AdaptersTest, ForgetsARemovedInterface) {
        add("d0");
        ip("addr add 10.0.0.4/24 dev d0");
        start();
        ip("link del d0");
        links.clear();
        run();
        EXPECT_EQ(list(AF_INET), "");
}

TEST_F(AdaptersTest, LeavesOutWhatIsExcludedByItsWholeName) {
        add("veth1");
        add("xveth1");
        ip("addr add 10.0.0.4/24 dev veth1");
        ip("addr add 10.0.1.4/24 dev xveth1");
        start("veth*");
        EXPECT_EQ(list(AF_INET), "10.0.1.4");
}

TEST_F(AdaptersTest, ReportsPrimaryInterfacesFirst) {
        add("d0");
        add("d1");
        ip("addr add 10.0.0.4/24 dev d0");
        ip("addr add 10.0.1.4/24 dev d1");
        start(nullptr, "d1");
        EXPECT_EQ(list(AF_INET), "10.0.1.4;10.0.0.4");
        char *none[] = { nullptr };
        adapters_set_filters(adapters, none, none);
        EXPECT_EQ(list(AF_INET), "10.0.0.4;10.0.1.4");
        EXPECT_EQ(changes, 1);
}

TEST_F(AdaptersTest, ReportsLinkLocalAddressesLast) {
        add("d0");
        add("d1");
        ip("addr flush dev d0");
        ip("addr flush dev d1");
        ip("addr add fe80::1/64 dev d0 nodad");
        ip("addr add 2001:db8::1/64 dev d1 nodad");
        start();
        EXPECT_EQ(list(AF_INET6), "2001:db8::1;fe80::1");
}

TEST_F(AdaptersTest, CutsBetweenAddresses) {
        add("d0");
        ip("addr add 10.0.0.4/24 dev d0");
        ip("addr add 10.0.0.5/24 dev d0");
        start();
        EXPECT_EQ(list(AF_INET, 17), "10.0.0.4;10.0.0.5");
        EXPECT_EQ(list(AF_INET, 16), "10.0.0.4");
        EXPECT_EQ(list(AF_INET, 8), "10.0.0.4");
        EXPECT_EQ(list(AF_INET, 7), "");
}

TEST_F(AdaptersTest, CatchesUpAfterMoreNewsThanItsSocketHolds) {
        add("d0");
        start();
        FILE *commands = popen("ip -batch -", "w");
        ASSERT_NE(commands, nullptr);
        for (int i = 0; i < 4000; i++)
                fprintf(commands, "addr add 10.%d.%d.1/32 dev d0\n", i / 250 + 1, i % 250);
        ASSERT_EQ(pclose(commands), 0);
        run();
        std::string all = list(AF_INET, 1 << 20);
        EXPECT_EQ(std::count(all.begin(), all.end(), ';'), 3999) << "4,000 addresses";
}

} // namespace
