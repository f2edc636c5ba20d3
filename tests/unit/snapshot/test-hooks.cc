/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <algorithm>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <vector>

#include "common/cleanup.h"
#include "common/units.h"
#include "service/snapshot/hooks-list.h"
#include "service/snapshot/hooks-server.h"
#include "service/snapshot/hooks.h"
#include "tests/support/child.hh"
#include "tests/support/temporary-directory.hh"
#include "tests/support/wait-until.hh"

/* Real scripts, each writing its name and argument to a diary; both ways of running them. */
namespace {

struct Report {
        std::string name, phase, outcome, line;
        bool operator==(const Report &other) const {
                return name == other.name && phase == other.phase && outcome == other.outcome;
        }
};
void PrintTo(const Report &report, std::ostream *out) {
        *out << report.name << " " << report.phase << " " << report.outcome << " \"" << report.line << "\"";
}

class Hooking {
      public:
        Hooking() {
                sd_event_new(&event);
                configuration = configuration_new(false);
                configuration->snapshot.hook_timeout_usec = 5 * USEC_PER_SEC;
                run_directory = directory / "run";
                mkdir(run_directory.c_str(), 0755);
                directory.write("diary", "");
        }
        ~Hooking() {
                hooks_free(hooks);
                sd_event_unref(event);
                configuration_free(configuration);
        }

        void make() {
                const HooksSetup setup = { run_directory.c_str(), 1.0, directory.path().c_str() };
                ASSERT_EQ(hooks_new(event, &setup, configuration, &hooks), 0);
        }

        std::string script(const std::string &name, const std::string &body, mode_t mode = 0755,
                           const std::string &below = "etc") {
                return directory.write(below + "/hvutils/snapshot.d/" + name,
                                       "#!/bin/sh\necho \"${0##*/} $1\" >>" + directory.path() + "/diary\n" +
                                               body + "\n",
                                       mode);
        }

        /* Runs a phase to its end. */
        int run(HookPhase phase, uint64_t budget = 10 * USEC_PER_SEC) {
                if (!hooks)
                        make();
                finished = false;
                reports.clear();
                int r = hooks_run(hooks, phase, budget, on_done, this);
                if (r < 0)
                        return r;
                EXPECT_FALSE(finished) << "answered from within";
                uint64_t end = now_usec(CLOCK_MONOTONIC) + 20 * USEC_PER_SEC;
                while (!finished && now_usec(CLOCK_MONOTONIC) < end)
                        EXPECT_GE(sd_event_run(event, 10 * USEC_PER_MSEC), 0);
                EXPECT_TRUE(finished);
                return result;
        }

        std::vector<std::string> diary() const {
                std::istringstream in(read_file(directory / "diary"));
                std::vector<std::string> lines;
                for (std::string line; std::getline(in, line);)
                        lines.push_back(line);
                return lines;
        }
        bool diary_becomes(const std::vector<std::string> &lines) const {
                return wait_until([&] { return diary() == lines; });
        }

        TemporaryDirectory directory;
        std::string run_directory;
        sd_event *event = nullptr;
        Configuration *configuration;
        Hooks *hooks = nullptr;
        std::vector<Report> reports;
        bool finished = false;
        int result = 0;

