/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <csignal>
#include <thread>

#include "tests/integration/configurators/network-manager-world.hh"

/* When an injection cannot be: the caller learns why, the old configuration is back, nothing of ours is left. */

static const struct Enter : testing::Environment{ void SetUp() override{ NetworkWorld::enter();
}
}
*const enter = static_cast<Enter *>(testing::AddGlobalTestEnvironment(new Enter));

using List = std::vector<std::string>;
static const std::string error_prefix = "org.hyperv.Utils.Error.";

class NetworkManagerFailure : public NetworkManagerWorld {
      protected:
        void SetUp() override {
                NetworkManagerWorld::SetUp();
                write_profile();
                start_manager();
                wait_for_office();
                before = meaning_of(read_file(profile_path("office")));
        }

        /* NetworkManager rewrites the file with a time stamp and empty sections of its own. */
        static std::set<std::string> meaning_of(const std::string &profile) {
                std::set<std::string> lines;
                std::istringstream text(profile);
                for (std::string line; std::getline(text, line);)
                        if (line.find('=') != std::string::npos && line.rfind("timestamp=", 0) != 0)
                                lines.insert(line);
                return lines;
        }

        void expect_old_configuration(std::chrono::seconds limit = std::chrono::seconds(10)) {
                EXPECT_TRUE(
                        wait_until([] { return NetworkWorld::addresses() == List{ "10.1.0.5/24" }; }, limit))
                        << run({ "ip", "addr", "show", "dev", "eth0" }).output;
                EXPECT_EQ(meaning_of(read_file(profile_path("office"))), before);
                EXPECT_EQ(profiles(), std::set<std::string>{ "office.nmconnection" });
        }

        std::set<std::string> before;
        const Wanted other = { { { "10.1.0.6", 24 } }, { "10.1.0.1" } };
};

TEST_F(NetworkManagerFailure, OfADuplicateAddressIsSeenAndTakenBack) {
        auto answer = configurator.apply({ { { "fd01::1", 64 } } });
        EXPECT_EQ(answer.error, error_prefix + "Failed");
        EXPECT_NE(answer.message.find("Another machine"), std::string::npos) << answer.message;
        expect_old_configuration();
}

TEST_F(NetworkManagerFailure, OfADeadDhcpServerIsAnsweredInTime) {
        Wanted dhcp;
        dhcp.dhcp4 = true;
        auto answer = configurator.apply(dhcp, std::chrono::seconds(3));
        EXPECT_EQ(answer.error, error_prefix + "Failed");
        EXPECT_NE(answer.message.find("DHCP"), std::string::npos) << answer.message;
        EXPECT_LT(answer.msec, 8000);
        expect_old_configuration();
}

TEST_F(NetworkManagerFailure, OfAGatewayOffTheLinkComesBeforeAnyChange) {
        auto answer = configurator.apply({ { { "10.1.0.6", 24 } }, { "10.7.0.1" } });
        EXPECT_EQ(answer.error, error_prefix + "InvalidArgument");
        EXPECT_NE(answer.message.find("10.7.0.1"), std::string::npos) << answer.message;
        expect_old_configuration();
}

TEST_F(NetworkManagerFailure, OfWordsThatAreNoAddressesNamesThem) {
        for (const auto &wanted : { Wanted{ { { "10.1.0.300", 24 } } }, Wanted{ { { "10.1.0.3", 33 } } },
                                    Wanted{ { { "10.1.0.3", 24 } }, { "gw" } }, Wanted{} })
                EXPECT_EQ(configurator.apply(wanted).error, error_prefix + "InvalidArgument");
        expect_old_configuration();
}

TEST_F(NetworkManagerFailure, OfAnUnmanagedDeviceIsARefusal) {
        nmcli({ "device", "set", "eth0", "managed", "no" });
        ASSERT_TRUE(wait_until([] { return device_state() == 10; }));

        auto probe = configurator.probe();
        EXPECT_EQ(probe.result, "refused");
        EXPECT_EQ(probe.reason, "unmanaged by the administrator");
        EXPECT_EQ(configurator.apply(other).error, error_prefix + "Failed");
        EXPECT_EQ(device_state(), 10) << "an activation would have managed it silently";
}

