/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who would configure this interface? The candidates are asked one after the other until one says yes or refuses;
 * if none does, one that is absent counts more than those that said no, because it may still come.
 */

#include "service/network/configurators.h"

G_BEGIN_DECLS

typedef struct Survey Survey;

/* name: whose answer it is, "" if nobody's. */
typedef void (*SurveyDone)(ConfiguratorResult result, const char *name, const char *reason, void *userdata);

/* done is called exactly once, possibly before this returns, unless cancelled; the survey frees itself then and
 * *ret is NULL or becomes invalid. */
void survey_start(const Configurators *configurators, const char *configured, const char *interface,
                  uint64_t timeout_usec, SurveyDone done, void *userdata, Survey **ret);
Survey *survey_cancel(Survey *survey);

G_END_DECLS
