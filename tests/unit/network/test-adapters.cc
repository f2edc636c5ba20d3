/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Against the real kernel, in a network of the test's own: this process moves into a new network namespace,
 * where it makes bridges with ip(8). Needs root, or a user namespace. */
#include "service/network/adapters.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <vector>

#include "common/cleanup.h"
#include "tests/support/temporary-directory.hh"

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
                std::string net = sysfs / "net";
                AdaptersSetup setup = {};
                setup.sysfs = net.c_str();
                setup.exclude = excludes;
                setup.primary = primaries;
                setup.changed = changed;
                setup.userdata = this;
                ASSERT_GE(adapters_new(event, &setup, &adapters), 0);
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

        /* What makes a link an adapter of the host. */
        void give_guid(const std::string &link, const std::string &guid) {
                std::string device = sysfs / ("net/" + link + "/device");
                std::filesystem::create_directories(device);
                std::ofstream(device + "/device_id") << "{" << guid << "}\n";
        }

        const NetLink *find(const char *mac) {
                uint8_t message[KVP_MESSAGE_SIZE], bytes[6];
                ip_wire_request_get(message, mac);
                EXPECT_EQ(ip_wire_parse_get(message, bytes), 0);
                return net_tables_find_mac(adapters_get_tables(adapters), bytes);
        }

        std::string name(const char *mac) {
                const NetLink *link = find(mac);
                return link ? link->name : "";
        }

        /* "10.0.0.4/24 …" */
        static std::string words(const IpAddress *addresses, size_t n, bool with_prefix) {
                std::string all;
                for (size_t i = 0; i < n; i++) {
                        char text[INET6_ADDRSTRLEN];
                        const IpAddress *a = &addresses[i];
                        inet_ntop(a->family,
                                  a->family == AF_INET ? (const void *) &a->in : (const void *) &a->in6, text,
                                  sizeof text);
                        all += (i ? " " : "") + std::string(text);
                        if (with_prefix)
                                all += "/" + std::to_string(a->prefix);
                }
                return all;
        }

        IpSettings describe(const std::string &link) {
                const NetTables *tables = adapters_get_tables(adapters);
                IpSettings settings = {};
                for (guint i = 0; i < tables->links->len; i++)
                        if (link == g_array_index(tables->links, NetLink, i).name)
                                adapters_describe(adapters, &g_array_index(tables->links, NetLink, i),
                                                  &settings);
                return settings;
        }

        std::string addresses(const std::string &link) {
                IpSettings settings = describe(link);
                return words(settings.addresses, settings.n_addresses, true);
        }

        std::string gateways(const std::string &link) {
                IpSettings settings = describe(link);
                return words(settings.gateways, settings.n_gateways, false);
        }

        TemporaryDirectory sysfs;
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

/* --- one adapter --- */

constexpr char guid_a[] = "f8615163-df3e-46c5-913f-f2d2f965ed0e";
constexpr char mac_a[] = "00:15:5D:01:02:03";

TEST_F(AdaptersTest, KnowsAnAdapterByItsMacInAnyCase) {
        ip("link add d0 address 00:15:5d:01:02:03 type bridge");
        links.push_back("d0");
        start();
        EXPECT_EQ(name("00:15:5D:01:02:03"), "d0");
        EXPECT_EQ(name("00-15-5d-01-02-03"), "d0");
        EXPECT_EQ(name("00:15:5D:01:02:04"), "");
}

TEST_F(AdaptersTest, KnowsAnAdapterByItsGuid) {
        add("d0");
        give_guid("d0", "F8615163-DF3E-46C5-913F-F2D2F965ED0E");
        start();
        const NetLink *link = net_tables_find_guid(adapters_get_tables(adapters), guid_a);
        ASSERT_NE(link, nullptr);
        EXPECT_STREQ(link->name, "d0");
        EXPECT_EQ(net_tables_find_guid(adapters_get_tables(adapters), ""), nullptr)
                << "a link without GUID is not found by an empty one";
}

TEST_F(AdaptersTest, DoesNotTakeAnyFileForAGuid) {
        add("d0");
        give_guid("d0", "f8615163-df3e-46c5-913f-f2d2f965ed0g");
        start();
        EXPECT_STREQ(find(mac_a) ? find(mac_a)->guid : "", "");
        for (guint i = 0; i < adapters_get_tables(adapters)->links->len; i++)
                EXPECT_STREQ(g_array_index(adapters_get_tables(adapters)->links, NetLink, i).guid, "");
}

TEST_F(AdaptersTest, FollowsAnAdapterThatIsRenamed) {
        add("d0");
        give_guid("d0", guid_a);
        give_guid("lan", guid_a);
        start();
        ip("link set d0 down");
        ip("link set d0 name lan");
        links = { "lan" };
        run();
        const NetLink *link = net_tables_find_guid(adapters_get_tables(adapters), guid_a);
        ASSERT_NE(link, nullptr);
        EXPECT_STREQ(link->name, "lan");
}

