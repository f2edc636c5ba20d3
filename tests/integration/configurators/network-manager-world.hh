/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <csignal>
#include <set>

#include "tests/support/configurator-client.hh"
#include "tests/support/network-world.hh"

/* The real NetworkManager over a NetworkWorld, and hvutils-nm as the bus starts it. */
class NetworkManagerWorld : public testing::Test {
      protected:
        static constexpr const char *name = "org.hyperv.Utils.Configurator.NetworkManager";

        void SetUp() override {
                for (const char *path :
                     { "/etc/NetworkManager/system-connections", "/run/NetworkManager", "/run/systemd" })
                        std::filesystem::remove_all(path);
                std::filesystem::create_directories("/etc/NetworkManager/system-connections");
                std::ofstream("/etc/NetworkManager/NetworkManager.conf")
                        << "[main]\nplugins=keyfile\nauth-polkit=false\nno-auto-default=*\ndns=default\n"
                           "rc-manager=unmanaged\ndhcp=internal\n[logging]\nlevel=DEBUG\n"
                           "[connectivity]\nenabled=false\n";
        }
        void TearDown() override {
                if (HasFailure() && manager)
                        std::ofstream(
                                "/tmp/nm-" +
                                std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
                                ".log")
                                << manager->errors() << manager->output();
                manager.reset();
        }

        void start_manager(int state = 30) {
                manager = std::make_unique<Process>(
                        std::vector<std::string>{ "/usr/sbin/NetworkManager", "--debug" });
                EXPECT_TRUE(wait_until([=] { return device_state() >= state; }, std::chrono::seconds(10)))
                        << nmcli({ "device" });
        }
        void kill_manager() {
                manager->kill();
        }
        void restart_manager() {
                manager->stop();
                start_manager();
        }

        /* An administrator's profile for eth0, with more in it than addresses. */
        static void write_profile(const std::string &ipv4 = "method=manual\naddress1=10.1.0.5/24\n",
                                  const std::string &more = "") {
                std::string path = profile_path("office");
                std::ofstream(path) << "[connection]\nid=office\nuuid=11111111-1111-4111-8111-111111111111\n"
                                       "type=ethernet\ninterface-name=eth0\n[ethernet]\nmtu=1400\n[ipv4]\n"
                                    << ipv4 << "dns-search=office.example;\nroute1=10.99.0.0/16,10.1.0.1\n"
                                    << "[ipv6]\nmethod=link-local\n"
                                    << more;
                chmod(path.c_str(), 0600);
        }
        static std::string profile_path(const std::string &id) {
                return "/etc/NetworkManager/system-connections/" + id + ".nmconnection";
        }
        static std::set<std::string> profiles() {
                std::set<std::string> found;
                for (const char *path :
                     { "/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections" })
                        if (std::filesystem::exists(path))
                                for (const auto &entry : std::filesystem::directory_iterator(path))
                                        found.insert(entry.path().filename().string());
                found.erase("lo.nmconnection"); /* NetworkManager's own, about the loopback device */
                return found;
        }
        void wait_for_office() {
                ASSERT_TRUE(wait_until([] { return device_state() == 100; })) << nmcli({ "device" });
                ASSERT_EQ(NetworkWorld::addresses(), std::vector<std::string>{ "10.1.0.5/24" });
        }

        /* The next call starts it anew. */
        static void end_plugin() {
                auto pid =
                        run({ "busctl", "--system", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                              "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s", name });
                ASSERT_EQ(pid.status, 0) << pid.errors;
                kill(atoi(pid.output.c_str() + 2), SIGTERM);
                EXPECT_TRUE(wait_until([] {
                        return run({ "busctl", "--system", "--auto-start=no", "status", name }).status != 0;
                }));
        }

        static std::string nmcli(std::vector<std::string> words) {
                words.insert(words.begin(), "nmcli");
                auto result = run(words);
                return result.output + result.errors;
        }
        static int device_state() {
                std::string text = nmcli({ "-t", "-g", "GENERAL.STATE", "device", "show", "eth0" });
                return atoi(text.c_str());
        }

        static std::string program() {
                return std::string(getenv("HVUTILS_BUILD_DIR")) + "/configurators/networkmanager/hvutils-nm";
        }

        NetworkWorld world{ name, program() + " --time-scale=0.3" };
        ConfiguratorClient configurator{ *world.bus, name };
        std::unique_ptr<Process> manager;
};