      private:
        static void on_done(int result, const GPtrArray *reports, void *userdata) {
                auto *self = static_cast<Hooking *>(userdata);
                for (guint i = 0; i < reports->len; i++) {
                        auto *report = static_cast<const HookReport *>(g_ptr_array_index(reports, i));
                        self->reports.push_back({ report->name, hook_phase_to_string(report->phase),
                                                  hook_outcome_to_string(report->outcome), report->line });
                }
                self->result = result;
                self->finished = true;
        }
};

using Lines = std::vector<std::string>;
using Reports = std::vector<Report>;

/* --- which hooks there are --- */

Lines names_in(const Hooking &world) {
        g_autoptr(GPtrArray) paths = hooks_list(world.directory.path().c_str());
        Lines names;
        for (guint i = 0; i < paths->len; i++)
                names.push_back(static_cast<const char *>(g_ptr_array_index(paths, i)) +
                                world.directory.path().size());
        return names;
}

TEST(HooksList, IsEmptyWithoutDirectories) {
        Hooking world;
        EXPECT_EQ(names_in(world), Lines{});
}

TEST(HooksList, SortsBothDirectoriesTogetherAndEtcHidesUsr) {
        Hooking world;
        world.script("20-b", "", 0755, "usr/lib");
        world.script("10-a", "", 0755, "usr/lib");
        world.script("20-b", "");
        world.script("15-c", "");
        EXPECT_EQ(names_in(world), (Lines{ "/usr/lib/hvutils/snapshot.d/10-a", "/etc/hvutils/snapshot.d/15-c",
                                           "/etc/hvutils/snapshot.d/20-b" }));
}

TEST(HooksList, IsSwitchedOffByAFileInEtcThatIsNoProgram) {
        Hooking world;
        world.script("10-a", "", 0755, "usr/lib");
        world.script("10-a", "", 0644);
        EXPECT_EQ(names_in(world), Lines{});
}

TEST(HooksList, LeavesOutWhatOthersMayWriteAndWhatEditorsLeave) {
        Hooking world;
        world.script("group", "", 0775);
        world.script("world", "", 0757);
        world.script("saved~", "");
        world.script("hook.dpkg-old", "");
        world.script(".hidden", "");
        mkdir((world.directory / "etc/hvutils/snapshot.d/folder").c_str(), 0755);
        world.script("good", "");
        EXPECT_EQ(names_in(world), Lines{ "/etc/hvutils/snapshot.d/good" });
}

TEST(HooksList, LeavesOutADirectoryThatOthersMayWrite) {
        Hooking world;
        world.script("good", "");
        chmod((world.directory / "etc/hvutils/snapshot.d").c_str(), 0777);
        EXPECT_EQ(names_in(world), Lines{});
}

/* --- a child of ours runs them --- */

TEST(Hooks, RunInOrderAndThawInReverse) {
        Hooking world;
        world.script("10-a", "echo first; echo; echo last word");
        world.script("20-b", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.reports, (Reports{ { "10-a", "freeze", "ok" }, { "20-b", "freeze", "ok" } }));
        EXPECT_EQ(world.reports[0].line, "last word");
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK);
        EXPECT_EQ(world.reports, (Reports{ { "20-b", "thaw", "ok" }, { "10-a", "thaw", "ok" } }));
        EXPECT_EQ(world.diary(), (Lines{ "10-a freeze", "20-b freeze", "20-b thaw", "10-a thaw" }));
}

TEST(Hooks, AnswerWithoutAnybodyWhenThereAreNone) {
        Hooking world;
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK);
        EXPECT_TRUE(world.reports.empty());
}

TEST(Hooks, RunOnePhaseAtATime) {
        Hooking world;
        world.script("10-a", "sleep 0.2");
        world.make();
        auto nothing = [](int, const GPtrArray *, void *) {};
        EXPECT_EQ(hooks_run(world.hooks, HOOK_PHASE_FREEZE, USEC_PER_SEC, nothing, nullptr), 0);
        EXPECT_EQ(hooks_run(world.hooks, HOOK_PHASE_THAW, USEC_PER_SEC, nothing, nullptr), -EBUSY);
}

TEST(Hooks, AbortWhenOneFailsAndGiveFailedAndThawToThoseThatRan) {
        Hooking world;
        world.script("10-a", "");
        world.script("20-b", "[ $1 != freeze ] || exit 3");
        world.script("30-c", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_ABORT);
        EXPECT_EQ(world.reports, (Reports{ { "10-a", "freeze", "ok" }, { "20-b", "freeze", "failed" } }));
        EXPECT_EQ(world.run(HOOK_PHASE_FAILED), HOOKS_OK);
        EXPECT_EQ(world.diary(), (Lines{ "10-a freeze", "20-b freeze", "20-b failed", "20-b thaw",
                                         "10-a failed", "10-a thaw" }));
}

