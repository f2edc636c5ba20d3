/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the service says without being asked, long answers, and a bus that stops, dies and comes back. */
#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <set>
#include <thread>

#include "common/names.h"
#include "tests/bus/service.hh"
#include "tests/support/fake-polkit.hh"

using namespace std::chrono_literals;

/* What a listener heard of one pool. */
class Listener {
      public:
        Listener(const PrivateBus &bus, const char *pool) : bus_(bus.connect()) {
                std::string path = std::string(HVUTILS_OBJECT_KVP "/") + pool;
                sd_bus_match_signal(bus_, nullptr, HVUTILS_BUS_NAME, path.c_str(), HVUTILS_INTERFACE_POOL,
                                    "Changed", on_changed, this);
                sd_bus_match_signal(bus_, nullptr, HVUTILS_BUS_NAME, path.c_str(),
                                    "org.freedesktop.DBus.Properties", "PropertiesChanged", on_properties,
                                    this);
        }
        ~Listener() {
                sd_bus_close_unref(bus_);
        }
        sd_bus *bus() {
                return bus_;
        }
        bool hears(const std::function<bool()> &condition, std::chrono::milliseconds limit = 5s) {
                auto end = std::chrono::steady_clock::now() + limit;
                while (!condition() && std::chrono::steady_clock::now() < end)
                        if (sd_bus_process(bus_, nullptr) == 0)
                                sd_bus_wait(bus_, 10000);
                return condition();
        }
        void listen(std::chrono::milliseconds time) {
                hears([] { return false; }, time);
        }

        std::set<std::string> keys, removed, origins;
        int changed = 0, all = 0, properties = 0;

      private:
        static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *) {
                auto *self = static_cast<Listener *>(userdata);
                const char *name;
                int all;

                EXPECT_STREQ(sd_bus_message_get_signature(m, true), "asasbs");
                for (auto *names : { &self->keys, &self->removed }) {
                        sd_bus_message_enter_container(m, 'a', "s");
                        while (sd_bus_message_read(m, "s", &name) > 0)
                                names->insert(name);
                        sd_bus_message_exit_container(m);
                }
                sd_bus_message_read(m, "bs", &all, &name);
                self->all += all;
                self->origins.insert(name);
                self->changed++;
                return 0;
        }
        static int on_properties(sd_bus_message *, void *userdata, sd_bus_error *) {
                static_cast<Listener *>(userdata)->properties++;
                return 0;
        }
        sd_bus *bus_;
};

static void many_records(Kvp &kvp, KvpPool pool, size_t n, size_t value_size) {
        for (size_t i = 0; i < n; i++)
                kvp.pools[pool].records.emplace_back("key" + std::to_string(i), std::string(value_size, 'x'));
}

