/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The real hvutilsd between a driver, a kernel with a network of the test's own, and a bus with a configurator that the
 * test plays: what the host asks about addresses, and what it injects. */
#include <filesystem>
#include <memory>
#include <random>
#include <sched.h>

#include "tests/integration/network/configurator-double.hh"
#include "tests/support/fake-driver.hh"
#include "tests/support/process.hh"
#include "wire/ip.h"

namespace {

constexpr char guid[] = "f8615163-df3e-46c5-913f-f2d2f965ed0e";
constexpr char object[] = HVUTILS_OBJECT_NETWORK "/f8615163_2ddf3e_2d46c5_2d913f_2df2d2f965ed0e";
constexpr char mac[] = "00:15:5D:01:02:03";

void ip(const std::string &arguments) {
        ASSERT_EQ(system(("ip " + arguments).c_str()), 0) << arguments;
}

class InjectionTest : public testing::Test {
      protected:
        void SetUp() override {
                if (unshare(CLONE_NEWNET) < 0)
                        GTEST_SKIP() << "needs root, for a network of its own";
                ip("link set lo up");
                ip("link add eth0 address 00:15:5d:01:02:03 type veth peer name far0");
                ip("link set far0 up");
                ip("link set eth0 up");
                for (const char *directory : { "state", "run", "run/kvp" })
                        std::filesystem::create_directory(world / directory);
                world.write("root/sys/class/net/eth0/device/device_id", "{" + std::string(guid) + "}\n");
                world.write("root/etc/resolv.conf", "nameserver 10.0.0.53\n");
                behave("yes", "ok");
                configure("");
        }

        void TearDown() override {
                if (HasFailure() && daemon)
                        fprintf(stderr, "--- hvutilsd said:\n%s---\n", daemon->errors().c_str());
                daemon.reset();
        }

        void behave(const std::string &probe, const std::string &apply) {
                world.write("script", probe + " " + apply);
        }
        void configure(const std::string &section) {
                world.write("hvutils.conf", "[Network]\n" + section);
        }

        void start(double time_scale = 0.15) {
                daemon = std::make_unique<Process>(std::vector<std::string>{
                        std::string(getenv("HVUTILS_BUILD_DIR")) + "/service/hvutilsd",
                        "--channel=" + (world / "kvp"), "--config=" + (world / "hvutils.conf"),
                        "--state-directory=" + (world / "state"), "--runtime-directory=" + (world / "run"),
                        "--bus=" + bus.address(), "--root=" + (world / "root"),
                        "--time-scale=" + std::to_string(time_scale) });
                ASSERT_TRUE(driver.register_daemon());
                ASSERT_TRUE(wait_until([this] { return bus.has_name(HVUTILS_BUS_NAME); }));
        }

        void arrive() {
                configurator = std::make_unique<ConfiguratorDouble>(bus, world / "script");
        }

        WireStatus inject(const std::string &addresses, const std::string &masks,
                          const std::string &gateways = "", const std::string &adapter = guid) {
                uint8_t message[KVP_MESSAGE_SIZE];
                ip_wire_request_set(message, adapter.c_str(), 1, false, addresses.c_str(), masks.c_str(),
                                    gateways.c_str(), "");
                EXPECT_TRUE(driver.say(message, sizeof message));
                return driver.hear(10000).status;
        }

        IpTexts ask() {
                static uint8_t message[KVP_MESSAGE_SIZE];
                IpTexts texts = {};
                ip_wire_request_get(message, mac);
                EXPECT_TRUE(driver.say(message, sizeof message));
                EXPECT_TRUE(driver.hear_bytes(message));
                EXPECT_EQ(ip_wire_parse_texts(message, &texts), 0);
                return texts;
        }

        std::string addresses() {
                std::string all = ask().addresses;
                return all.substr(0, all.find(";fe80"));
        }

