/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <csignal>
#include <pwd.h>
#include <thread>

#include "tests/support/configurator-client.hh"
#include "tests/support/network-world.hh"

/* Injections through the real systemd-networkd, and the ways they can fail. */

static const struct Enter : testing::Environment{ void SetUp() override{ NetworkWorld::enter();
}
}
*const enter = static_cast<Enter *>(testing::AddGlobalTestEnvironment(new Enter));

using List = std::vector<std::string>;
static const std::string error_prefix = "org.hyperv.Utils.Error.";

class Networkd : public testing::Test {
      protected:
        static constexpr const char *name = "org.hyperv.Utils.Configurator.Networkd";

        void SetUp() override {
                for (const auto &entry : std::filesystem::directory_iterator(directory))
                        std::filesystem::remove_all(entry.path());
                std::filesystem::remove_all("/run/systemd");
                const struct passwd *user = getpwnam("systemd-network");
                for (const char *path : { "links", "leases", "lldp" })
                        std::filesystem::create_directories(std::string("/run/systemd/netif/") + path);
                for (const auto &entry : std::filesystem::recursive_directory_iterator("/run/systemd/netif"))
                        ASSERT_EQ(chown(entry.path().c_str(), user->pw_uid, user->pw_gid), 0);
                ASSERT_EQ(chown("/run/systemd/netif", user->pw_uid, user->pw_gid), 0);
                std::ofstream(std::string(directory) + "/50-office.network")
                        << "[Match]\nName=eth0\n\n[Link]\nMTUBytes=1400\n\n[Network]\nDescription=office\n"
                           "Address=10.1.0.5/24\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n\n"
                           "[Route]\nDestination=10.99.0.0/16\nGateway=10.1.0.1\n";
                start_networkd();
                ASSERT_TRUE(wait_until([] { return NetworkWorld::addresses() == List{ "10.1.0.5/24" }; },
                                       std::chrono::seconds(10)))
                        << networkd->errors();
        }
        void TearDown() override {
                if (HasFailure())
                        std::cerr << networkd->errors() << networkd->output();
                networkd.reset();
        }

        void start_networkd() {
                networkd = std::make_unique<Process>(
                        std::vector<std::string>{ "/lib/systemd/systemd-networkd" },
                        Process::Options{ { { "SYSTEMD_LOG_TARGET", "console" } } });
                EXPECT_TRUE(wait_until([this] { return world.bus->has_name("org.freedesktop.network1"); }));
                EXPECT_TRUE(wait_until([this] { return configurator.probe().result == "yes"; }));
        }

        static std::set<std::string> files() {
                std::set<std::string> found;
                for (const auto &entry : std::filesystem::directory_iterator(directory))
                        found.insert(entry.path().filename().string().substr(0, 10));
                return found;
        }
        static std::string our_file() {
                for (const auto &entry : std::filesystem::directory_iterator(directory))
                        if (entry.path().extension() == ".network" &&
                            entry.path().filename().string()[1] == '5')
                                return read_file(entry.path());
                return "";
        }
        void expect_old_configuration() {
                EXPECT_TRUE(wait_until([] { return NetworkWorld::addresses() == List{ "10.1.0.5/24" }; }))
                        << run({ "ip", "addr", "show", "dev", "eth0" }).output;
                EXPECT_EQ(files(), std::set<std::string>{ "50-office." });
        }

        static constexpr const char *directory = "/etc/systemd/network";
        NetworkWorld world{ name, std::string(getenv("HVUTILS_BUILD_DIR")) +
                                          "/configurators/networkd/hvutils-networkd" };
        ConfiguratorClient configurator{ *world.bus, name };
        std::unique_ptr<Process> networkd;
};