TEST(Hooks, GoOnWhenOneFailsAndFailuresAreIgnored) {
        Hooking world;
        world.configuration->snapshot.hook_failure = HOOK_FAILURE_IGNORE;
        world.script("10-a", "exit 1");
        world.script("20-b", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.reports, (Reports{ { "10-a", "freeze", "failed" }, { "20-b", "freeze", "ok" } }));
}

TEST(Hooks, GoOnAfterATimeOutAndThawThatOneToo) {
        Hooking world;
        world.configuration->snapshot.hook_timeout_usec = 200 * USEC_PER_MSEC;
        world.script("10-slow", "[ $1 != freeze ] || exec sleep 30");
        world.script("20-b", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.reports, (Reports{ { "10-slow", "freeze", "timeout" }, { "20-b", "freeze", "ok" } }));
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK);
        EXPECT_EQ(world.diary(), (Lines{ "10-slow freeze", "20-b freeze", "20-b thaw", "10-slow thaw" }));
}

TEST(Hooks, SkipWhatTheBudgetDoesNotReach) {
        Hooking world;
        world.script("10-slow", "[ $1 != freeze ] || exec sleep 30");
        world.script("20-b", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE, 200 * USEC_PER_MSEC), HOOKS_OK);
        EXPECT_EQ(world.reports,
                  (Reports{ { "10-slow", "freeze", "timeout" }, { "20-b", "freeze", "skipped" } }));
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK);
        EXPECT_EQ(world.diary(), (Lines{ "10-slow freeze", "10-slow thaw" }));
}

TEST(Hooks, DoNotWaitForABackgroundClientThatKeepsTheOutput) {
        Hooking world;
        world.script("10-client", "if [ $1 = freeze ]; then sleep 30 & echo $! >" + world.directory.path() +
                                          "/pid; echo locked; else kill -0 $(cat " + world.directory.path() +
                                          "/pid) && echo alive; kill $(cat " + world.directory.path() +
                                          "/pid); fi");
        uint64_t begin = now_usec(CLOCK_MONOTONIC);
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_LT(now_usec(CLOCK_MONOTONIC) - begin, 5 * USEC_PER_SEC);
        EXPECT_EQ(world.reports[0].line, "locked");
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK);
        EXPECT_EQ(world.reports[0].line, "alive");
}

TEST(Hooks, AreNotHeldUpByTheirOwnOutput) {
        Hooking world;
        world.script("10-chatty", "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.reports, (Reports{ { "10-chatty", "freeze", "ok" } }));
        EXPECT_EQ(world.reports[0].line, std::string(200, 'x'));
}

TEST(Hooks, SayWhatCannotBeExecuted) {
        Hooking world;
        world.directory.write("etc/hvutils/snapshot.d/10-a", "#!/no/such/interpreter\n", 0755);
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_ABORT);
        EXPECT_EQ(world.reports[0].line, "cannot be executed");
}

TEST(Hooks, InheritNothingOfOurs) {
        Hooking world;
        world.script("10-a", "ls /proc/self/fd | tr '\\n' ' '; echo; [ \"$(cat /dev/stdin)\" = '' ]");
        auto_fd ours = open("/dev/null", O_RDONLY); /* without close-on-exec */
        ASSERT_GE(ours, 0);
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.reports[0].line, "0 1 2 3 "); /* 3 is the directory that ls reads */
}

/* --- when snapshotd dies --- */

