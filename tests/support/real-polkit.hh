/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>

#include "tests/support/child.hh"
#include "tests/support/private-bus.hh"
#include "tests/support/process.hh"

/*
 * The polkitd of the distribution on a private bus with our policies, in a mount name space of the test's
 * process: over /etc/passwd and /etc/group lie copies with our users, over polkit's directories such with our
 * actions and the test's rules, over /run/systemd an empty one (no session is known to anybody). Nothing of
 * the machine changes. Needs root.
 *
 * Users: hvutils (61230, the daemon), hvuser (61234, in group deploy), hvplain (61235).
 */
class RealPolkit {
      public:
        static constexpr uid_t hvutils = 61230, hvuser = 61234, hvplain = 61235;
        static constexpr const char *program = "/usr/lib/polkit-1/polkitd";

        static bool possible() {
                return getuid() == 0 && access(program, X_OK) == 0;
        }

        RealPolkit(const std::string &source, const std::string &rules) {
                enter_name_space();
                make_users();
                make_polkit_directories(source, rules);
                mount_sessions();
                mkdir((directory_ / "system.d").c_str(), 0755);
                copy(source + "/dbus/org.hyperv.Utils.conf", directory_ / "system.d/org.hyperv.Utils.conf");
                bus = std::make_unique<PrivateBus>(policy());
                start();
        }
        ~RealPolkit() {
                stop();
                bus.reset();
                for (auto i = mounts_.rbegin(); i != mounts_.rend(); ++i)
                        umount2(i->c_str(), MNT_DETACH);
        }

        void start() {
                Process::Options options;
                options.environment["DBUS_SYSTEM_BUS_ADDRESS"] = bus->address();
                daemon_ = std::make_unique<Process>(std::vector<std::string>{ program }, options);
                EXPECT_TRUE(wait_until([&] { return bus->has_name("org.freedesktop.PolicyKit1"); }));
        }
        void stop() {
                if (daemon_)
                        daemon_->stop();
                daemon_.reset();
        }
        /* Replaces a file of actions or rules; polkitd notices by itself, after a while. */
        void write_action(const std::string &name, const std::string &text) {
                write(directory_ / ("actions/" + name), text);
        }
        static std::string read(const std::string &path) {
                std::ifstream file(path);
                return std::string(std::istreambuf_iterator<char>(file), {});
        }
        std::unique_ptr<PrivateBus> bus;

        /* Makes session c1 of hvplain known, active or not. */
        static void write_session(bool active) {
                std::string state = active ? "active" : "online", uid = std::to_string(hvplain);
                write("/run/systemd/sessions/c1",
                      "UID=" + uid + "\nUSER=hvplain\nACTIVE=" + (active ? "1" : "0") + "\nSTATE=" + state +
                              "\nREMOTE=0\nTYPE=x11\nCLASS=user\nSEAT=seat0\n");
                write("/run/systemd/users/" + uid, "NAME=hvplain\nSTATE=" + state +
                                                           "\nDISPLAY=c1\nSESSIONS=c1\n" +
                                                           (active ? "ACTIVE_SESSIONS=c1\n" : ""));
                write("/run/systemd/seats/seat0",
                      "ACTIVE=c1\nACTIVE_UID=" + uid + "\nSESSIONS=c1\nUIDS=" + uid + "\n");
        }

        /* The control group that says "session c1" of a process, below whatever hierarchy there is; "" = none
         * can be made. */
        static std::string make_session_group() {
                std::string made;
                for (const char *top :
                     { "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup" }) {
                        std::string group = std::string(top) + "/user.slice";
                        if (access((std::string(top) + "/cgroup.procs").c_str(), W_OK) < 0)
                                continue;
                        mkdir(group.c_str(), 0755);
                        mkdir((group += "/user-" + std::to_string(hvplain) + ".slice").c_str(), 0755);
                        mkdir((group += "/session-c1.scope").c_str(), 0755);
                        if (access((group + "/cgroup.procs").c_str(), W_OK) == 0)
                                made += group + "\n";
                }
                return made;
        }
        static void enter_groups(const std::string &groups) {
                each_line(groups, [](const std::string &group) {
                        write(group + "/cgroup.procs", std::to_string(getpid()));
                });
        }
        static void remove_groups(const std::string &groups) {
                each_line(groups, [](std::string group) {
                        for (int i = 0; i < 3; i++, group = group.substr(0, group.rfind('/')))
                                rmdir(group.c_str());
                });
        }

