/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What others say about an interface: network stacks on the bus, and resolv.conf. */
#include "service/network/resolv-conf.h"
#include "service/network/stack.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

#include "tests/support/temporary-directory.hh"

namespace {

IpAddress address(const char *text) {
        IpAddress a;
        memset(&a, 0, sizeof a);
        a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
        EXPECT_EQ(inet_pton(a.family, text, a.family == AF_INET ? (void *) &a.in : (void *) &a.in6), 1)
                << text;
        return a;
}

std::string dns(const IpSettings &settings) {
        std::string all;
        for (size_t i = 0; i < settings.n_dns; i++) {
                char text[INET6_ADDRSTRLEN];
                const IpAddress *a = &settings.dns[i];
                inet_ntop(a->family, a->family == AF_INET ? (const void *) &a->in : (const void *) &a->in6,
                          text, sizeof text);
                all += (i ? " " : "") + std::string(text);
        }
        return all;
}

class Stacks : public testing::Test {
      protected:
        static StackEntry entry(unsigned index, const char *name, const char *server, bool dhcp = false) {
                StackEntry e;
                memset(&e, 0, sizeof e);
                e.index = index;
                g_strlcpy(e.name, name, sizeof e.name);
                e.dhcp = dhcp;
                if (*server)
                        e.dns[e.n_dns++] = address(server);
                return e;
        }

        IpSettings describe() {
                IpSettings settings = {};
                stack_describe(stack, &link, &settings);
                return settings;
        }

        void SetUp() override {
                link.index = 3;
                g_strlcpy(link.name, "eth0", sizeof link.name);
        }
        void TearDown() override {
                stack_free(stack);
        }

        Stack *stack = stack_new();
        NetLink link = {};
};

TEST_F(Stacks, KnowNothingAtFirst) {
        EXPECT_EQ(describe().n_dns, 0u);
        EXPECT_FALSE(describe().dhcp);
}

TEST_F(Stacks, NameAnInterfaceByNameOrIndex) {
        StackEntry others[] = { entry(0, "eth1", "10.0.0.1"), entry(4, "", "10.0.0.2"),
                                entry(0, "eth0", "10.0.0.3") };
        EXPECT_TRUE(stack_replace(stack, STACK_NETWORK_MANAGER, others, 3));
        EXPECT_EQ(dns(describe()), "10.0.0.3");
        StackEntry by_index = entry(3, "", "10.0.0.4");
        EXPECT_TRUE(stack_replace(stack, STACK_NETWORK_MANAGER, &by_index, 1));
        EXPECT_EQ(dns(describe()), "10.0.0.4");
}

TEST_F(Stacks, OfAnInterfaceAreBelievedBeforeAServerForAll) {
        StackEntry all = entry(0, "", "10.0.0.1");
        StackEntry own = entry(3, "", "10.0.0.2");
        stack_replace(stack, STACK_NETWORK_MANAGER, &all, 1);
        EXPECT_EQ(dns(describe()), "10.0.0.1");
        stack_replace(stack, STACK_RESOLVED, &own, 1);
        EXPECT_EQ(dns(describe()), "10.0.0.2");
}

TEST_F(Stacks, SayWhetherAnInterfaceUsesDhcp) {
        StackEntry e = entry(0, "eth0", "", true);
        stack_replace(stack, STACK_NETWORK_MANAGER, &e, 1);
        EXPECT_TRUE(describe().dhcp);
        EXPECT_EQ(describe().families, 1u) << "although there is no address yet";
}

TEST_F(Stacks, AreForgottenWhenTheyAreGone) {
        StackEntry e = entry(0, "eth0", "10.0.0.1");
        stack_replace(stack, STACK_NETWORK_MANAGER, &e, 1);
        EXPECT_FALSE(stack_replace(stack, STACK_NETWORK_MANAGER, &e, 1)) << "nothing new";
        EXPECT_TRUE(stack_replace(stack, STACK_NETWORK_MANAGER, nullptr, 0));
        EXPECT_EQ(dns(describe()), "");
}

class ResolvConfFile : public testing::Test {
      protected:
        void SetUp() override {
                std::filesystem::create_directories(root / "etc");
                std::filesystem::create_directories(root / "run/systemd/resolve");
                std::string prefix = root / "";
                prefix.pop_back();
                conf = resolv_conf_new(prefix.c_str());
        }
        void TearDown() override {
                resolv_conf_free(conf);
        }
        void write(const std::string &path, const std::string &text) {
                std::ofstream(root / path) << text;
        }
        std::string servers() {
                IpSettings settings = {};
                resolv_conf_describe(conf, &settings);
                return dns(settings);
        }

        TemporaryDirectory root;
        ResolvConf *conf = nullptr;
};

TEST_F(ResolvConfFile, MayBeMissing) {
        EXPECT_EQ(servers(), "");
}

TEST_F(ResolvConfFile, NamesServersAmongOtherThings) {
        write("etc/resolv.conf",
              "# nameserver 10.9.9.9\nsearch example\nnameserver 10.0.0.2\n"
              "nameserver\t 2001:db8::53\nnameserver fe80::1%eth0\nnameserver junk\nnameserver\n");
        EXPECT_EQ(servers(), "10.0.0.2 2001:db8::53 fe80::1");
}

TEST_F(ResolvConfFile, IsReadAgainWhenItChanged) {
        write("etc/resolv.conf", "nameserver 10.0.0.2\n");
        EXPECT_EQ(servers(), "10.0.0.2");
        write("etc/resolv.conf", "nameserver 10.0.0.77\n");
        EXPECT_EQ(servers(), "10.0.0.77");
        std::filesystem::remove(root / "etc/resolv.conf");
        EXPECT_EQ(servers(), "");
}

TEST_F(ResolvConfFile, IsNotBelievedWhenItNamesAStubAndTheServersBehindItAreKnown) {
        write("etc/resolv.conf", "nameserver 127.0.0.53\n");
        EXPECT_EQ(servers(), "127.0.0.53") << "nothing better is known";
        write("run/systemd/resolve/resolv.conf", "nameserver 10.0.0.2\n");
        EXPECT_EQ(servers(), "10.0.0.2");
}

} // namespace
