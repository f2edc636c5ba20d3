/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service as user hvutils, on a bus with our policy, asking the polkitd of the distribution. */
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <optional>
#include <sstream>

#include "common/names.h"
#include "tests/bus/service.hh"
#include "tests/support/real-polkit.hh"

static const char *const rules = R"(
polkit.addRule(function(action, subject) {
    if (action.id == "org.hyperv.utils.kvp.write" && (action.lookup("key") || "").indexOf("desk.") == 0)
        return subject.local && subject.active ? polkit.Result.YES : polkit.Result.NO;
    return polkit.Result.NOT_HANDLED;
});
)";

static std::string source_directory() {
        return g_getenv("HVUTILS_SOURCE_DIR");
}

class Polkit : public testing::Test {
      protected:
        void SetUp() override {
                if (!RealPolkit::possible())
                        GTEST_SKIP() << "needs root and polkitd";
                polkit_.emplace(source_directory(), rules);
                service_.emplace(*polkit_->bus, nullptr, 1.0, RealPolkit::hvutils);
        }
        void TearDown() override {
                service_.reset();
                polkit_.reset();
        }

        static void become(const char *user, uid_t uid) {
                if (initgroups(user, uid) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                        abort();
        }
        /* "ok" or "Error: sentence". before runs as root in the caller's process. */
        std::string set(uid_t uid, const char *pool, const char *key, bool interactive = false,
                        const std::function<void()> &before = {}) {
                return as_user((uid_t)-1, [&] {
                        if (before)
                                before();
                        if (uid != 0)
                                become(uid == RealPolkit::hvuser ? "hvuser" : "hvplain", uid);
                        g_autoptr(sd_bus) bus = polkit_->bus->connect();
                        Answer answer = call(bus, pool, "Set", { key, "v" }, interactive);
                        sd_bus_close(bus);
                        return answer.ok() ? "ok" : answer.error + ": " + answer.message;
                });
        }
        static bool is_refused(const std::string &answer) {
                return answer.rfind("NotAuthorized: ", 0) == 0;
        }

        std::optional<RealPolkit> polkit_;
        std::optional<Service> service_;
};

TEST_F(Polkit, AllowsByARuleOnPoolAndKey) {
        EXPECT_EQ(set(RealPolkit::hvuser, "guest", "app.state"), "ok");
        EXPECT_TRUE(is_refused(set(RealPolkit::hvuser, "guest", "sys.state")));
        EXPECT_TRUE(is_refused(set(RealPolkit::hvuser, "external", "app.state")));
        EXPECT_TRUE(is_refused(set(RealPolkit::hvplain, "guest", "app.state")));
}

TEST_F(Polkit, WantsAPasswordByDefaultAndSaysSo) {
        std::string answer = set(RealPolkit::hvplain, "guest", "a");
        EXPECT_TRUE(is_refused(answer)) << answer;
        EXPECT_NE(answer.find("authentication is needed"), std::string::npos) << answer;
}

TEST_F(Polkit, DeniesByARule) {
        std::string answer = set(RealPolkit::hvplain, "auto_external", "a");
        EXPECT_TRUE(is_refused(answer)) << answer;
        EXPECT_NE(answer.find("polkit refused"), std::string::npos) << answer;
}

TEST_F(Polkit, AbsentMeansNoButNotForRoot) {
        polkit_->stop();
        EXPECT_TRUE(is_refused(set(RealPolkit::hvuser, "guest", "app.state")));
        EXPECT_EQ(set(0, "guest", "app.state"), "ok");
        polkit_->start();
        EXPECT_EQ(set(RealPolkit::hvuser, "guest", "app.state"), "ok");
}

TEST_F(Polkit, DoesNotAnswerWithoutTheOwnerAnnotation) {
        std::string policy = RealPolkit::read(source_directory() + "/polkit/org.hyperv.utils.policy");
        const std::string owner = "unix-user:hvutils";
        for (size_t at; (at = policy.find(owner)) != std::string::npos;)
                policy.replace(at, owner.size(), "unix-user:daemon");

        EXPECT_EQ(set(RealPolkit::hvuser, "guest", "app.state"), "ok");
        polkit_->write_action("org.hyperv.utils.policy", policy);
        EXPECT_TRUE(wait_until([&] { return is_refused(set(RealPolkit::hvuser, "guest", "app.state")); }));
}

TEST_F(Polkit, KnowsActiveFromInactive) {
        std::string groups = RealPolkit::make_session_group();
        if (groups.empty())
                GTEST_SKIP() << "no control group can be made";
        auto place = [&] { RealPolkit::enter_groups(groups); };

        RealPolkit::write_session(true);
        EXPECT_EQ(set(RealPolkit::hvplain, "guest", "desk.a", false, place), "ok");
        RealPolkit::write_session(false);
        EXPECT_TRUE(wait_until(
                [&] { return is_refused(set(RealPolkit::hvplain, "guest", "desk.a", false, place)); }));
        RealPolkit::remove_groups(groups);
}

TEST_F(Polkit, BusPolicyGivesTheNameToNobodyElse) {
        EXPECT_EQ(as_user((uid_t)-1,
                          [&] {
                                  become("hvplain", RealPolkit::hvplain);
                                  g_autoptr(sd_bus) bus = polkit_->bus->connect();
                                  int r = sd_bus_request_name(bus, HVUTILS_BUS_NAME,
                                                              SD_BUS_NAME_REPLACE_EXISTING);
                                  sd_bus_close(bus);
                                  return r == -EACCES || r == -EPERM ? std::string("refused")
                                                                     : std::to_string(r);
                          }),
                  "refused");
}

/* --- a person with a password: an agent that root registers for the caller, and that answers without PAM ---
 */

struct Agent {
        std::string answer; /* "yes" or "no" */
        int said;           /* the message polkit would show goes here */
};

static int on_begin(sd_bus_message *m, void *userdata, sd_bus_error *) {
        auto *agent = static_cast<Agent *>(userdata);
        const char *action, *message, *icon, *cookie;

        if (sd_bus_message_read(m, "sss", &action, &message, &icon) < 0 ||
            sd_bus_message_skip(m, "a{ss}") < 0 || sd_bus_message_read(m, "s", &cookie) < 0)
                return -EINVAL;
        dprintf(agent->said, "%s\n", message);
        if (agent->answer == "yes") {
                int r = sd_bus_call_method(sd_bus_message_get_bus(m), "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority",
                                           "AuthenticationAgentResponse2", nullptr, nullptr, "us(sa{sv})", 0u,
                                           cookie, "unix-user", 1, "uid", "u", 0u);
                if (r < 0)
                        return r;
        }
        return sd_bus_reply_method_return(m, nullptr);
}

static int serve_agent(const std::string &address, pid_t caller, uint64_t start_time, Agent agent) {
        static const sd_bus_vtable vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD("BeginAuthentication", "sssa{ss}sa(sa{sv})", "", on_begin,
                              SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_VTABLE_END,
        };
        g_autoptr(sd_bus) bus = nullptr;

        if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address.c_str()) < 0 ||
            sd_bus_set_bus_client(bus, true) < 0 || sd_bus_start(bus) < 0 ||
            sd_bus_add_object_vtable(bus, nullptr, "/agent", "org.freedesktop.PolicyKit1.AuthenticationAgent",
                                     vtable, &agent) < 0 ||
            sd_bus_call_method(bus, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                               "org.freedesktop.PolicyKit1.Authority", "RegisterAuthenticationAgent", nullptr,
                               nullptr, "(sa{sv})ss", "unix-process", 2, "pid", "u", (uint32_t)caller,
                               "start-time", "t", start_time, "C", "/agent") < 0)
                return 1;
        dprintf(agent.said, "registered\n");
        for (;;)
                if (sd_bus_process(bus, nullptr) == 0)
                        sd_bus_wait(bus, UINT64_MAX);
}