static int on_storm(sd_event_source *source, uint64_t, void *userdata) {
        auto *kvp = static_cast<Kvp *>(userdata);
        static int n;

        for (int i = 0; i < 50; i++) {
                std::string name = "storm" + std::to_string(n++);
                const char *keys[] = { name.c_str(), nullptr }, *none[] = { nullptr };
                KvpChange change = { KVP_POOL_ID_AUTO_EXTERNAL, KVP_ORIGIN_HOST, keys, none, false, true };
                kvp->pools[KVP_POOL_ID_AUTO_EXTERNAL].generation++;
                kvp->observer.changed(&change, kvp->observer_userdata);
        }
        sd_event_source_set_time_relative(source, 1000);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* 50,000 changes a second, each of another key. */
static void storm(Kvp &kvp) {
        sd_event_add_time_relative(kvp.event, nullptr, CLOCK_MONOTONIC, 1000, 1, on_storm, &kvp);
}

static Answer set_as(const PrivateBus &bus, const char *pool, const char *key) {
        g_autoptr(sd_bus) connection = bus.connect();
        Answer answer = call(connection, pool, "Set", { key, "hush" });
        sd_bus_close(connection);
        return answer;
}

TEST(Signals, CarryNamesAndOriginButNoValues) {
        PrivateBus bus;
        FakePolkit polkit(bus);
        Service service(bus);
        Listener listener(bus, "guest");

        EXPECT_TRUE(set_as(bus, "guest", "a").ok());
        EXPECT_TRUE(listener.hears([&] { return listener.keys.count("a") == 1; }));
        EXPECT_EQ(listener.origins, std::set<std::string>{ "bus" });
        EXPECT_EQ(listener.keys.count("hush"), 0u);
        EXPECT_TRUE(call(listener.bus(), "guest", "Remove", { "a" }).ok());
        EXPECT_TRUE(listener.hears([&] { return listener.removed.count("a") == 1; }));
}

TEST(Signals, MoreThan256NamesAreAll) {
        PrivateBus bus;
        FakePolkit polkit(bus);
        Service service(bus);
        Listener listener(bus, "guest");
        std::vector<std::string> keys;
        for (int i = 0; i < 300; i++)
                keys.push_back("k" + std::to_string(i));

        EXPECT_TRUE(set_many(listener.bus(), "guest", keys).ok());
        EXPECT_TRUE(listener.hears([&] { return listener.all == 1; }));
        EXPECT_TRUE(listener.keys.empty());
}

TEST(Signals, PrivateFileChangesOnlyCountAndGeneration) {
        PrivateBus bus;
        FakePolkit polkit(bus);
        Service service(bus, [](Kvp &kvp) { kvp.pools[KVP_POOL_ID_GUEST].world_readable = false; });
        Listener listener(bus, "guest");

        EXPECT_TRUE(set_as(bus, "guest", "a").ok());
        EXPECT_TRUE(listener.hears([&] { return listener.properties > 0; }));
        listener.listen(100ms);
        EXPECT_EQ(listener.changed, 0);
}

TEST(Signals, AStormIsToldInFewWords) {
        PrivateBus bus;
        Service service(bus, storm);
        Listener listener(bus, "auto_external");

        listener.listen(1s);
        EXPECT_GT(listener.properties, 2);
        EXPECT_LE(listener.properties, 12); /* ten a second, and the edges */
        EXPECT_GT(listener.changed, 10);
        EXPECT_LE(listener.changed, 110);
}

static size_t resident_kib(pid_t pid) {
        std::ifstream status("/proc/" + std::to_string(pid) + "/status");
        std::string word;
        while (status >> word)
                if (word == "VmRSS:") {
                        size_t kib;
                        status >> kib;
                        return kib;
                }
        return 0;
}

/* Freed memory stays resident under ASan, in its quarantine. */
#ifdef __SANITIZE_ADDRESS__
constexpr size_t growth_max_kib = 64 * 1024;
#else
constexpr size_t growth_max_kib = 4096;
#endif

TEST(StoppedBus, DoesNotMakeTheServiceGrow) {
        PrivateBus bus;
        Service service(bus, storm);
        Listener listener(bus, "auto_external");
        listener.listen(200ms);
        size_t before = resident_kib(service.child().pid());
        int changed = listener.changed;

        bus.daemon().signal(SIGSTOP);
        std::this_thread::sleep_for(1500ms);
        EXPECT_LT(resident_kib(service.child().pid()), before + growth_max_kib);
        bus.daemon().signal(SIGCONT);

        EXPECT_TRUE(listener.hears([&] { return listener.changed > changed; }))
                << "what was missed is not told";
        EXPECT_EQ(get_property(listener.bus(), HVUTILS_OBJECT_KVP "/guest", HVUTILS_INTERFACE_POOL, "Name")
                          .text,
                  "guest");
}

static size_t descriptors(pid_t pid) {
        std::filesystem::directory_iterator files("/proc/" + std::to_string(pid) + "/fd");
        return (size_t) std::distance(begin(files), end(files));
}

TEST(DyingBus, MayComeBackAgainAndAgain) {
        PrivateBus bus;
        Service service(bus, [](Kvp &kvp) { kvp.pools[KVP_POOL_ID_GUEST].records = { { "Owner", "me" } }; });
        size_t before = descriptors(service.child().pid());

        for (int i = 0; i < 20; i++) {
                bus.stop();
                bus.start();
                ASSERT_TRUE(wait_until([&] { return bus.has_name(HVUTILS_BUS_NAME); })) << "round " << i;
        }
        g_autoptr(sd_bus) connection = bus.connect();
        EXPECT_EQ(call(connection, "guest", "Get", { "Owner" }).text, "me");
        EXPECT_LE(descriptors(service.child().pid()), before + 1);
        sd_bus_close(connection);
}

TEST(DyingBus, IsBackSoonAlthoughItsOldSocketRefused) {
        PrivateBus bus;
        Service service(bus, {}, 1.0);
        bus.stop();
        ASSERT_EQ(access(bus.socket().c_str(), F_OK), 0) << "nobody listens, but the socket is there";
        usleep(700 * 1000);
        bus.start();
        EXPECT_TRUE(wait_until([&] { return bus.has_name(HVUTILS_BUS_NAME); },
                               std::chrono::milliseconds(1500)));
}

TEST(DyingBus, TakesWaitingCallsAlong) {
        PrivateBus bus;
        Service service(bus);
        g_autoptr(sd_bus) connection = bus.connect();

        for (int i = 0; i < 3; i++)
                sd_bus_call_method_async(connection, nullptr, HVUTILS_BUS_NAME, HVUTILS_OBJECT_KVP "/guest",
                                         HVUTILS_INTERFACE_POOL, "Set", nullptr, nullptr, "ss", "locked",
                                         "v");
        sd_bus_flush(connection);
        std::this_thread::sleep_for(50ms);
        bus.stop();
        bus.start();
        EXPECT_TRUE(wait_until([&] { return bus.has_name(HVUTILS_BUS_NAME); }));
        sd_bus_close(connection);
}

/* The number of pairs, or minus one and the error's name. */
static int get_all(sd_bus *bus, const char *pool, std::string *ret_error = nullptr,
                   std::string *ret_keys = nullptr) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        g_autoptr(sd_bus_message) reply = nullptr;
        std::string path = std::string(HVUTILS_OBJECT_KVP "/") + pool;
        const char *key, *value;
        int n = 0;

        if (sd_bus_call_method(bus, HVUTILS_BUS_NAME, path.c_str(), HVUTILS_INTERFACE_POOL, "GetAll", &error,
                               &reply, "") < 0) {
                if (ret_error)
                        *ret_error = error.name;
                return -1;
        }
        sd_bus_message_enter_container(reply, 'a', "{ss}");
        while (sd_bus_message_read(reply, "{ss}", &key, &value) > 0) {
                n++;
                if (ret_keys)
                        *ret_keys += std::string(key) + "=" + value + ";";
        }
        return n;
}