      private:
        static void each_line(const std::string &lines,
                              const std::function<void(const std::string &)> &body) {
                for (size_t start = 0, end; (end = lines.find('\n', start)) != std::string::npos;
                     start = end + 1)
                        body(lines.substr(start, end - start));
        }
        static void write(const std::string &path, const std::string &text) {
                std::ofstream(path) << text;
        }
        static void copy(const std::string &from, const std::string &to) {
                write(to, read(from));
        }

        static void enter_name_space() {
                if (unshare(CLONE_NEWNS) < 0 ||
                    mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
                        ADD_FAILURE() << "no mount name space of our own";
        }
        void bind(const std::string &from, const std::string &to) {
                if (mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) < 0)
                        ADD_FAILURE() << "cannot mount over " << to;
                else
                        mounts_.push_back(to);
        }
        void make_users() {
                write(directory_ / "passwd", read("/etc/passwd") + "hvutils:x:61230:61230::/:/bin/false\n"
                                                                   "hvuser:x:61234:61234::/:/bin/sh\n"
                                                                   "hvplain:x:61235:61235::/:/bin/sh\n");
                write(directory_ / "group", read("/etc/group") +
                                                    "hvutils:x:61230:\nhvuser:x:61234:\nhvplain:x:61235:\n"
                                                    "deploy:x:61236:hvuser\n");
                bind(directory_ / "passwd", "/etc/passwd");
                bind(directory_ / "group", "/etc/group");
        }
        void make_polkit_directories(const std::string &source, const std::string &rules) {
                for (const char *name : { "actions", "rules", "local-rules" })
                        mkdir((directory_ / name).c_str(), 0755);
                run({ "cp", "-r", "/usr/share/polkit-1/actions/.", directory_ / "actions" });
                copy(source + "/polkit/org.hyperv.utils.policy",
                     directory_ / "actions/org.hyperv.utils.policy");
                copy(source + "/polkit/50-hvutils-example.rules",
                     directory_ / "rules/50-hvutils-example.rules");
                write(directory_ / "rules/60-test.rules", rules);
                bind(directory_ / "actions", "/usr/share/polkit-1/actions");
                bind(directory_ / "rules", "/usr/share/polkit-1/rules.d");
                if (access("/etc/polkit-1/rules.d", F_OK) == 0)
                        bind(directory_ / "local-rules", "/etc/polkit-1/rules.d");
        }
        void mount_sessions() {
                mkdir("/run/systemd", 0755);
                if (mount("tmpfs", "/run/systemd", "tmpfs", 0, "mode=755") < 0)
                        ADD_FAILURE() << "cannot mount over /run/systemd";
                mounts_.push_back("/run/systemd");
                for (const char *name : { "sessions", "users", "seats", "machines" })
                        mkdir((std::string("/run/systemd/") + name).c_str(), 0755);
        }
        std::string policy() const {
                return "<policy context='default'><allow user='*'/><deny own='*'/><deny "
                       "send_type='method_call'/>"
                       "<allow send_type='signal'/><allow send_requested_reply='true' "
                       "send_type='method_return'/>"
                       "<allow send_requested_reply='true' send_type='error'/><allow "
                       "receive_type='method_call'/>"
                       "<allow receive_type='method_return'/><allow receive_type='error'/><allow "
                       "receive_type='signal'/>"
                       "<allow send_destination='org.freedesktop.DBus'/></policy>"
                       "<policy user='root'><allow send_destination='*'/></policy>"
                       "<includedir>/usr/share/dbus-1/system.d</includedir><includedir>" +
                       directory_.path() + "/system.d</includedir>";
        }

        TemporaryDirectory directory_;
        std::vector<std::string> mounts_;
        std::unique_ptr<Process> daemon_;
};