        /* A text of LastInjection. */
        std::string last(const char *field) {
                g_autoptr(sd_bus) client = bus.connect();
                g_autoptr(sd_bus_message) reply = nullptr;
                std::string found;
                if (sd_bus_get_property(client, HVUTILS_BUS_NAME, object, HVUTILS_INTERFACE_ADAPTER,
                                        "LastInjection", nullptr, &reply, "a{sv}") >= 0) {
                        const char *key, *type, *text;
                        sd_bus_message_enter_container(reply, 'a', "{sv}");
                        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                                sd_bus_message_read(reply, "s", &key);
                                std::string name = key;
                                sd_bus_message_peek_type(reply, nullptr, &type);
                                if (name == field && sd_bus_message_read(reply, "v", "s", &text) >= 0)
                                        found = text;
                                else
                                        sd_bus_message_skip(reply, "v");
                                sd_bus_message_exit_container(reply);
                        }
                }
                sd_bus_close(client);
                return found;
        }

        std::string call(const char *member) {
                g_autoptr(sd_bus) client = bus.connect();
                g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
                int r = sd_bus_call_method(client, HVUTILS_BUS_NAME, object, HVUTILS_INTERFACE_ADAPTER,
                                           member, &error, nullptr, "");
                sd_bus_close(client);
                return r >= 0 ? "" : strrchr(error.name, '.') + 1;
        }

        bool kept() {
                return std::filesystem::exists(world / ("run/kvp/injection-" + std::string(guid)));
        }

        TemporaryDirectory world;
        PrivateBus bus;
        FakeKvpDriver driver{ world / "kvp" };
        std::unique_ptr<ConfiguratorDouble> configurator;
        std::unique_ptr<Process> daemon;
};

TEST_F(InjectionTest, IsAppliedAndReadBack) {
        arrive();
        start();
        EXPECT_EQ(inject("10.0.0.5;10.0.0.6", "255.255.255.0;255.255.255.0", "10.0.0.1"), WIRE_STATUS_OK);
        EXPECT_TRUE(wait_until([&] { return addresses() == "10.0.0.5;10.0.0.6"; })) << addresses();
        EXPECT_STREQ(ask().gateways, "10.0.0.1");
        EXPECT_STREQ(ask().dns, "10.0.0.53");
        EXPECT_EQ(last("state"), "applied");
        EXPECT_FALSE(kept());
}

TEST_F(InjectionTest, ThatIsNoneIsRefusedAtOnce) {
        arrive();
        start();
        EXPECT_EQ(inject("10.0.0.5", "255.255.255.0", "", "00000000-0000-0000-0000-000000000001"),
                  WIRE_STATUS_NO_ADAPTER);
        EXPECT_EQ(inject("10.0.0.5", "255.0.255.0"), WIRE_STATUS_INVALID);
        EXPECT_EQ(inject("10.0.0.5;nonsense", "255.255.255.0;24"), WIRE_STATUS_INVALID);
        EXPECT_EQ(inject(std::string(1000, '1'), "24"), WIRE_STATUS_INVALID);
        EXPECT_EQ(inject("10.0.0.5", "255.255.255.0", "", "no guid"), WIRE_STATUS_INVALID);
        EXPECT_EQ(addresses().find("10."), std::string::npos);
        EXPECT_EQ(last("state"), "");
}

TEST_F(InjectionTest, IsDeniedByTheAdministrator) {
        configure("Injection=deny\n");
        arrive();
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        EXPECT_EQ(last("state"), "");
}

TEST_F(InjectionTest, IsRefusedByTheConfiguratorByName) {
        behave("refused", "ok");
        arrive();
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        EXPECT_EQ(last("state"), "refused");
        EXPECT_EQ(last("reason"), "is a port of br0");
}

TEST_F(InjectionTest, ThatDidNotHoldFailsWithTheReason) {
        behave("yes", "fail");
        arrive();
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        EXPECT_EQ(last("state"), "failed");
        EXPECT_EQ(last("reason"), "address is a duplicate");
}

TEST_F(InjectionTest, WaitsForTheConfiguratorAndIsInTime) {
        start(0.4);
        uint8_t message[KVP_MESSAGE_SIZE];
        ip_wire_request_set(message, guid, 1, false, "10.0.0.5", "24", "", "");
        ASSERT_TRUE(driver.say(message, sizeof message));
        EXPECT_FALSE(driver.hear(200).arrived);
        EXPECT_TRUE(kept());
        arrive();
        EXPECT_EQ(driver.hear(5000).status, WIRE_STATUS_OK);
}

