/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/injection.h"

static const char *const injection_state_table[_INJECTION_STATE_MAX] = {
        [INJECTION_NONE] = "none",       [INJECTION_ASKING] = "asking",   [INJECTION_APPLYING] = "applying",
        [INJECTION_WAITING] = "waiting", [INJECTION_APPLIED] = "applied", [INJECTION_FAILED] = "failed",
        [INJECTION_REFUSED] = "refused", [INJECTION_DROPPED] = "dropped", [INJECTION_CANCELLED] = "cancelled",
};
DEFINE_STRING_TABLE_LOOKUP(injection_state, InjectionState);

static unsigned begin(Injection *injection, InjectionState state, unsigned effects) {
        injection->state = state;
        return effects;
}

static unsigned end(Injection *injection, InjectionState state, unsigned answer) {
        injection->state = state;
        return INJECTION_UNKEEP | answer;
}

/* Nobody who could do it is there, or it is busy. */
static unsigned wait_for_somebody(Injection *injection) {
        if (injection->again) {
                injection->again = false;
                return begin(injection, INJECTION_ASKING, INJECTION_ASK);
        }
        if (injection->overdue && !injection->apply_late)
                return end(injection, INJECTION_DROPPED, 0);
        return begin(injection, INJECTION_WAITING, injection->overdue ? 0 : INJECTION_ASK_SOON);
}

static unsigned on_survey(Injection *injection, ConfiguratorResult result) {
        switch (result) {
        case CONFIGURATOR_YES:
                return begin(injection, INJECTION_APPLYING, INJECTION_APPLY);
        case CONFIGURATOR_ABSENT:
        case CONFIGURATOR_BUSY:
                return wait_for_somebody(injection);
        case CONFIGURATOR_REFUSED:
                return end(injection, INJECTION_REFUSED, INJECTION_FAIL);
        case CONFIGURATOR_NO:
        case CONFIGURATOR_FAILED:
                return end(injection, INJECTION_FAILED, INJECTION_FAIL);
        case _CONFIGURATOR_RESULT_MAX:
        case _CONFIGURATOR_RESULT_INVALID:
                break;
        }
        g_assert_not_reached();
}

static unsigned on_apply(Injection *injection, ConfiguratorResult result) {
        switch (result) {
        case CONFIGURATOR_YES:
                return end(injection, INJECTION_APPLIED, INJECTION_SUCCEED);
        case CONFIGURATOR_ABSENT:
                return wait_for_somebody(injection);
        case CONFIGURATOR_BUSY:
                return injection->overdue ? end(injection, INJECTION_FAILED, INJECTION_FAIL)
                                          : wait_for_somebody(injection);
        case CONFIGURATOR_NO:
        case CONFIGURATOR_FAILED:
                return end(injection, INJECTION_FAILED, INJECTION_FAIL);
        case CONFIGURATOR_REFUSED:
                return end(injection, INJECTION_REFUSED, INJECTION_FAIL);
        case _CONFIGURATOR_RESULT_MAX:
        case _CONFIGURATOR_RESULT_INVALID:
                break;
        }
        g_assert_not_reached();
}

static unsigned on_answer(Injection *injection, ConfiguratorResult result) {
        if (injection->state == INJECTION_ASKING)
                return on_survey(injection, result);
        return injection->state == INJECTION_APPLYING ? on_apply(injection, result) : 0;
}

static unsigned on_appeared(Injection *injection) {
        if (injection->state == INJECTION_WAITING)
                return begin(injection, INJECTION_ASKING, INJECTION_ASK);
        injection->again = !injection_is_over(injection);
        return 0;
}

/* An Apply under way has the same deadline and will end by itself: what it says then is only for the record. */
static unsigned on_deadline(Injection *injection) {
        injection->overdue = true;
        if (injection->apply_late || injection->state == INJECTION_APPLYING)
                return INJECTION_FAIL;
        return INJECTION_CANCEL | end(injection, INJECTION_DROPPED, INJECTION_FAIL);
}

unsigned injection_decide(Injection *injection, InjectionEvent event, ConfiguratorResult result,
                          bool apply_late) {
        if (event == INJECTION_EVENT_REQUEST) {
                *injection = (Injection){ .state = INJECTION_ASKING };
                return INJECTION_KEEP | INJECTION_ASK;
        }
        if (event == INJECTION_EVENT_KEPT) {
                *injection = (Injection){ .state = apply_late ? INJECTION_WAITING : INJECTION_DROPPED,
                                          .overdue = true };
                return apply_late ? 0 : INJECTION_UNKEEP;
        }
        if (injection_is_over(injection))
                return 0;

        injection->apply_late = apply_late;
        switch (event) {
        case INJECTION_EVENT_ANSWER:
                return on_answer(injection, result);
        case INJECTION_EVENT_RETRY:
        case INJECTION_EVENT_APPEARED:
                return on_appeared(injection);
        case INJECTION_EVENT_DEADLINE:
                return on_deadline(injection);
        case INJECTION_EVENT_FORGET:
                return INJECTION_CANCEL | end(injection, INJECTION_CANCELLED, INJECTION_FAIL);
        case INJECTION_EVENT_REQUEST:
        case INJECTION_EVENT_KEPT:
                break;
        }
        g_assert_not_reached();
}

const char *injection_word(const Injection *injection) {
        if (injection->overdue && !injection_is_over(injection))
                return "late";
        return injection_state_to_string(injection->state);
}
