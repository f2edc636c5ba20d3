/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The snapshot objects on a real bus, with a snapshot daemon that freezes nothing and a polkit that says yes. */
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <vector>

#include "common/names.h"
#include "tests/bus/fake-snapshotd.hh"
#include "tests/bus/service.hh"
#include "tests/support/fake-polkit.hh"

class SnapshotsOnTheBus : public testing::Test {
      protected:
        void SetUp() override {
                start(0);
        }
        void TearDown() override {
                sd_bus_flush_close_unref(client_);
        }
        void start(unsigned history) {
                snapshotd_ = Child([this, history] {
                        return FakeSnapshotd(directory_ / "snapshot", directory_ / "diary", history).serve();
                });
                service_ = std::make_unique<Service>(bus_, nullptr, 0.1, (uid_t) -1, directory_ / "snapshot");
                client_ = bus_.connect();
                EXPECT_TRUE(state_becomes("idle"));
        }

        std::string state(const std::string &path = HVUTILS_OBJECT_SNAPSHOTS) {
                bool all = path == HVUTILS_OBJECT_SNAPSHOTS;
                return get_property(client_, path.c_str(),
                                    all ? HVUTILS_INTERFACE_SNAPSHOTS : HVUTILS_INTERFACE_SNAPSHOT, "State")
                        .text;
        }
        bool state_becomes(const std::string &wanted) {
                return wait_until([&] { return state() == wanted; });
        }
        std::vector<std::string> diary() {
                std::vector<std::string> lines;
                if (access((directory_ / "diary").c_str(), F_OK) < 0)
                        return lines;
                std::istringstream in(read_file(directory_ / "diary"));
                for (std::string line; std::getline(in, line);)
                        lines.push_back(line);
                return lines;
        }
        bool hears(const std::string &line) {
                return wait_until([&] {
                        auto lines = diary();
                        return std::find(lines.begin(), lines.end(), line) != lines.end();
                });
        }

        static sd_bus_message *new_call(sd_bus *bus, const char *member) {
                sd_bus_message *m = nullptr;
                EXPECT_GE(sd_bus_message_new_method_call(bus, &m, HVUTILS_BUS_NAME, HVUTILS_OBJECT_SNAPSHOTS,
                                                         HVUTILS_INTERFACE_SNAPSHOTS, member),
                          0);
                return m;
        }
        /* The object's path, or the error's name. */
        static std::string freeze(sd_bus *bus, const std::vector<std::string> &mounts = {},
                                  uint64_t limit = 0) {
                g_autoptr(sd_bus_message) m = new_call(bus, "Freeze");
                g_autoptr(sd_bus_message) reply = nullptr;
                g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
                const char *path;
                sd_bus_message_open_container(m, 'a', "s");
                for (const auto &mount : mounts)
                        sd_bus_message_append(m, "s", mount.c_str());
                sd_bus_message_close_container(m);
                sd_bus_message_append(m, "t", limit);
                if (sd_bus_call(bus, m, 0, &error, &reply) < 0)
                        return strrchr(error.name, '.') + 1;
                return sd_bus_message_read(reply, "o", &path) < 0 ? "?" : path;
        }
        static std::string thaw(sd_bus *bus) {
                g_autoptr(sd_bus_message) m = new_call(bus, "Thaw");
                Answer answer = finish(bus, m);
                return answer.ok() ? "ok" : answer.error;
        }
        /* A lock, or -1 with the error's name. */
        static int inhibit(sd_bus *bus, std::string *error_name, const std::string &who = "test",
                           const std::string &why = "because") {
                g_autoptr(sd_bus_message) m = new_call(bus, "Inhibit");
                g_autoptr(sd_bus_message) reply = nullptr;
                g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
                int fd;
                sd_bus_message_append(m, "ss", who.c_str(), why.c_str());
                if (sd_bus_call(bus, m, 0, &error, &reply) < 0) {
                        *error_name = strrchr(error.name, '.') + 1;
                        return -1;
                }
                return sd_bus_message_read(reply, "h", &fd) < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        }
        static uid_t nobody() {
                return getuid() == 0 ? 65534 : (uid_t) -1;
        }

