/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/support/private-bus.hh"
#include "tests/support/process.hh"

/*
 * A network and a system bus of a test's own: the process moves into a network and a mount namespace, where eth0 is
 * one end of a cable whose other end, p0, lies in a second network namespace ("far"). /sys is mounted read-only, so
 * that neither NetworkManager nor networkd waits for udev, and /run, /etc/NetworkManager and /etc/systemd/network
 * are empty. Nothing of the machine's is touched, and all of it goes with the process. Needs root.
 */
class NetworkWorld {
      public:
        /* Once in a process, before anything else of it. */
        static void enter() {
                ASSERT_EQ(geteuid(), 0u) << "this suite makes namespaces: run it as root";
                ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0) << strerror(errno);
                ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << strerror(errno);
                ASSERT_EQ(mount("sysfs", "/sys", "sysfs", MS_RDONLY, nullptr), 0) << strerror(errno);
                for (const char *path :
                     { "/run", "/var/lib/NetworkManager", "/etc/NetworkManager", "/etc/systemd/network" })
                        if (std::filesystem::exists(path)) {
                                ASSERT_EQ(mount("tmpfs", path, "tmpfs", 0, "mode=0755"), 0)
                                        << path << strerror(errno);
                        }
                std::filesystem::create_directories("/run/dbus");
                ip({ "link", "set", "lo", "up" });
        }

        /* program: what the bus starts for the name. */
        NetworkWorld(const std::string &name, const std::string &program) {
                services.write("configurator.service",
                               "[D-BUS Service]\nName=" + name + "\nExec=" + program + "\nUser=root\n");
                bus = std::make_unique<PrivateBus>(policy());
                std::filesystem::remove("/run/dbus/system_bus_socket");
                std::filesystem::create_symlink(bus->socket(), "/run/dbus/system_bus_socket");
                far_holder = std::make_unique<Process>(
                        std::vector<std::string>{ "unshare", "-n", "sleep", "1000" });
                EXPECT_TRUE(wait_until([this] { return has_left(far_holder->pid()); }));
                connect_cable();
        }
        ~NetworkWorld() {
                run({ "ip", "link", "del", "eth0" });
        }

        static void ip(std::vector<std::string> words) {
                words.insert(words.begin(), "ip");
                auto result = run(words);
                EXPECT_EQ(result.status, 0) << words[1] << " " << words[2] << ": " << result.errors;
        }
        std::vector<std::string> in_far(std::vector<std::string> words) const {
                std::vector<std::string> all = { "nsenter", "-t", std::to_string(far_holder->pid()), "-n" };
                all.insert(all.end(), words.begin(), words.end());
                return all;
        }
        void far(const std::vector<std::string> &words) const {
                auto result = run(in_far(words));
                EXPECT_EQ(result.status, 0) << words[0] << ": " << result.errors;
        }

        void serve_dhcp() {
                dhcp = std::make_unique<Process>(
                        in_far({ "dnsmasq", "--keep-in-foreground", "--port=0", "--interface=p0",
                                 "--bind-interfaces", "--dhcp-range=10.1.0.100,10.1.0.120,255.255.255.0,1h",
                                 "--no-ping", "--user=root", "--dhcp-option=option:dns-server,10.1.0.1",
                                 "--conf-file=/dev/null", "--leasefile-ro", "--pid-file=" }));
        }

        /* The kernel's addresses in its order, such as "10.1.0.5/24"; link-local ones left out. */
        static std::vector<std::string> addresses(const std::string &interface = "eth0") {
                std::vector<std::string> found;
                std::istringstream lines(run({ "ip", "-o", "addr", "show", "dev", interface }).output);
                for (std::string line, word; std::getline(lines, line);) {
                        std::istringstream words(line);
                        while (words >> word)
                                if ((word == "inet" || word == "inet6") && words >> word &&
                                    word.rfind("fe80:", 0) != 0)
                                        found.push_back(word);
                }
                return found;
        }
        static std::string routes(const char *family = "-4") {
                return run({ "ip", family, "route", "show", "dev", "eth0" }).output;
        }

        std::unique_ptr<PrivateBus> bus;
        std::unique_ptr<Process> far_holder, dhcp;

      private:
        static bool has_left(pid_t pid) {
                auto theirs = "/proc/" + std::to_string(pid) + "/ns/net";
                std::error_code error;
                return std::filesystem::read_symlink(theirs, error) !=
                       std::filesystem::read_symlink("/proc/self/ns/net", error);
        }

        void connect_cable() const {
                ip({ "link", "add", "eth0", "type", "veth", "peer", "name", "p0" });
                ip({ "link", "set", "p0", "netns", std::to_string(far_holder->pid()) });
                far({ "ip", "link", "set", "p0", "up" });
                far({ "ip", "addr", "add", "10.1.0.1/24", "dev", "p0" });
                far({ "ip", "addr", "add", "fd01::1/64", "dev", "p0", "nodad" });
        }

        /* The system bus's own default policy, what is installed, and ours. */
        std::string policy() const {
                std::string source = getenv("HVUTILS_SOURCE_DIR");
                return "<servicedir>" + services.path() +
                       "</servicedir>"
                       "<policy context='default'><allow user='*'/><deny own='*'/><deny "
                       "send_type='method_call'/>"
                       "<allow send_type='signal'/><allow send_requested_reply='true' "
                       "send_type='method_return'/>"
                       "<allow send_requested_reply='true' send_type='error'/>"
                       "<allow receive_type='method_call'/><allow receive_type='method_return'/>"
                       "<allow receive_type='error'/><allow receive_type='signal'/>"
                       "<allow send_destination='org.freedesktop.DBus'/></policy>"
                       "<includedir>/usr/share/dbus-1/system.d</includedir>"
                       "<includedir>" +
                       source + "/configurators/bus-policy</includedir>";
        }

        TemporaryDirectory services;
};
