/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service on a real bus, with a polkit that does what the test wants. Callers are uid 65534 where we may
 * choose. */
#include <chrono>
#include <gtest/gtest.h>
#include <thread>

#include "common/names.h"
#include "tests/bus/service.hh"
#include "tests/support/fake-polkit.hh"

static uid_t nobody() {
        return getuid() == 0 ? 65534 : (uid_t)-1;
}

static void fill(Kvp &kvp) {
        kvp.pools[KVP_POOL_ID_GUEST].records = {
                { "Owner", "me" }, { "Raw", "a\xff" }, { "Twice", "old" }, { "Twice", "new" }
        };
        kvp.pools[KVP_POOL_ID_EXTERNAL].records = { { "Secret", "s3cr3t" } };
        kvp.pools[KVP_POOL_ID_EXTERNAL].world_readable = false;
}

class ServiceWithPolkit : public testing::Test {
      protected:
        /* "ok", "ok:value" or the error's name. */
        std::string as_nobody(const std::function<Answer(sd_bus *)> &what) {
                return as_user(nobody(), [&] {
                        g_autoptr(sd_bus) bus = bus_.connect();
                        Answer answer = what(bus);
                        sd_bus_close(bus);
                        return answer.ok() ? "ok" + (answer.text.empty() ? "" : ":" + answer.text)
                                           : answer.error;
                });
        }
        std::string set(const char *pool, const char *key, bool interactive = false) {
                return as_nobody([=](sd_bus *bus) {
                        return call(bus, pool, "Set", { key, "v" }, interactive);
                });
        }
        std::string get(const char *pool, const char *key) {
                return as_nobody([=](sd_bus *bus) { return call(bus, pool, "Get", { key }); });
        }

        PrivateBus bus_;
        FakePolkit polkit_{ bus_ };
        Service service_{ bus_, fill };
};

using Reading = ServiceWithPolkit;
using Authorization = ServiceWithPolkit;
using Writing = ServiceWithPolkit;

TEST_F(Reading, IsForEverybody) {
        EXPECT_EQ(get("guest", "Owner"), "ok:me");
        EXPECT_EQ(get("guest", "Missing"), "NotFound");
        EXPECT_EQ(polkit_.asked(), "");
}

TEST_F(Reading, LastOfTwoRecordsCounts) {
        EXPECT_EQ(get("guest", "Twice"), "ok:new");
}

TEST_F(Reading, MendsWhatIsNotUtf8ButNotInGetRaw) {
        EXPECT_EQ(get("guest", "Raw"), "ok:a\xEF\xBF\xBD");
        EXPECT_EQ(as_nobody([](sd_bus *bus) { return call(bus, "guest", "GetRaw", { "Raw" }); }), "ok:a\xff");
}

TEST_F(Reading, OfAPrivateFileIsPolkitsQuestion) {
        EXPECT_EQ(get("external", "Secret"), "ok:s3cr3t");
        EXPECT_TRUE(polkit_.hears("org.hyperv.utils.kvp.read-private external Secret 0\n"));
        EXPECT_EQ(get("external", "deny"), "NotAuthorized");
}

TEST_F(Reading, OfAWholePrivateFileIsAskedForInWordsOfItsOwn) {
        (void) as_nobody([](sd_bus *bus) { return call(bus, "external", "GetAll", {}); });
        EXPECT_TRUE(polkit_.hears(
                "says Authentication is required to read all keys of the private Hyper-V pool '$(pool)'\n"
                "org.hyperv.utils.kvp.read-private external  0\n"));
}

TEST_F(Authorization, AllowedIsDone) {
        EXPECT_EQ(set("guest", "a"), "ok");
        EXPECT_EQ(get("guest", "a"), "ok:v");
        EXPECT_TRUE(polkit_.hears("org.hyperv.utils.kvp.write guest a 0\n"));
}

TEST_F(Authorization, HostPoolsHaveTheirOwnAction) {
        EXPECT_EQ(set("auto_external", "a"), "ok");
        EXPECT_TRUE(polkit_.hears("org.hyperv.utils.kvp.write-host-pool auto_external a 0\n"));
}

TEST_F(Authorization, DeniedChangesNothing) {
        EXPECT_EQ(set("guest", "deny"), "NotAuthorized");
        EXPECT_EQ(get("guest", "deny"), "NotFound");
}

TEST_F(Authorization, PasswordIsAskedForOnlyWhenTheCallerAllowsIt) {
        EXPECT_EQ(set("guest", "ask"), "NotAuthorized");
        EXPECT_EQ(set("guest", "ask", true), "ok");
        EXPECT_TRUE(polkit_.hears("guest ask 1\n"));
        EXPECT_EQ(set("guest", "dismiss", true), "NotAuthorized");
}

TEST_F(Authorization, SilenceIsNo) {
        auto start = std::chrono::steady_clock::now();
        EXPECT_EQ(set("guest", "never"), "NotAuthorized"); /* 5 s, scaled to 250 ms */
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
        EXPECT_TRUE(polkit_.hears("cancel\n"));
        EXPECT_EQ(get("guest", "Owner"), "ok:me");
}