        PrivateBus bus_;
        FakePolkit polkit_{ bus_ };
        TemporaryDirectory directory_;
        Child snapshotd_;
        std::unique_ptr<Service> service_;
        sd_bus *client_ = nullptr;
};

TEST_F(SnapshotsOnTheBus, PlanComesInParts) {
        g_autoptr(sd_bus_message) m = new_call(client_, "Plan");
        g_autoptr(sd_bus_message) reply = nullptr;
        ASSERT_GE(sd_bus_call(client_, m, 0, nullptr, &reply), 0);
        const char *mount, *action, *reason;
        std::string plan;
        ASSERT_GE(sd_bus_message_enter_container(reply, 'a', "(sss)"), 0);
        while (sd_bus_message_read(reply, "(sss)", &mount, &action, &reason) > 0)
                plan += std::string(mount) + " " + action + " " + reason + "\n";
        EXPECT_EQ(plan, "/home freeze \n/proc skip pseudo\n");
}

TEST_F(SnapshotsOnTheBus, FreezeGoesThroughSignalAndGate) {
        std::string path = freeze(client_, { "/home" }, 2000000);
        EXPECT_EQ(path, HVUTILS_OBJECT_SNAPSHOTS "/101");
        EXPECT_TRUE(state_becomes("frozen"));
        EXPECT_TRUE(wait_until([&] { return state(path) == "frozen"; }));
        EXPECT_EQ(diary(),
                  (std::vector<std::string>{ "freeze /home 2000000", "ready signal", "ready gate" }));
        EXPECT_EQ(thaw(client_), "ok");
        EXPECT_TRUE(state_becomes("idle"));
        EXPECT_EQ(get_property(client_, path.c_str(), HVUTILS_INTERFACE_SNAPSHOT, "Result").text, "ok");
        EXPECT_EQ(thaw(client_), "NotOwner");
}

TEST_F(SnapshotsOnTheBus, RefusalsOfTheDaemonHaveTheirNames) {
        EXPECT_EQ(freeze(client_, { "/busy" }), "Busy");
        EXPECT_EQ(freeze(client_, { "/missing" }), "NotFound");
        EXPECT_EQ(freeze(client_, { "/proc" }), "InvalidArgument");
        EXPECT_EQ(freeze(client_, { "/silent" }), "Unavailable");
        EXPECT_TRUE(hears("release"));
        EXPECT_EQ(freeze(client_), HVUTILS_OBJECT_SNAPSHOTS "/101") << "a refusal must leave nothing behind";
        EXPECT_EQ(freeze(client_), "Busy");
}

TEST_F(SnapshotsOnTheBus, ThawIsTheOwnersAloneAndNobodyIsAsked) {
        ASSERT_EQ(freeze(client_), HVUTILS_OBJECT_SNAPSHOTS "/101");
        polkit_.asked();
        g_autoptr(sd_bus) other = bus_.connect();
        EXPECT_EQ(thaw(other), "NotOwner"); /* uid 0, where the tests are root */
        sd_bus_close(other);
        EXPECT_EQ(thaw(client_), "ok");
        EXPECT_EQ(polkit_.asked(), "");
}

TEST_F(SnapshotsOnTheBus, HostsSnapshotHasNoOwnerOnTheBus) {
        snapshotd_.signal(SIGUSR1);
        EXPECT_TRUE(state_becomes("frozen"));
        EXPECT_EQ(thaw(client_), "NotOwner");
        snapshotd_.signal(SIGUSR2);
        EXPECT_TRUE(state_becomes("idle"));
}

TEST_F(SnapshotsOnTheBus, FreezeEndsWithItsConnection) {
        as_user(nobody(), [&] {
                g_autoptr(sd_bus) bus = bus_.connect();
                return freeze(bus);
        });
        EXPECT_TRUE(hears("release"));
        EXPECT_TRUE(state_becomes("idle"));
}

TEST_F(SnapshotsOnTheBus, FreezeEndsWithTheBus) {
        ASSERT_EQ(freeze(client_), HVUTILS_OBJECT_SNAPSHOTS "/101");
        bus_.stop();
        EXPECT_TRUE(hears("release"));
}