class Listing : public testing::Test {
      protected:
        void serve(const std::function<void(Kvp &)> &prepare) {
                service_.emplace(bus_, prepare);
                connection_ = bus_.connect();
        }
        void TearDown() override {
                sd_bus_close_unref(connection_);
        }
        PrivateBus bus_;
        std::optional<Service> service_;
        sd_bus *connection_ = nullptr;
};

TEST_F(Listing, ShowsEachKeyOnce) {
        serve([](Kvp &kvp) {
                kvp.pools[KVP_POOL_ID_GUEST].records = { { "a", "1" }, { "b\xff", "2" }, { "a", "3" } };
        });
        EXPECT_EQ(get_all(connection_, "guest"), 2);
        EXPECT_EQ(get_all(connection_, "external"), 0);
}

TEST_F(Listing, KeepsTheOrderOfTheFileWithTheLastValues) {
        std::string keys;
        serve([](Kvp &kvp) {
                kvp.pools[KVP_POOL_ID_GUEST].records = {
                        { "z", "1" }, { "m", "2" }, { "a", "3" }, { "z", "4" }
                };
        });
        EXPECT_EQ(get_all(connection_, "guest", nullptr, &keys), 3);
        EXPECT_EQ(keys, "z=4;m=2;a=3;");
}

TEST_F(Listing, OfThreeMebibytesComesInSlices) {
        serve([](Kvp &kvp) { many_records(kvp, KVP_POOL_ID_GUEST, 1600, 2000); });
        EXPECT_EQ(get_all(connection_, "guest"), 1600);
}

TEST_F(Listing, OfMoreThanEightMebibytesIsRefused) {
        std::string error;
        serve([](Kvp &kvp) { many_records(kvp, KVP_POOL_ID_GUEST, 4300, 2000); });
        EXPECT_EQ(get_all(connection_, "guest", &error), -1);
        EXPECT_EQ(error, HVUTILS_ERROR_TOO_LARGE);
}

TEST_F(Listing, EndsAlthoughThePoolChangesAllTheTime) {
        serve([](Kvp &kvp) {
                many_records(kvp, KVP_POOL_ID_GUEST, 1600, 2000);
                kvp.changing = true;
        });
        EXPECT_EQ(get_all(connection_, "guest"), 1600);
}

TEST_F(Listing, LongOnesAreOneAtATimeForACaller) {
        serve([](Kvp &kvp) { many_records(kvp, KVP_POOL_ID_GUEST, 3500, 2000); });
        std::string error;
        sd_bus_call_method_async(connection_, nullptr, HVUTILS_BUS_NAME, HVUTILS_OBJECT_KVP "/guest",
                                 HVUTILS_INTERFACE_POOL, "GetAll", nullptr, nullptr, "");
        EXPECT_EQ(get_all(connection_, "guest", &error), -1);
        EXPECT_EQ(error, HVUTILS_ERROR_LIMITS_EXCEEDED);
        g_autoptr(sd_bus) other = bus_.connect();
        EXPECT_EQ(get_all(other, "guest"), 3500);
        sd_bus_close(other);
}

TEST(ObjectManager, ShowsTheFivePools) {
        PrivateBus bus;
        Service service(bus);
        g_autoptr(sd_bus) connection = bus.connect();
        g_autoptr(sd_bus_message) reply = nullptr;
        std::set<std::string> paths;
        const char *path;

        ASSERT_GE(sd_bus_call_method(connection, HVUTILS_BUS_NAME, HVUTILS_OBJECT_ROOT,
                                     "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", nullptr,
                                     &reply, ""),
                  0);
        sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}");
        while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
                sd_bus_message_read(reply, "o", &path);
                sd_bus_message_skip(reply, "a{sa{sv}}");
                sd_bus_message_exit_container(reply);
                if (g_str_has_prefix(path, HVUTILS_OBJECT_KVP "/"))
                        paths.insert(path);
        }
        EXPECT_EQ(paths.size(), 5u);
        EXPECT_EQ(paths.count(HVUTILS_OBJECT_KVP "/auto_internal"), 1u);
        sd_bus_close(connection);
}