TEST(Hooks, ThawByThemselvesWhenTheConnectionEnds) {
        Hooking world;
        world.script("10-a", "");
        world.script("20-b", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        world.hooks = hooks_free(world.hooks);
        EXPECT_TRUE(world.diary_becomes({ "10-a freeze", "20-b freeze", "20-b thaw", "10-a thaw" }));
}

TEST(Hooks, WaitWithThatUntilNothingIsFrozen) {
        Hooking world;
        world.script("10-a", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        std::string frozen = world.directory.write("run/frozen", "hvutils-frozen 1\n");
        world.hooks = hooks_free(world.hooks);
        usleep(200000);
        EXPECT_EQ(world.diary(), Lines{ "10-a freeze" });
        unlink(frozen.c_str());
        EXPECT_TRUE(world.diary_becomes({ "10-a freeze", "10-a thaw" }));
}

TEST(Hooks, WaitNoLongerThanTheWatchdog) {
        Hooking world;
        world.configuration->snapshot.watchdog_usec = 300 * USEC_PER_MSEC;
        world.script("10-a", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        world.directory.write("run/frozen", "hvutils-frozen 1\n");
        world.hooks = hooks_free(world.hooks);
        EXPECT_TRUE(world.diary_becomes({ "10-a freeze", "10-a thaw" }));
}

TEST(Hooks, FreezeNoMoreWhenTheConnectionEndsInTheMiddle) {
        Hooking world;
        world.script("10-a", "sleep 0.3");
        world.script("20-b", "");
        world.make();
        ASSERT_EQ(hooks_run(
                          world.hooks, HOOK_PHASE_FREEZE, 5 * USEC_PER_SEC,
                          [](int, const GPtrArray *, void *) {}, nullptr),
                  0);
        ASSERT_TRUE(world.diary_becomes({ "10-a freeze" }));
        world.hooks = hooks_free(world.hooks);
        EXPECT_TRUE(world.diary_becomes({ "10-a freeze", "10-a thaw" }));
}

/* --- the service --- */

class Serving : public Hooking {
      public:
        Serving()
            : server([this] {
                      const HooksSetup setup = { run_directory.c_str(), 1.0, directory.path().c_str() };
                      return hooks_serve(&setup) < 0 ? 1 : 0;
              }) {
                EXPECT_TRUE(
                        wait_until([&] { return access((run_directory + "/hooks").c_str(), F_OK) == 0; }));
        }
        Child server;
};

TEST(HooksService, RunsThemOnItsSocketThatIsRootsAlone) {
        Serving world;
        struct stat st;
        ASSERT_EQ(stat((world.run_directory + "/hooks").c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, 0600u);
        world.script("10-a", "echo $PPID");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.reports[0].line, std::to_string(world.server.pid()));
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK);
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK); /* a second snapshot */
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK);
}

TEST(HooksService, LetsTheNextSnapshotWaitUntilTheLastOneThawed) {
        Serving world;
        world.script("10-a", "");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        std::string frozen = world.directory.write("run/frozen", "hvutils-frozen 1\n");
        world.hooks = hooks_free(world.hooks);
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE, 100 * USEC_PER_MSEC), -ETIMEDOUT);
        EXPECT_EQ(world.diary(), Lines{ "10-a freeze" });
        unlink(frozen.c_str());
        EXPECT_TRUE(world.diary_becomes({ "10-a freeze", "10-a thaw" }));
}

TEST(HooksService, IsLeftWhenItIsSilentAndBeginsNothingForOneWhoIsGone) {
        Serving world;
        world.script("10-a", "");
        world.make();
        world.server.signal(SIGSTOP);
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE, 100 * USEC_PER_MSEC), -ETIMEDOUT);
        EXPECT_EQ(world.run(HOOK_PHASE_THAW), HOOKS_OK); /* nothing that we know of ran */
        world.server.signal(SIGCONT);
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), HOOKS_OK);
        EXPECT_EQ(world.diary(), Lines{ "10-a freeze" });
}

TEST(HooksService, DyingInTheMiddleIsAnErrorThatIsNotWaitedFor) {
        Serving world;
        world.script("10-a", "kill -9 $PPID");
        EXPECT_EQ(world.run(HOOK_PHASE_FREEZE), -ECONNRESET);
}

} // namespace