TEST_F(AdaptersTest, NeverMeansTheVirtualFunction) {
        /* The VF comes first, has the same MAC, and is enslaved to the synthetic device. */
        ip("link add vf0 address 00:15:5d:01:02:03 type veth peer name p0");
        ip("link add d0 address 00:15:5d:01:02:03 type bridge");
        links = { "vf0", "d0" };
        ip("link set vf0 master d0");
        give_guid("d0", guid_a);
        start();
        EXPECT_EQ(name(mac_a), "d0");
}

TEST_F(AdaptersTest, ShowsTheAddressesOfTheBridgeWhosePortAnAdapterIs) {
        ip("link add br0 type bridge");
        ip("link add d0 address 00:15:5d:01:02:03 type veth peer name p0");
        ip("link set d0 master br0");
        links = { "d0", "br0" };
        ip("addr add 10.0.0.4/24 dev br0");
        give_guid("d0", guid_a);
        start();
        EXPECT_EQ(addresses("d0"), "10.0.0.4/24");
}

TEST_F(AdaptersTest, DescribesFamiliesInOrderWithPrefixes) {
        add("d0");
        ip("addr flush dev d0");
        ip("addr add fe80::1/64 dev d0 nodad");
        ip("addr add 2001:db8::1/48 dev d0 nodad");
        ip("addr add 10.0.0.4/24 dev d0");
        ip("addr add 10.0.0.5/24 dev d0");
        ip("addr add 192.168.7.1/30 dev d0");
        start();
        EXPECT_EQ(addresses("d0"), "10.0.0.4/24 192.168.7.1/30 10.0.0.5/24 2001:db8::1/48 fe80::1/64")
                << "the kernel's order: the first address of each network before the others";
        EXPECT_EQ(describe("d0").families, 3u);
        EXPECT_FALSE(describe("d0").dhcp);
}

TEST_F(AdaptersTest, TellsALeaseByItsLifetime) {
        add("d0");
        ip("addr add 10.0.0.4/24 dev d0 valid_lft 3600 preferred_lft 1800");
        start();
        EXPECT_TRUE(describe("d0").dhcp);
        ip("addr change 10.0.0.4/24 dev d0 valid_lft forever preferred_lft forever");
        run();
        EXPECT_FALSE(describe("d0").dhcp);
}

TEST_F(AdaptersTest, DescribesGatewaysOfBothFamiliesByMetric) {
        add("d0");
        add("d1");
        ip("addr add 10.0.0.4/24 dev d0");
        ip("addr add 10.0.1.4/24 dev d1");
        ip("addr add 2001:db8::4/64 dev d0 nodad");
        ip("route add default via 10.0.0.2 dev d0 metric 200");
        ip("route add default via 10.0.0.1 dev d0 metric 100");
        ip("route add default via 10.0.1.1 dev d1 metric 300");
        ip("route add 10.9.0.0/16 via 10.0.0.9 dev d0");
        ip("-6 route add default via 2001:db8::1 dev d0");
        start();
        EXPECT_EQ(gateways("d0"), "10.0.0.1 10.0.0.2 2001:db8::1");
        EXPECT_EQ(gateways("d1"), "10.0.1.1");
}

TEST_F(AdaptersTest, DescribesTheHopsOfAMultipathRoute) {
        add("d0");
        add("d1");
        ip("addr add 10.0.0.4/24 dev d0");
        ip("addr add 10.0.1.4/24 dev d1");
        ip("route add default nexthop via 10.0.0.1 dev d0 nexthop via 10.0.1.1 dev d1");
        start();
        EXPECT_EQ(gateways("d0"), "10.0.0.1");
        EXPECT_EQ(gateways("d1"), "10.0.1.1");
        ip("route del default");
        run();
        EXPECT_EQ(gateways("d0") + gateways("d1"), "");
}

TEST_F(AdaptersTest, FollowsRoutesThatComeAreReplacedAndGo) {
        add("d0");
        ip("addr add 10.0.0.4/24 dev d0");
        start();
        ip("route add default via 10.0.0.1 dev d0");
        run();
        EXPECT_EQ(gateways("d0"), "10.0.0.1");
        ip("route replace default via 10.0.0.2 dev d0");
        run();
        EXPECT_EQ(gateways("d0"), "10.0.0.2");
        ip("route del default");
        run();
        EXPECT_EQ(gateways("d0"), "");
}

TEST_F(AdaptersTest, ForgetsRoutesTheKernelTakesWithoutAWord) {
        add("d0");
        ip("addr add 10.0.0.4/24 dev d0");
        ip("route add default via 10.0.0.1 dev d0");
        start();
        EXPECT_EQ(gateways("d0"), "10.0.0.1");
        ip("link set d0 down");
        run();
        EXPECT_EQ(gateways("d0"), "") << "the link went down";
        ip("link set d0 up");
        ip("route add default via 10.0.0.1 dev d0");
        run();
        EXPECT_EQ(gateways("d0"), "10.0.0.1");
        ip("addr del 10.0.0.4/24 dev d0");
        run();
        EXPECT_EQ(gateways("d0"), "") << "the last address went";
}

} // namespace
