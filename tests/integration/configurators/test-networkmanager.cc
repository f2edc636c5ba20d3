/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/configurators/network-manager-world.hh"

/* Injections through the real NetworkManager, as the host would have them. */

static const struct Enter : testing::Environment{ void SetUp() override{ NetworkWorld::enter();
}
}
*const enter = static_cast<Enter *>(testing::AddGlobalTestEnvironment(new Enter));

using List = std::vector<std::string>;

TEST_F(NetworkManagerWorld, GivesAnIdleDeviceAnAddressThatStays) {
        start_manager();
        auto answer = configurator.apply({ { { "10.1.0.7", 24 } }, { "10.1.0.1" }, { "10.1.0.2" } });

        EXPECT_EQ(answer.error, "") << answer.message;
        EXPECT_EQ(NetworkWorld::addresses(), List{ "10.1.0.7/24" });
        EXPECT_NE(NetworkWorld::routes().find("default via 10.1.0.1"), std::string::npos);
        std::string profile = read_file(profile_path("Hyper-V eth0"));
        EXPECT_NE(profile.find("org.freedesktop.NetworkManager.origin=hvutils"), std::string::npos)
                << profile;
        EXPECT_NE(profile.find("address1=10.1.0.7/24"), std::string::npos) << profile;

        restart_manager();
        EXPECT_TRUE(wait_until([] { return NetworkWorld::addresses() == List{ "10.1.0.7/24" }; }));
        EXPECT_EQ(profiles(), std::set<std::string>{ "Hyper-V eth0.nmconnection" });
}

TEST_F(NetworkManagerWorld, ChangesTheProfileInUseAndNothingElseInIt) {
        write_profile();
        start_manager();
        wait_for_office();

        auto answer =
                configurator.apply({ { { "10.1.0.6", 24 } }, { "10.1.0.1" }, { "10.1.0.2", "10.1.0.3" } });
        EXPECT_EQ(answer.error, "") << answer.message;
        EXPECT_EQ(NetworkWorld::addresses(), List{ "10.1.0.6/24" });
        EXPECT_EQ(profiles(), std::set<std::string>{ "office.nmconnection" });

        std::string profile = read_file(profile_path("office"));
        for (const char *line : { "address1=10.1.0.6/24,10.1.0.1", "dns=10.1.0.2;10.1.0.3;", "mtu=1400",
                                  "dns-search=office.example;", "route1=10.99.0.0/16,10.1.0.1" })
                EXPECT_NE(profile.find(line), std::string::npos) << line << " in\n" << profile;
        EXPECT_EQ(profile.find("10.1.0.5/24"), std::string::npos) << profile;
}
