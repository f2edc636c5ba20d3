/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/bus.h"
#include "service/bus/tree.h"
#include "tests/bus/fake-kvp.hh"
#include "tests/bus/fake-snapshotd.hh"
#include "tests/bus/fake-transferd.hh"
#include "tests/bus/interface-xml.hh"
#include "tests/bus/snapshots-of.hh"
#include "tests/bus/transfers-of.hh"
#include "tests/support/child.hh"
#include "tests/support/temporary-directory.hh"

/* The real vtables at the other end of a socket pair: no bus daemon is needed to be introspected. */
class Introspection : public testing::Test {
      protected:
        void SetUp() override {
                int fds[2];
                ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
                server_ = Child([&] {
                        close(fds[1]);
                        return serve(fds[0]);
                });
                close(fds[0]);
                ASSERT_GE(sd_bus_new(&client_), 0);
                ASSERT_GE(sd_bus_set_fd(client_, fds[1], fds[1]), 0);
                ASSERT_GE(sd_bus_start(client_), 0);
        }
        void TearDown() override {
                sd_bus_close_unref(client_);
        }

        /* The loopback plays an adapter of the host. */
        static int make_network(sd_event *event, Network **ret) {
                static TemporaryDirectory root;
                static Configuration *configuration = configuration_new(false);
                NetworkSetup setup = {};

                root.write("sys/class/net/lo/device/device_id", "{f8615163-df3e-46c5-913f-f2d2f965ed0e}\n");
                setup.root = root.path().c_str();
                setup.configuration = configuration;
                setup.runtime_directory = root.path().c_str();
                setup.time_scale = 1;
                setup.changed = [](void *) {};
                return network_new(event, &setup, ret);
        }

        static int serve(int fd) {
                g_autoptr(sd_event) event = nullptr;
                g_autoptr(sd_bus) peer = nullptr;
                g_autoptr(Network) network = nullptr;
                g_autoptr(Bus) bus = nullptr;
                TemporaryDirectory directory;
                Child snapshotd([&] {
                        return FakeSnapshotd(directory / "snapshot", directory / "diary", 1).serve();
                });
                Child transferd([&] {
                        return FakeTransferd(directory / "transfer", directory / "diary-of-transfers")
                                .serve();
                });
                SnapshotsOf snapshots;
                TransfersOf transfers;
                BusSetup setup = {};
                Kvp kvp;
                sd_id128_t id = { .bytes = { 1 } };

                setup.kvp = &kvp;
                if (sd_event_new(&event) < 0 || make_network(event, &network) < 0)
                        return 1;
                setup.network = network;
                setup.time_scale = 1;
                if (snapshots.connect(event, (directory / "snapshot").c_str(), 0.05) < 0)
                        return 1;
                while (snapshots_count(snapshots.snapshots) == 0) /* one to introspect */
                        if (sd_event_run(event, UINT64_MAX) < 0)
                                return 1;
                setup.snapshots = snapshots.snapshots;
                if (transfers.connect(event, (directory / "transfer").c_str(), 0.05) < 0)
                        return 1;
                while (transfers_count(transfers.transfers) == 0)
                        if (sd_event_run(event, UINT64_MAX) < 0)
                                return 1;
                setup.transfers = transfers.transfers;
                if (bus_new(event, &setup, &bus) < 0 || sd_bus_new(&peer) < 0 ||
                    sd_bus_set_fd(peer, fd, fd) < 0 || sd_bus_set_server(peer, true, id) < 0 ||
                    sd_bus_set_anonymous(peer, true) < 0 || tree_attach(peer, bus) < 0 ||
                    sd_bus_start(peer) < 0 || sd_bus_attach_event(peer, event, 0) < 0)
                        return 1;
                return sd_event_loop(event);
        }

        std::string introspect(const std::string &path) {
                g_autoptr(sd_bus_message) reply = nullptr;
                const char *xml = "";
                EXPECT_GE(sd_bus_call_method(client_, nullptr, path.c_str(),
                                             "org.freedesktop.DBus.Introspectable", "Introspect", nullptr,
                                             &reply, ""),
                          0)
                        << path;
                if (reply)
                        sd_bus_message_read(reply, "s", &xml);
                return xml;
        }
        static std::string example_path(const BusObject &object) {
                if (strcmp(object.interface, HVUTILS_INTERFACE_SNAPSHOT) == 0)
                        return HVUTILS_OBJECT_SNAPSHOTS "/101";
                if (strcmp(object.interface, HVUTILS_INTERFACE_SNAPSHOTS) == 0)
                        return HVUTILS_OBJECT_SNAPSHOTS;
                if (strcmp(object.interface, HVUTILS_INTERFACE_TRANSFER) == 0)
                        return HVUTILS_OBJECT_TRANSFERS "/7";
                if (strcmp(object.interface, HVUTILS_INTERFACE_TRANSFERS) == 0)
                        return HVUTILS_OBJECT_TRANSFERS;
                if (strcmp(object.interface, HVUTILS_INTERFACE_ADAPTER) == 0)
                        return std::string(object.path) + "/f8615163_2ddf3e_2d46c5_2d913f_2df2d2f965ed0e";
                if (strcmp(object.interface, HVUTILS_INTERFACE_NETWORK) == 0)
                        return object.path;
                return object.find ? std::string(object.path) + "/guest" : object.path;
        }

