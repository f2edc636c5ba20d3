/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transfer objects on a real bus, with a daemon of transfers that has no files and a polkit that says
 * yes. */
#include <cstring>
#include <gtest/gtest.h>
#include <memory>

#include "common/names.h"
#include "tests/bus/fake-transferd.hh"
#include "tests/bus/service.hh"
#include "tests/support/fake-polkit.hh"
#include "tests/support/temporary-directory.hh"

class TransfersOnTheBus : public testing::Test {
      protected:
        void SetUp() override {
                transferd_ = Child([this] {
                        return FakeTransferd(directory_ / "transfer", directory_ / "diary").serve();
                });
                service_ = std::make_unique<Service>(bus_, nullptr, 0.1, (uid_t) -1, "",
                                                     directory_ / "transfer");
                client_ = bus_.connect();
                ASSERT_TRUE(state_becomes(7, "complete"));
        }
        void TearDown() override {
                sd_bus_flush_close_unref(client_);
        }
        void begin() {
                kill(transferd_.pid(), SIGUSR1);
                ASSERT_TRUE(state_becomes(8, "receiving"));
        }

        static std::string path(int id) {
                return HVUTILS_OBJECT_TRANSFERS "/" + std::to_string(id);
        }
        std::string text(int id, const char *property) {
                return get_property(client_, path(id).c_str(), HVUTILS_INTERFACE_TRANSFER, property).text;
        }
        bool state_becomes(int id, const std::string &wanted) {
                return wait_until([&] { return text(id, "State") == wanted; });
        }
        uint64_t received() {
                uint64_t n = 0;
                sd_bus_get_property_trivial(client_, HVUTILS_BUS_NAME, path(8).c_str(),
                                            HVUTILS_INTERFACE_TRANSFER, "Received", nullptr, 't', &n);
                return n;
        }
        uint32_t active() {
                uint32_t n = 99;
                sd_bus_get_property_trivial(client_, HVUTILS_BUS_NAME, HVUTILS_OBJECT_TRANSFERS,
                                            HVUTILS_INTERFACE_TRANSFERS, "Active", nullptr, 'u', &n);
                return n;
        }
        static std::string cancel(sd_bus *bus, int id) {
                g_autoptr(sd_bus_message) m = nullptr;
                sd_bus_message_new_method_call(bus, &m, HVUTILS_BUS_NAME, path(id).c_str(),
                                               HVUTILS_INTERFACE_TRANSFER, "Cancel");
                Answer answer = finish(bus, m);
                return answer.ok() ? "ok" : answer.error;
        }
        void listen(const char *match, int *count) {
                auto on_signal = [](sd_bus_message *, void *n, sd_bus_error *) {
                        ++*static_cast<int *>(n);
                        return 0;
                };
                ASSERT_GE(sd_bus_add_match(client_, nullptr, match, on_signal, count), 0);
        }
        void process() {
                while (sd_bus_process(client_, nullptr) > 0)
                        ;
        }

        PrivateBus bus_;
        FakePolkit polkit_{ bus_ };
        TemporaryDirectory directory_;
        Child transferd_;
        std::unique_ptr<Service> service_;
        sd_bus *client_ = nullptr;
};

TEST_F(TransfersOnTheBus, PastTransferIsAnObject) {
        EXPECT_EQ(text(7, "FileName"), "image.iso");
        EXPECT_EQ(text(7, "Directory"), "/srv/in");
        EXPECT_EQ(text(7, "Reason"), "The file is in place.");
        EXPECT_EQ(active(), 0U);
}

TEST_F(TransfersOnTheBus, RootsAreThoseOfTheDaemon) {
        g_auto(GStrv) roots = nullptr;
        ASSERT_GE(sd_bus_get_property_strv(client_, HVUTILS_BUS_NAME, HVUTILS_OBJECT_TRANSFERS,
                                           HVUTILS_INTERFACE_TRANSFERS, "AllowedRoots", nullptr, &roots),
                  0);
        ASSERT_EQ(g_strv_length(roots), 2U);
        EXPECT_STREQ(roots[0], "/srv");
        EXPECT_STREQ(roots[1], "/home");
}

