/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decisions about an injection, as a table: events in, state and effects out. */
#include "service/network/injection.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

struct Step {
        InjectionEvent event;
        ConfiguratorResult result;
        std::string state;
        unsigned effects;
};

constexpr InjectionEvent request = INJECTION_EVENT_REQUEST, kept = INJECTION_EVENT_KEPT,
                         answer = INJECTION_EVENT_ANSWER, retry = INJECTION_EVENT_RETRY,
                         appeared = INJECTION_EVENT_APPEARED, deadline = INJECTION_EVENT_DEADLINE,
                         forget = INJECTION_EVENT_FORGET;
constexpr ConfiguratorResult yes = CONFIGURATOR_YES, no = CONFIGURATOR_NO, refused = CONFIGURATOR_REFUSED,
                             absent = CONFIGURATOR_ABSENT, busy = CONFIGURATOR_BUSY,
                             failed = CONFIGURATOR_FAILED;

void walk(const std::vector<Step> &steps, bool apply_late = true) {
        Injection injection = {};
        for (size_t i = 0; i < steps.size(); i++) {
                unsigned effects = injection_decide(&injection, steps[i].event, steps[i].result, apply_late);
                EXPECT_EQ(injection_word(&injection), steps[i].state) << "step " << i;
                EXPECT_EQ(effects, steps[i].effects) << "step " << i;
        }
}

const Step asked = { request, no, "asking", INJECTION_KEEP | INJECTION_ASK };
const Step applying = { answer, yes, "applying", INJECTION_APPLY };
const Step waiting = { answer, absent, "waiting", INJECTION_ASK_SOON };
const Step told_late = { deadline, no, "late", INJECTION_FAIL };

TEST(Injections, AreAppliedByWhoSaysYes) {
        walk({ asked, applying, { answer, yes, "applied", INJECTION_UNKEEP | INJECTION_SUCCEED } });
}

TEST(Injections, AreRefusedByName) {
        walk({ asked, { answer, refused, "refused", INJECTION_UNKEEP | INJECTION_FAIL } });
}

TEST(Injections, FailWhenEverybodyLeavesTheInterfaceToOthers) {
        walk({ asked, { answer, no, "failed", INJECTION_UNKEEP | INJECTION_FAIL } });
}

TEST(Injections, FailWhenApplyDidNotHold) {
        walk({ asked, applying, { answer, failed, "failed", INJECTION_UNKEEP | INJECTION_FAIL } });
}

TEST(Injections, WaitForAConfiguratorToCome) {
        walk({ asked,
               waiting,
               { retry, no, "asking", INJECTION_ASK },
               waiting,
               { appeared, no, "asking", INJECTION_ASK },
               applying });
}

TEST(Injections, AskAgainWhenSomebodyComesMeanwhile) {
        walk({ asked, { appeared, no, "asking", 0 }, { answer, absent, "asking", INJECTION_ASK }, waiting });
}

TEST(Injections, TryABusyConfiguratorAgainUntilTheDeadline) {
        walk({ asked,
               applying,
               { answer, busy, "waiting", INJECTION_ASK_SOON },
               { retry, no, "asking", INJECTION_ASK },
               applying,
               { deadline, no, "late", INJECTION_FAIL },
               { answer, busy, "failed", INJECTION_UNKEEP | INJECTION_FAIL } });
}

TEST(Injections, AreAppliedLate) {
        walk({ asked,
               waiting,
               told_late,
               { appeared, no, "late", INJECTION_ASK },
               { answer, absent, "late", 0 },
               { appeared, no, "late", INJECTION_ASK },
               { answer, yes, "late", INJECTION_APPLY },
               { answer, yes, "applied", INJECTION_UNKEEP | INJECTION_SUCCEED } });
}

TEST(Injections, AreDroppedAtTheDeadlineIfTheAdministratorSaysSo) {
        walk({ asked,
               waiting,
               { deadline, no, "dropped", INJECTION_CANCEL | INJECTION_UNKEEP | INJECTION_FAIL },
               { appeared, no, "dropped", 0 } },
             false);
}

TEST(Injections, UnderWayAtTheDeadlineEndByThemselves) {
        walk({ asked, applying, told_late, { answer, yes, "applied", INJECTION_UNKEEP | INJECTION_SUCCEED } },
             false);
        walk({ asked, applying, told_late, { answer, absent, "dropped", INJECTION_UNKEEP } }, false);
}

TEST(Injections, FoundAtTheStartAreLate) {
        walk({ { kept, no, "late", 0 }, { appeared, no, "late", INJECTION_ASK } });
        walk({ { kept, no, "dropped", INJECTION_UNKEEP } }, false);
}

TEST(Injections, AreCancelledByNewerOnesInEveryLivingState) {
        const Step cancelled = { forget, no, "cancelled",
                                 INJECTION_CANCEL | INJECTION_UNKEEP | INJECTION_FAIL };
        walk({ asked, cancelled });
        walk({ asked, applying, cancelled });
        walk({ asked, waiting, cancelled });
        walk({ asked, waiting, told_late, cancelled, asked });
}

TEST(Injections, ThatAreOverHearNothingMore) {
        for (InjectionEvent event : { answer, retry, appeared, deadline, forget })
                walk({ asked,
                       { answer, refused, "refused", INJECTION_UNKEEP | INJECTION_FAIL },
                       { event, yes, "refused", 0 } });
}

} // namespace
