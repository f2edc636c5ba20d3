/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <fcntl.h>
#include <fstream>
#include <functional>
#include <grp.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "tests/support/child.hh"
#include "tests/support/temporary-directory.hh"

/* A dbus-daemon of type system in a directory of its own. */
class PrivateBus {
      public:
        /* policy: <policy> and <includedir> elements; by default everybody may do everything. */
        explicit PrivateBus(const std::string &policy =
                                    "<policy context='default'><allow user='*'/><allow own='*'/>"
                                    "<allow send_type='method_call'/><allow send_type='signal'/>"
                                    "<allow send_requested_reply='true' send_type='method_return'/>"
                                    "<allow send_requested_reply='true' send_type='error'/>"
                                    "<allow receive_type='method_call'/><allow receive_type='method_return'/>"
                                    "<allow receive_type='error'/><allow receive_type='signal'/></policy>") {
                std::ofstream(directory_ / "bus.conf")
                        << "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN' "
                           "'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n<busconfig>"
                        << "<type>system</type><listen>unix:path=" << socket()
                        << "</listen><auth>EXTERNAL</auth>" << policy << "</busconfig>\n";
                start();
        }

        void start() {
                unlink(socket().c_str());
                daemon_ = Child({ "dbus-daemon", "--config-file=" + (directory_ / "bus.conf"), "--nofork",
                                  "--nopidfile", "--nosyslog" });
                EXPECT_TRUE(wait_until([this] { return listens(); })) << "dbus-daemon does not start";
        }
        void stop() {
                daemon_.end();
        }
        const Child &daemon() const {
                return daemon_;
        }
        std::string socket() const {
                return directory_ / "bus";
        }
        std::string address() const {
                return "unix:path=" + socket();
        }
        const TemporaryDirectory &directory() const {
                return directory_;
        }

        /* A client of the bus; calls may wait, this is a test. */
        sd_bus *connect() const {
                sd_bus *bus = nullptr;
                if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address().c_str()) < 0 ||
                    sd_bus_set_bus_client(bus, true) < 0 || sd_bus_start(bus) < 0)
                        ADD_FAILURE() << "cannot connect to the private bus";
                return bus;
        }

        bool has_name(const char *name) const {
                g_autoptr(sd_bus) bus = connect();
                g_autoptr(sd_bus_message) reply = nullptr;
                int yes = 0;
                bool ok = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                             "org.freedesktop.DBus", "NameHasOwner", nullptr, &reply, "s",
                                             name) >= 0 &&
                          sd_bus_message_read(reply, "b", &yes) >= 0 && yes;
                sd_bus_close(bus);
                return ok;
        }

      private:
        bool listens() const {
                struct sockaddr_un address = {};
                address.sun_family = AF_UNIX;
                (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket().c_str());
                auto_fd fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                return ::connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        }

        TemporaryDirectory directory_;
        Child daemon_;
};

/* What the function says, run in a process of that user (-1: ours). */
inline std::string as_user(uid_t uid, const std::function<std::string()> &body) {
        int pipes[2];
        std::string said;
        char buffer[4096];
        ssize_t n;

        if (pipe2(pipes, O_CLOEXEC) < 0)
                return "pipe";
        Child child([&] {
                if (uid != (uid_t)-1 && (initgroups("nobody", uid) < 0 || setresgid(uid, uid, uid) < 0 ||
                                         setresuid(uid, uid, uid) < 0))
                        return 1;
                std::string result = body();
                return write(pipes[1], result.data(), result.size()) < 0 ? 1 : 0;
        });
        close(pipes[1]);
        while ((n = read(pipes[0], buffer, sizeof buffer)) > 0)
                said.append(buffer, (size_t)n);
        close(pipes[0]);
        child.wait();
        return said;
}