TEST_F(Authorization, LateAnswerDoesNotCountAndHurtsNobody) {
        EXPECT_EQ(set("guest", "late"), "NotAuthorized");
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        EXPECT_EQ(get("guest", "late"), "NotFound");
        EXPECT_EQ(set("guest", "late", true), "ok"); /* 25 s, scaled to 1.25 s */
}

TEST_F(Authorization, GarbageAndErrorsAreNo) {
        EXPECT_EQ(set("guest", "garbage"), "NotAuthorized");
        EXPECT_EQ(set("guest", "error"), "NotAuthorized");
}

TEST_F(Authorization, RootNeedsNoPolkit) {
        if (getuid() != 0)
                GTEST_SKIP() << "not root";
        g_autoptr(sd_bus) bus = bus_.connect();
        EXPECT_TRUE(call(bus, "guest", "Set", { "deny", "v" }).ok());
        EXPECT_EQ(polkit_.asked(), "");
        sd_bus_close(bus);
}

TEST_F(Authorization, CallerThatIsGoneTakesItsQuestionAlong) {
        as_nobody([](sd_bus *bus) {
                for (const char *key : { "never1", "never2", "never3", "never4" }) {
                        g_autoptr(sd_bus_message) m = nullptr;
                        sd_bus_message_new_method_call(bus, &m, HVUTILS_BUS_NAME, HVUTILS_OBJECT_KVP "/guest",
                                                       HVUTILS_INTERFACE_POOL, "Set");
                        sd_bus_message_append(m, "ss", key, "v");
                        sd_bus_message_set_allow_interactive_authorization(m, true);
                        sd_bus_send(bus, m, nullptr);
                }
                sd_bus_flush(bus);
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
                return Answer{};
        });
        EXPECT_TRUE(polkit_.hears("cancel\ncancel\ncancel\ncancel\n"));
        EXPECT_EQ(set("guest", "a"), "ok");
}

TEST_F(Authorization, FifthQuestionOfOneCallerIsTooMany) {
        EXPECT_EQ(as_nobody([](sd_bus *bus) {
                          for (const char *key : { "never1", "never2", "never3", "never4" }) {
                                  sd_bus_call_method_async(
                                          bus, nullptr, HVUTILS_BUS_NAME, HVUTILS_OBJECT_KVP "/guest",
                                          HVUTILS_INTERFACE_POOL, "Set", nullptr, nullptr, "ss", key, "v");
                          }
                          Answer answer = call(bus, "guest", "Set", { "a", "v" });
                          EXPECT_NE(answer.message.find("authorizations"), std::string::npos)
                                  << answer.message;
                          return answer;
                  }),
                  "LimitsExceeded");
}

TEST_F(Authorization, OneNoRefusesManyBeforeAnyPrompt) {
        EXPECT_EQ(as_nobody([](sd_bus *bus) {
                          return set_many(bus, "guest", { "ask1", "b", "deny" }, true);
                  }),
                  "NotAuthorized");
        EXPECT_TRUE(polkit_.hears("guest deny 0\n"));
        EXPECT_EQ(polkit_.asked().find(" 1\n"), std::string::npos) << "somebody was asked for a password";
        EXPECT_EQ(get("guest", "b"), "NotFound");
}

TEST_F(Authorization, ManyAskForPasswordsOneAfterTheOther) {
        EXPECT_EQ(as_nobody([](sd_bus *bus) {
                          return set_many(bus, "guest", { "ask1", "b", "ask2" }, true);
                  }),
                  "ok");
        EXPECT_TRUE(polkit_.hears(
                "guest ask1 0\norg.hyperv.utils.kvp.write guest b 0\norg.hyperv.utils.kvp.write guest "
                "ask2 0\norg.hyperv.utils.kvp.write guest ask1 1\norg.hyperv.utils.kvp.write guest "
                "ask2 1\n"));
        EXPECT_EQ(get("guest", "ask2"), "ok:many");
}

TEST_F(Authorization, BadRequestsEndBeforePolkit) {
        EXPECT_EQ(set("auto", "a"), "ReadOnly");
        EXPECT_EQ(set("auto_internal", "a"), "ReadOnly");
        EXPECT_EQ(set("guest", ""), "InvalidArgument");
        EXPECT_EQ(set("guest", std::string(255, 'k').c_str()), "KeyTooLong");
        EXPECT_EQ(as_nobody([](sd_bus *bus) { return call(bus, "auto", "Clear", {}); }), "ReadOnly");
        EXPECT_EQ(as_nobody([](sd_bus *bus) { return set_if(bus, "guest", "a", "b", "c", 3); }),
                  "InvalidArgument");
        EXPECT_EQ(as_nobody([](sd_bus *bus) { return set_if(bus, "guest", "a", "b", "c", 64); }),
                  "InvalidArgument");
        EXPECT_EQ(polkit_.asked(), "");
}