        Child server_;
        sd_bus *client_ = nullptr;
};

TEST_F(Introspection, ServedInterfacesAreTheContract) {
        for (const BusObject *object = bus_objects; object->path; object++) {
                InterfaceXml served(introspect(example_path(*object)));
                auto contract = InterfaceXml::of_file(std::string("dbus/") + object->interface + ".xml");

                EXPECT_EQ(served.interfaces[object->interface], contract.interfaces[object->interface])
                        << object->interface;
                EXPECT_FALSE(contract.interfaces[object->interface].empty()) << object->interface;
        }
}

TEST_F(Introspection, NoInterfaceIsServedThatHasNoContract) {
        for (const BusObject *object = bus_objects; object->path; object++)
                for (const auto &[interface, members] :
                     InterfaceXml(introspect(example_path(*object))).interfaces)
                        EXPECT_TRUE(interface == object->interface ||
                                    interface.rfind("org.freedesktop.DBus.", 0) == 0)
                                << interface;
}

TEST_F(Introspection, RootIsAnObjectManagerAndNamesItsChildren) {
        std::string xml = introspect(HVUTILS_OBJECT_ROOT);

        EXPECT_NE(xml.find("org.freedesktop.DBus.ObjectManager"), std::string::npos);
        for (const char *pool : { "external", "guest", "auto", "auto_external", "auto_internal" })
                EXPECT_NE(introspect(HVUTILS_OBJECT_KVP).find(std::string("\"") + pool + "\""),
                          std::string::npos)
                        << pool;
}

TEST_F(Introspection, ChangeFromACallerThatNobodyKnowsIsRefused) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;

        EXPECT_LT(sd_bus_call_method(client_, nullptr, HVUTILS_OBJECT_KVP "/guest", HVUTILS_INTERFACE_POOL,
                                     "Set", &error, nullptr, "ss", "a", "b"),
                  0);
        EXPECT_STREQ(error.name, HVUTILS_ERROR_NOT_AUTHORIZED);
}

TEST(Manual, NamesEveryMemberAndEveryError) {
        std::string source = g_getenv("HVUTILS_SOURCE_DIR");
        g_autofree char *manual = nullptr;
        ASSERT_TRUE(g_file_get_contents((source + "/docs/man/org.hyperv.Utils.5.scd").c_str(), &manual,
                                        nullptr, nullptr));
        std::string page = manual;

        for (const BusObject *object = bus_objects; object->path; object++) {
                auto contract = InterfaceXml::of_file(std::string("dbus/") + object->interface + ".xml");
                for (const auto &line : contract.interfaces[object->interface]) {
                        std::string member = line.substr(line.find(' ') + 1);
                        member = "*" + member.substr(0, member.find(' ')) + "*";
                        EXPECT_NE(page.find(member), std::string::npos) << member;
                }
        }
        for (const char *error :
             { HVUTILS_ERROR_NOT_FOUND, HVUTILS_ERROR_EXISTS, HVUTILS_ERROR_CHANGED, HVUTILS_ERROR_INVALID,
               HVUTILS_ERROR_KEY_TOO_LONG, HVUTILS_ERROR_VALUE_TOO_LONG, HVUTILS_ERROR_READ_ONLY,
               HVUTILS_ERROR_POOL_FULL, HVUTILS_ERROR_BUSY, HVUTILS_ERROR_FROZEN, HVUTILS_ERROR_STORAGE,
               HVUTILS_ERROR_TOO_LARGE, HVUTILS_ERROR_LIMITS_EXCEEDED, HVUTILS_ERROR_NOT_AUTHORIZED,
               HVUTILS_ERROR_FAILED, HVUTILS_ERROR_NOT_OWNER, HVUTILS_ERROR_UNAVAILABLE })
                EXPECT_NE(page.find(std::string("*") + (strrchr(error, '.') + 1) + "*"), std::string::npos)
                        << error;
}