TEST_F(TransfersOnTheBus, ChannelAndCountersAreTheManagers) {
        g_autoptr(sd_bus_message) channels = nullptr, statistics = nullptr;
        ASSERT_GE(sd_bus_get_property(client_, HVUTILS_BUS_NAME, HVUTILS_OBJECT_ROOT,
                                      HVUTILS_INTERFACE_MANAGER, "Channels", nullptr, &channels, "a(ssss)"),
                  0);
        const char *name = "", *transport = "", *state, *version;
        sd_bus_message_enter_container(channels, 'a', "(ssss)");
        while (sd_bus_message_read(channels, "(ssss)", &name, &transport, &state, &version) > 0)
                ;
        EXPECT_STREQ(name, "fcopy");
        EXPECT_STREQ(transport, "ring");

        ASSERT_GE(sd_bus_get_property(client_, HVUTILS_BUS_NAME, HVUTILS_OBJECT_ROOT,
                                      HVUTILS_INTERFACE_MANAGER, "Statistics", nullptr, &statistics, "a{st}"),
                  0);
        uint64_t value, complete = 0;
        sd_bus_message_enter_container(statistics, 'a', "{st}");
        while (sd_bus_message_read(statistics, "{st}", &name, &value) > 0)
                if (strcmp(name, "transfers.complete") == 0)
                        complete = value;
        EXPECT_EQ(complete, 5U);
}

TEST_F(TransfersOnTheBus, BeginningAddsAnObject) {
        int added = 0;
        listen("type='signal',member='InterfacesAdded'", &added);
        begin();
        EXPECT_TRUE(wait_until([&] {
                process();
                return added == 1;
        }));
        EXPECT_EQ(active(), 1U);
}

TEST_F(TransfersOnTheBus, ProgressIsSaidSeldom) {
        int changes = 0;
        begin();
        usleep(200 * 1000);
        listen("type='signal',member='PropertiesChanged',path='" HVUTILS_OBJECT_TRANSFERS "/8'", &changes);
        kill(transferd_.pid(), SIGUSR2);
        EXPECT_TRUE(wait_until([&] { return received() == 400; }));
        usleep(300 * 1000);
        process();
        EXPECT_GE(changes, 1);
        EXPECT_LE(changes, 3);
}

TEST_F(TransfersOnTheBus, CancelEndsIt) {
        begin();
        EXPECT_EQ(cancel(client_, 8), "ok");
        EXPECT_TRUE(state_becomes(8, "cancelled"));
        EXPECT_EQ(active(), 0U);
}

TEST_F(TransfersOnTheBus, PolkitIsToldWhichFileIsCancelled) {
        begin();
        std::string answer = as_user(getuid() == 0 ? 65534 : (uid_t) -1, [&] {
                sd_bus *bus = bus_.connect();
                std::string said = cancel(bus, 8);
                sd_bus_flush_close_unref(bus);
                return said;
        });
        EXPECT_EQ(answer, "ok");
        EXPECT_TRUE(polkit_.hears(HVUTILS_ACTION_TRANSFER_MANAGE " - /srv/in/image.iso"));
}

TEST_F(TransfersOnTheBus, CancelOfAPastTransferFindsNothing) {
        EXPECT_EQ(cancel(client_, 7), "NotFound");
}

TEST_F(TransfersOnTheBus, PastTransfersStayAndRunningOnesGoWithTheDaemon) {
        begin();
        transferd_.end();
        EXPECT_TRUE(state_becomes(8, ""));
        EXPECT_EQ(text(7, "State"), "complete");
        EXPECT_EQ(cancel(client_, 7), "Unavailable");
}

TEST_F(TransfersOnTheBus, NumberHasOneSpelling) {
        EXPECT_EQ(get_property(client_, HVUTILS_OBJECT_TRANSFERS "/07", HVUTILS_INTERFACE_TRANSFER, "State")
                          .error,
                  "UnknownObject");
}