static uint64_t start_time_of(pid_t pid) {
        std::string stat = RealPolkit::read("/proc/" + std::to_string(pid) + "/stat");
        std::istringstream fields(stat.substr(stat.rfind(')') + 2));
        std::string field;
        for (int i = 3; i <= 22; i++)
                fields >> field;
        return std::stoull(field);
}

class PolkitAgent : public Polkit {
      protected:
        /* hvplain sets a key while an agent with this answer sits beside; what the agent would have shown is
         * said first. */
        std::string set_with_agent(const char *answer) {
                return call_with_agent(answer, "Set", { "sys.state", "v" });
        }
        std::string call_with_agent(const char *answer, const char *member,
                                    const std::vector<std::string> &arguments) {
                int said[2], go[2], result[2];
                if (pipe2(said, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0 || pipe2(result, O_CLOEXEC) < 0)
                        return "pipe";

                Child caller([&] {
                        char word;
                        close(said[1]);
                        close(go[1]);
                        become("hvplain", RealPolkit::hvplain);
                        dprintf(result[1], "ready\n");
                        if (read(go[0], &word, 1) < 0)
                                return 1;
                        g_autoptr(sd_bus) bus = polkit_->bus->connect();
                        Answer set = call(bus, "guest", member, arguments, true);
                        sd_bus_close(bus);
                        dprintf(result[1], "%s\n", set.ok() ? "ok" : set.error.c_str());
                        return 0;
                });
                close(result[1]);
                EXPECT_EQ(line_of(result[0]), "ready");
                Child agent([&] {
                        return serve_agent(polkit_->bus->address(), caller.pid(), start_time_of(caller.pid()),
                                           { answer, said[1] });
                });
                close(said[1]);
                EXPECT_EQ(line_of(said[0]), "registered");
                EXPECT_EQ(write(go[1], "g", 1), 1);
                std::string outcome = line_of(result[0]), shown = line_of(said[0]);
                for (int fd : { said[0], go[0], go[1], result[0] })
                        close(fd);
                return shown + ": " + outcome;
        }

      private:
        static std::string line_of(int fd) {
                std::string line;
                for (char c; read(fd, &c, 1) == 1 && c != '\n';)
                        line += c;
                return line;
        }
};

TEST_F(PolkitAgent, PasswordGivenIsAllowedAndTheQuestionIsUnderstood) {
        EXPECT_EQ(set_with_agent("yes"),
                  "Authentication is required to change key 'sys.state' in Hyper-V pool 'guest', which "
                  "the host reads: ok");
}

TEST_F(PolkitAgent, IsToldWhenTheWholePoolIsMeant) {
        EXPECT_EQ(call_with_agent("yes", "Clear", {}),
                  "Authentication is required to change all keys in Hyper-V pool 'guest', which the host "
                  "reads: ok");
}

TEST_F(PolkitAgent, PasswordNotGivenIsRefused) {
        EXPECT_EQ(set_with_agent("no"),
                  "Authentication is required to change key 'sys.state' in Hyper-V pool 'guest', which "
                  "the host reads: NotAuthorized");
}