TEST_F(NetworkManagerFailure, OfAnotherProgramsCheckpointIsBusy) {
        auto made = run({ "gdbus", "call", "--system", "-d", "org.freedesktop.NetworkManager", "-o",
                          "/org/freedesktop/NetworkManager", "-m",
                          "org.freedesktop.NetworkManager.CheckpointCreate", "[]", "60", "0" });
        ASSERT_EQ(made.status, 0) << made.errors;

        EXPECT_EQ(configurator.probe().reason, "busy: checkpoint");
        EXPECT_EQ(configurator.apply(other).error, error_prefix + "Busy");
        expect_old_configuration();
}

TEST_F(NetworkManagerFailure, OfAnOptedOutProfileIsARefusalByName) {
        nmcli({ "connection", "down", "office" });
        write_profile("method=manual\naddress1=10.1.0.5/24\n", "[user]\norg.hyperv.utils.skip=yes\n");
        nmcli({ "connection", "reload" });
        nmcli({ "connection", "up", "office" });

        EXPECT_EQ(configurator.probe().result, "refused");
        EXPECT_EQ(configurator.probe().reason, "profile office has the opt-out mark");
        EXPECT_EQ(configurator.apply(other).error, error_prefix + "Failed");
}

TEST_F(NetworkManagerFailure, OfAPortOfABridgeIsARefusalByName) {
        NetworkWorld::ip({ "link", "add", "br0", "type", "bridge" });
        NetworkWorld::ip({ "link", "set", "eth0", "master", "br0" });
        EXPECT_EQ(configurator.probe().reason, "is a port of br0");
        NetworkWorld::ip({ "link", "del", "br0" });
}

TEST_F(NetworkManagerFailure, OfANewerInjectionGoesBackBeforeThatComes) {
        auto first = configurator.apply_meanwhile({ { { "fd01::7", 64 } } });
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        auto second = configurator.apply(other);

        auto answer = first.get();
        EXPECT_EQ(answer.error, error_prefix + "Busy") << answer.message;
        EXPECT_EQ(second.error, "") << second.message;
        EXPECT_EQ(NetworkWorld::addresses(), List{ "10.1.0.6/24" });
}

TEST_F(NetworkManagerFailure, OfNetworkManagerThatIsNotThereIsSaid) {
        ASSERT_EQ(configurator.probe().result, "yes");
        manager->stop();
        EXPECT_TRUE(wait_until([this] { return configurator.probe().result == "absent"; }));
        EXPECT_EQ(configurator.apply(other).error, error_prefix + "Unavailable");
}

/* --- death at each step: the monitor sees a call of ours, and somebody dies --- */

class NetworkManagerDeath : public NetworkManagerFailure, public testing::WithParamInterface<const char *> {
      protected:
        /* Returns when hvutils-nm has called the method of this name. */
        void begin_until(const char *method) {
                Process monitor({ "stdbuf", "-oL", "busctl", "--system", "monitor", "--match",
                                  "type='method_call',destination='org.freedesktop.NetworkManager'" });
                ASSERT_TRUE(wait_until([&] {
                        return (monitor.errors() + monitor.output()).find("Monitoring") != std::string::npos;
                }));
                (void) configurator.probe();
                plugin = pid_of_plugin();
                running = configurator.apply_meanwhile({ { { "10.1.0.6", 24 }, { "fd01::6", 64 } } });
                ASSERT_TRUE(wait_until([&] {
                        return monitor.output().find(std::string("Member=") + method) != std::string::npos;
                })) << monitor.output();
                monitor.kill();
        }
        pid_t pid_of_plugin() const {
                auto result =
                        run({ "busctl", "--system", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                              "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s", name });
                return result.status == 0 ? atoi(result.output.c_str() + 2) : -1;
        }

        pid_t plugin = -1;
        std::future<ConfiguratorClient::Answer> running;
};

TEST_P(NetworkManagerDeath, OfThePluginBringsTheOldConfigurationBackByItself) {
        begin_until(GetParam());
        ASSERT_GT(plugin, 1);
        kill(plugin, SIGKILL);
        EXPECT_NE(running.get().error, "");
        expect_old_configuration(std::chrono::seconds(12));
}

TEST_P(NetworkManagerDeath, OfNetworkManagerIsMadeUpForWhenItComesAgain) {
        begin_until(GetParam());
        kill_manager();
        start_manager();
        auto answer = running.get();
        EXPECT_EQ(answer.error, error_prefix + "Unavailable") << answer.message;
        expect_old_configuration();
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, NetworkManagerDeath,
                         testing::Values("CheckpointCreate", "GetAppliedConnection", "Reapply"));