TEST_F(InjectionTest, WithoutAConfiguratorIsAppliedLate) {
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        EXPECT_EQ(last("state"), "late");
        EXPECT_TRUE(kept());
        EXPECT_EQ(driver.set(0, "Owner", "me"), WIRE_STATUS_OK) << "the channel goes on";
        arrive();
        EXPECT_TRUE(wait_until([&] { return addresses() == "10.0.0.5"; })) << addresses();
        EXPECT_TRUE(wait_until([&] { return last("state") == "applied"; }));
        EXPECT_FALSE(kept());
}

TEST_F(InjectionTest, IsDroppedWhenLateIsDrop) {
        configure("Late=drop\n");
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        EXPECT_EQ(last("state"), "dropped");
        EXPECT_FALSE(kept());
}

TEST_F(InjectionTest, SurvivesARestartOfTheDaemon) {
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        daemon->kill();
        start();
        EXPECT_EQ(last("state"), "late");
        arrive();
        EXPECT_TRUE(wait_until([&] { return last("state") == "applied"; }));
        EXPECT_TRUE(wait_until([&] { return addresses() == "10.0.0.5"; })) << addresses();
        daemon->stop();
        start();
        EXPECT_EQ(last("state"), "applied") << "still known";
}

TEST_F(InjectionTest, NewerOneTakesThePlaceOfALateOne) {
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        EXPECT_EQ(inject("10.0.0.7", "24"), WIRE_STATUS_FAIL);
        arrive();
        EXPECT_TRUE(wait_until([&] { return addresses() == "10.0.0.7"; })) << addresses();
}

TEST_F(InjectionTest, IsAnsweredAtTheDeadlineThoughTheConfiguratorIsSilent) {
        behave("yes", "never");
        arrive();
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.set(0, "Owner", "me"), WIRE_STATUS_OK);
}

TEST_F(InjectionTest, IsRepeatedAndForgottenByAPerson) {
        arrive();
        start();
        EXPECT_EQ(call("Reapply"), "NotFound");
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_OK);
        ip("addr flush dev eth0");
        EXPECT_EQ(call("Reapply"), "");
        EXPECT_TRUE(wait_until([&] { return addresses() == "10.0.0.5"; })) << addresses();
        EXPECT_EQ(call("Forget"), "");
        EXPECT_EQ(last("state"), "");
        EXPECT_EQ(call("Reapply"), "NotFound");
}

TEST_F(InjectionTest, GoesOnWhenTheBusDiesUnderWhoAskedForIt) {
        arrive();
        start();
        EXPECT_EQ(inject("10.0.0.5", "24"), WIRE_STATUS_OK);
        behave("yes", "never");
        Child caller([this] {
                call("Reapply");
                return 0;
        });
        ASSERT_TRUE(wait_until([this] { return last("state") == "applying"; }));
        bus.stop();
        configurator.reset();
        EXPECT_FALSE(driver.hear(3500).arrived) << "the deadline of the repetition, which is nobody's answer";
        EXPECT_EQ(driver.set(0, "Owner", "me"), WIRE_STATUS_OK);
        EXPECT_TRUE(daemon->running());
}

TEST_F(InjectionTest, EveryConfigurationIsReadBackAsItWasInjected) {
        std::mt19937 random(5);
        arrive();
        start(1);
        for (int round = 0; round < 500; round++) {
                std::string list, masks;
                size_t n = 1 + random() % 4;
                for (size_t i = 0; i < n; i++) {
                        list += (i ? ";10." : "10.") + std::to_string(i) + "." +
                                std::to_string(random() % 200) + "." + std::to_string(1 + random() % 200);
                        masks += (i ? ";" : "") + std::string("255.255.") + (random() % 2 ? "255.0" : "0.0");
                }
                if (random() % 2) {
                        list += ";2001:db8::" + std::to_string(1 + random() % 900);
                        masks += ";" + std::to_string(48 + random() % 64);
                }
                ASSERT_EQ(inject(list, masks), WIRE_STATUS_OK) << list << " " << masks;
                ASSERT_TRUE(wait_until([&] { return addresses() == list; })) << list << " / " << addresses();
                std::string read = ask().masks, wanted = masks;
                for (size_t at = wanted.rfind(';'); list.find(':') != std::string::npos;) {
                        wanted.insert(at + 1, "/");
                        break;
                }
                ASSERT_EQ(read.substr(0, wanted.size()), wanted);
        }
}

} // namespace