TEST_F(Authorization, WritablePropertyIsGuarded) {
        auto set_level = [](sd_bus *bus, const char *level) {
                g_autoptr(sd_bus_message) m = nullptr;
                sd_bus_message_new_method_call(bus, &m, HVUTILS_BUS_NAME, LOG_CONTROL_OBJECT,
                                               "org.freedesktop.DBus.Properties", "Set");
                sd_bus_message_append(m, "ssv", LOG_CONTROL_INTERFACE, "LogLevel", "s", level);
                return finish(bus, m);
        };
        EXPECT_EQ(as_nobody([&](sd_bus *bus) { return set_level(bus, "loud"); }), "InvalidArgument");
        EXPECT_EQ(polkit_.asked(), "");
        EXPECT_EQ(as_nobody([&](sd_bus *bus) { return set_level(bus, "warning"); }), "ok");
        EXPECT_TRUE(polkit_.hears("org.hyperv.utils.manage - - 0\n"));
        EXPECT_EQ(as_nobody([](sd_bus *bus) {
                          return get_property(bus, LOG_CONTROL_OBJECT, LOG_CONTROL_INTERFACE, "LogLevel");
                  }),
                  "ok:warning");
}

TEST_F(Authorization, ReloadIsGuarded) {
        EXPECT_EQ(as_nobody([](sd_bus *bus) {
                          g_autoptr(sd_bus_message) m = nullptr;
                          sd_bus_message_new_method_call(bus, &m, HVUTILS_BUS_NAME, HVUTILS_OBJECT_ROOT,
                                                         HVUTILS_INTERFACE_MANAGER, "ReloadConfiguration");
                          return finish(bus, m);
                  }),
                  "ok");
        EXPECT_TRUE(polkit_.hears("org.hyperv.utils.manage - - 0\n"));
        EXPECT_EQ(as_nobody([](sd_bus *bus) {
                          return get_property(bus, HVUTILS_OBJECT_KVP "/guest", HVUTILS_INTERFACE_POOL,
                                              "Problem");
                  }),
                  "ok:reloaded");
}

TEST_F(Writing, ConditionsAreNamed) {
        auto conditional = [this](const char *key, const char *expected, uint32_t flags) {
                return as_nobody(
                        [=](sd_bus *bus) { return set_if(bus, "guest", key, "you", expected, flags); });
        };
        EXPECT_EQ(conditional("Owner", "", 1), "Exists");
        EXPECT_EQ(conditional("Owner", "him", 2), "Changed");
        EXPECT_EQ(conditional("Missing", "him", 2), "NotFound");
        EXPECT_EQ(conditional("Owner", "me", 2), "ok");
        EXPECT_EQ(get("guest", "Owner"), "ok:you");
}

TEST_F(Writing, OutcomesAreNamed) {
        EXPECT_EQ(set("guest", "full"), "PoolFull");
        EXPECT_EQ(set("guest", "frozen"), "Frozen");
        EXPECT_EQ(set("guest", "storage"), "Storage");
        EXPECT_EQ(as_nobody([](sd_bus *bus) { return call(bus, "guest", "Remove", { "Missing" }); }),
                  "NotFound");
}

TEST_F(Writing, ClearSaysHowMany) {
        EXPECT_EQ(as_nobody([](sd_bus *bus) { return call(bus, "guest", "Clear", {}); }), "ok:4");
}

TEST_F(Writing, WaitsForTheLockAndServesOthersMeanwhile) {
        Child waiting([&] { return set("guest", "busy") == "ok" ? 0 : 1; });
        EXPECT_EQ(get("guest", "Owner"), "ok:me");
        EXPECT_EQ(waiting.wait(), 0);
        EXPECT_EQ(get("guest", "busy"), "ok:v");
}

TEST_F(Writing, PairsOfOneCallHaveALimit) {
        std::vector<std::string> keys;
        for (int i = 0; i <= KVP_PAIRS_MAX; i++)
                keys.push_back("k" + std::to_string(i));
        EXPECT_EQ(as_nobody([&](sd_bus *bus) { return set_many(bus, "guest", keys); }), "LimitsExceeded");
        EXPECT_EQ(polkit_.asked(), "");
}

TEST_F(Writing, WaitingCallsHaveALimit) {
        if (getuid() != 0)
                GTEST_SKIP() << "not root, and polkit's own limit is lower";
        g_autoptr(sd_bus) bus = bus_.connect();
        for (int i = 0; i < 128; i++)
                sd_bus_call_method_async(bus, nullptr, HVUTILS_BUS_NAME, HVUTILS_OBJECT_KVP "/guest",
                                         HVUTILS_INTERFACE_POOL, "Set", nullptr, nullptr, "ss", "locked",
                                         "v");
        Answer answer;
        EXPECT_TRUE(wait_until([&] {
                answer = call(bus, "guest", "Set", { "a", "v" });
                return !answer.ok();
        }));
        EXPECT_EQ(answer.error, "LimitsExceeded");
        EXPECT_NE(answer.message.find("waiting calls"), std::string::npos) << answer.message;
        sd_bus_close(bus);
}
