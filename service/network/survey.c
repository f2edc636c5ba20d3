/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/survey.h"

#include <string.h>

static const char *const configurator_result_table[_CONFIGURATOR_RESULT_MAX] = {
        [CONFIGURATOR_YES] = "yes",       [CONFIGURATOR_NO] = "no",     [CONFIGURATOR_REFUSED] = "refused",
        [CONFIGURATOR_ABSENT] = "absent", [CONFIGURATOR_BUSY] = "busy", [CONFIGURATOR_FAILED] = "failed",
};
DEFINE_STRING_TABLE_LOOKUP(configurator_result, ConfiguratorResult);

static const char *const known_configurators[] = {
        "org.hyperv.Utils.Configurator.NetworkManager",
        "org.hyperv.Utils.Configurator.Networkd",
        NULL,
};

const char *const *configurator_candidates(const char *configured, const char *buffer[2]) {
        if (!configured || strcmp(configured, "auto") == 0)
                return known_configurators;
        buffer[0] = configured;
        buffer[1] = NULL;
        return buffer;
}

struct Survey {
        const Configurators *configurators;
        char *configured, *interface;
        uint64_t timeout_usec;
        SurveyDone done;
        void *userdata;
        Survey **owner; /* where its owner keeps it; cleared when it ends */
        guint candidate;
        ConfiguratorCall *call;
        ConfiguratorResult best;
        char *best_name, *best_reason;
};

static Survey *survey_free(Survey *survey) {
        g_free(survey->configured);
        g_free(survey->interface);
        g_free(survey->best_name);
        g_free(survey->best_reason);
        g_free(survey);
        return NULL;
}

static void survey_end(Survey *survey) {
        *survey->owner = NULL;
        survey->done(survey->best, survey->best_name ?: "", survey->best_reason ?: "", survey->userdata);
        survey_free(survey);
}

static const char *survey_candidate(const Survey *survey) {
        const char *buffer[2];

        return configurator_candidates(survey->configured, buffer)[survey->candidate];
}

static void survey_note(Survey *survey, ConfiguratorResult result, const char *reason) {
        bool better = !survey->best_name || result != CONFIGURATOR_NO;

        if (!better ||
            (survey->best == CONFIGURATOR_ABSENT && result == CONFIGURATOR_ABSENT && survey->best_name))
                return;
        survey->best = result;
        g_free(survey->best_name);
        g_free(survey->best_reason);
        survey->best_name = g_strdup(survey_candidate(survey));
        survey->best_reason = g_strdup(reason ?: "");
}

static void survey_ask(Survey *survey);

static void on_probed(ConfiguratorResult result, const char *reason, void *userdata) {
        Survey *survey = userdata;

        survey->call = NULL;
        survey_note(survey, result, reason);
        if (result != CONFIGURATOR_NO && result != CONFIGURATOR_ABSENT)
                return survey_end(survey);
        survey->candidate++;
        survey_ask(survey);
}

static void survey_ask(Survey *survey) {
        const ConfiguratorWish wish = {
                .name = survey_candidate(survey),
                .interface = survey->interface,
                .timeout_usec = survey->timeout_usec,
                .answered = on_probed,
                .userdata = survey,
        };

        if (!wish.name)
                return survey_end(survey);
        if (survey->configurators->probe)
                survey->call = survey->configurators->probe(&wish, survey->configurators->userdata);
        if (survey->call)
                return;
        survey_note(survey, CONFIGURATOR_ABSENT, "there is no bus");
        survey_end(survey);
}

void survey_start(const Configurators *configurators, const char *configured, const char *interface,
                  uint64_t timeout_usec, SurveyDone done, void *userdata, Survey **ret) {
        Survey *survey = g_new0(Survey, 1);

        survey->configurators = configurators;
        survey->configured = g_strdup(configured);
        survey->interface = g_strdup(interface);
        survey->timeout_usec = timeout_usec;
        survey->done = done;
        survey->userdata = userdata;
        survey->best = CONFIGURATOR_ABSENT;
        survey->owner = ret;
        *ret = survey;
        survey_ask(survey);
}

Survey *survey_cancel(Survey *survey) {
        if (!survey)
                return NULL;
        if (survey->call)
                survey->configurators->cancel(survey->call, survey->configurators->userdata);
        *survey->owner = NULL;
        return survey_free(survey);
}