TEST_F(Networkd, GetsAFileOfItsOwnWithAllThatWasNotAddresses) {
        auto answer = configurator.apply(
                { { { "10.1.0.6", 24 }, { "10.1.0.7", 24 } }, { "10.1.0.1" }, { "10.1.0.2", "10.1.0.3" } });
        EXPECT_EQ(answer.error, "") << answer.message;
        EXPECT_EQ(NetworkWorld::addresses(), (List{ "10.1.0.6/24", "10.1.0.7/24" }));
        EXPECT_NE(NetworkWorld::routes().find("default via 10.1.0.1"), std::string::npos);
        EXPECT_NE(NetworkWorld::routes().find("10.99.0.0/16 via 10.1.0.1"), std::string::npos);

        std::string text = our_file();
        for (const char *line :
             { "MTUBytes=1400", "Description=office", "Address=10.1.0.6/24", "DNS=10.1.0.2" })
                EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
        EXPECT_EQ(text.find("10.1.0.5/24"), std::string::npos) << text;
        EXPECT_EQ(files(), (std::set<std::string>{ "05-hyperv-", "50-office." }));

        auto described = configurator.describe();
        EXPECT_EQ(described["dns"], "10.1.0.2 10.1.0.3");
        EXPECT_EQ(described["dhcp4"], "false");
        EXPECT_EQ(described["managed"], "true");
}

TEST_F(Networkd, KeepsTheAddressesAcrossItsRestart) {
        ASSERT_EQ(configurator.apply({ { { "10.1.0.6", 24 }, { "fd01::6", 64 } } }).error, "");
        networkd->stop();
        NetworkWorld::ip({ "addr", "flush", "dev", "eth0" });
        start_networkd();
        EXPECT_TRUE(wait_until([] {
                return NetworkWorld::addresses() == List{ "10.1.0.6/24", "fd01::6/64" };
        }));
}

TEST_F(Networkd, TakesALease) {
        world.serve_dhcp();
        Wanted dhcp;
        dhcp.dhcp4 = true;
        auto answer = configurator.apply(dhcp);
        EXPECT_EQ(answer.error, "") << answer.message;
        auto found = NetworkWorld::addresses();
        ASSERT_EQ(found.size(), 1u);
        EXPECT_EQ(found[0].rfind("10.1.0.1", 0), 0u) << found[0];
        EXPECT_EQ(configurator.describe()["dhcp4"], "true");
}

TEST_F(Networkd, GoesBackToWhatItsAdministratorWrote) {
        ASSERT_EQ(configurator.apply({ { { "10.1.0.6", 24 } } }).error, "");
        EXPECT_TRUE(configurator.revert().reverted);
        expect_old_configuration();
        EXPECT_FALSE(configurator.revert().reverted);
}

TEST_F(Networkd, IsPutBackAfterADuplicateAddress) {
        auto answer = configurator.apply({ { { "fd01::1", 64 } } });
        EXPECT_EQ(answer.error, error_prefix + "Failed") << answer.message;
        expect_old_configuration();
}

TEST_F(Networkd, IsPutBackAfterADeadDhcpServer) {
        Wanted dhcp;
        dhcp.dhcp4 = true;
        auto answer = configurator.apply(dhcp, std::chrono::seconds(2));
        EXPECT_EQ(answer.error, error_prefix + "Failed") << answer.message;
        expect_old_configuration();
}

TEST_F(Networkd, IsPutBackByTheNextProcessWhenOneDied) {
        auto answer = configurator.apply_meanwhile({ { { "fd01::7", 64 } } });
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        auto pid = run({ "busctl", "--system", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                         "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s", name });
        ASSERT_EQ(pid.status, 0) << pid.errors;
        kill(atoi(pid.output.c_str() + 2), SIGKILL);
        EXPECT_NE(answer.get().error, "");
        EXPECT_EQ(configurator.probe().result, "yes");
        expect_old_configuration();
}

TEST_F(Networkd, ThatIsNotThereIsSaid) {
        networkd->stop();
        EXPECT_EQ(configurator.probe().result, "absent");
        EXPECT_EQ(configurator.apply({ { { "10.1.0.6", 24 } } }).error, error_prefix + "Unavailable");
}

TEST_F(Networkd, DoesNotTakeNonsense) {
        EXPECT_EQ(configurator.apply({ { { "10.1.0.300", 24 } } }).error, error_prefix + "InvalidArgument");
        EXPECT_EQ(configurator.apply({ { { "10.1.0.6", 24 } }, { "10.7.0.1" } }).error,
                  error_prefix + "InvalidArgument");
        expect_old_configuration();
}

TEST_F(Networkd, CannotBeConfiguredByJustAnybody) {
        std::string said = as_user(65534, [this] { return configurator.probe().error; });
        EXPECT_EQ(said, "org.freedesktop.DBus.Error.AccessDenied");
}