TEST_F(SnapshotsOnTheBus, FreezingIsPolkitsQuestion) {
        if (getuid() != 0)
                GTEST_SKIP() << "needs another user";
        std::string answer = as_user(nobody(), [&] {
                g_autoptr(sd_bus) bus = bus_.connect();
                return freeze(bus);
        });
        EXPECT_EQ(answer, HVUTILS_OBJECT_SNAPSHOTS "/101");
        EXPECT_TRUE(polkit_.hears("org.hyperv.utils.snapshot.freeze - - 0"));
}

TEST_F(SnapshotsOnTheBus, InhibitorDelaysUntilItIsClosed) {
        std::string error;
        auto_fd lock = inhibit(client_, &error);
        ASSERT_GE(lock, 0) << error;
        snapshotd_.signal(SIGUSR1);
        EXPECT_TRUE(state_becomes("preparing"));
        usleep(100000);
        EXPECT_EQ(diary(), std::vector<std::string>{});
        close(g_steal_fd(&lock));
        EXPECT_TRUE(hears("ready signal"));
        EXPECT_TRUE(state_becomes("frozen"));
}

TEST_F(SnapshotsOnTheBus, InhibitorDelaysNoLongerThanTheBudget) {
        std::string error;
        auto_fd lock = inhibit(client_, &error);
        ASSERT_GE(lock, 0) << error;
        snapshotd_.signal(SIGUSR1);
        EXPECT_TRUE(hears("ready signal"));
        EXPECT_TRUE(state_becomes("frozen"));
}

TEST_F(SnapshotsOnTheBus, InhibitorIsReleasedByTheDeathOfItsHolder) {
        std::string error;
        Child holder([&] {
                g_autoptr(sd_bus) bus = bus_.connect();
                int lock = inhibit(bus, &error);
                while (lock >= 0)
                        pause();
                return 1;
        });
        auto count = [&] {
                g_autoptr(sd_bus_message) m = new_call(client_, "ListInhibitors");
                g_autoptr(sd_bus_message) reply = nullptr;
                const char *who, *why;
                uint32_t uid;
                uint64_t since;
                int n = 0;
                if (sd_bus_call(client_, m, 0, nullptr, &reply) < 0 ||
                    sd_bus_message_enter_container(reply, 'a', "(ssut)") < 0)
                        return -1;
                while (sd_bus_message_read(reply, "(ssut)", &who, &why, &uid, &since) > 0)
                        n += strcmp(who, "test") == 0 && strcmp(why, "because") == 0 && uid == getuid();
                return n;
        };
        EXPECT_TRUE(wait_until([&] { return count() == 1; }));
        holder.end();
        EXPECT_TRUE(wait_until([&] { return count() == 0; }));
}

TEST_F(SnapshotsOnTheBus, InhibitorIsRefusedWhileASnapshotRuns) {
        std::string error;
        snapshotd_.signal(SIGUSR1);
        EXPECT_TRUE(state_becomes("frozen"));
        EXPECT_LT(inhibit(client_, &error), 0);
        EXPECT_EQ(error, "Busy");
}

TEST_F(SnapshotsOnTheBus, InhibitorsHaveLimits) {
        std::string error;
        std::vector<int> locks;
        EXPECT_LT(inhibit(client_, &error, ""), 0);
        EXPECT_EQ(error, "InvalidArgument");
        EXPECT_LT(inhibit(client_, &error, "w", std::string(257, 'x')), 0);
        EXPECT_EQ(error, "InvalidArgument");
        for (int i = 0; i < 16; i++)
                locks.push_back(inhibit(client_, &error));
        EXPECT_GE(locks.back(), 0) << error;
        EXPECT_LT(inhibit(client_, &error), 0);
        EXPECT_EQ(error, "LimitsExceeded");
        for (int lock : locks)
                close(lock);
        EXPECT_TRUE(wait_until([&] {
                auto_fd lock = inhibit(client_, &error);
                return lock >= 0;
        }));
}

static int on_prepare(sd_bus_message *m, void *userdata, sd_bus_error *) {
        int start = -1;
        sd_bus_message_read(m, "b", &start);
        static_cast<std::vector<int> *>(userdata)->push_back(start);
        return 0;
}

TEST_F(SnapshotsOnTheBus, PrepareForSnapshotIsToldBeforeAndAfter) {
        std::vector<int> heard;
        g_autoptr(sd_bus) listener = bus_.connect();
        ASSERT_GE(sd_bus_match_signal(listener, nullptr, HVUTILS_BUS_NAME, HVUTILS_OBJECT_SNAPSHOTS,
                                      HVUTILS_INTERFACE_SNAPSHOTS, "PrepareForSnapshot", on_prepare, &heard),
                  0);
        auto pump = [&] {
                while (sd_bus_process(listener, nullptr) > 0)
                        ;
        };
        snapshotd_.signal(SIGUSR1);
        EXPECT_TRUE(wait_until([&] { return pump(), heard == std::vector<int>{ 1 }; }));
        EXPECT_TRUE(state_becomes("frozen"));
        snapshotd_.signal(SIGUSR2);
        EXPECT_TRUE(wait_until([&] { return pump(), heard == std::vector<int>{ 1, 0 }; }));
        snapshotd_.signal(SIGUSR1);
        EXPECT_TRUE(wait_until([&] { return pump(), heard.size() == 3; }));
        snapshotd_.end(); /* nobody says done any more */
        EXPECT_TRUE(wait_until([&] { return pump(), heard == std::vector<int>{ 1, 0, 1, 0 }; }));
        EXPECT_TRUE(state_becomes("unavailable"));
        EXPECT_EQ(freeze(client_), "Unavailable");
        sd_bus_close(listener);
}

TEST_F(SnapshotsOnTheBus, QuestionsHaveTwoSecondsWhileFrozen) {
        if (getuid() != 0)
                GTEST_SKIP() << "needs another user";
        snapshotd_.signal(SIGUSR1);
        EXPECT_TRUE(state_becomes("frozen"));
        auto begin = std::chrono::steady_clock::now();
        std::string answer = as_user(nobody(), [&] {
                g_autoptr(sd_bus) bus = bus_.connect();
                return call(bus, "guest", "Set", { "never", "v" }).error;
        });
        EXPECT_EQ(answer, "Frozen");
        /* 2 s at a tenth */
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(450));
}

TEST_F(SnapshotsOnTheBus, ChannelOfTheSiblingIsShown) {
        g_autoptr(sd_bus_message) reply = nullptr;
        const char *name, *transport, *channel_state, *version;
        std::string channels;
        ASSERT_GE(sd_bus_get_property(client_, HVUTILS_BUS_NAME, HVUTILS_OBJECT_ROOT,
                                      HVUTILS_INTERFACE_MANAGER, "Channels", nullptr, &reply, "a(ssss)"),
                  0);
        ASSERT_GE(sd_bus_message_enter_container(reply, 'a', "(ssss)"), 0);
        while (sd_bus_message_read(reply, "(ssss)", &name, &transport, &channel_state, &version) > 0)
                channels += std::string(name) + " " + channel_state + "\n";
        EXPECT_NE(channels.find("vss registered\n"), std::string::npos) << channels;
}

TEST_F(SnapshotsOnTheBus, SeventyPastOnesLeaveSixtyFour) {
        TearDown();
        service_.reset();
        snapshotd_.end();
        start(70);
        auto count = [&] {
                g_autoptr(sd_bus_message) reply = nullptr;
                const char *xml = "";
                std::string text;
                int n = 0;
                if (sd_bus_call_method(client_, HVUTILS_BUS_NAME, HVUTILS_OBJECT_SNAPSHOTS,
                                       "org.freedesktop.DBus.Introspectable", "Introspect", nullptr, &reply,
                                       "") < 0)
                        return -1;
                sd_bus_message_read(reply, "s", &xml);
                text = xml;
                for (size_t at = 0; (at = text.find("<node name=\"1", at)) != std::string::npos; at++)
                        n++;
                return n;
        };
        EXPECT_TRUE(wait_until([&] { return count() == 64; })) << count();
}
