/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Injections at work: one machine (injection.h) for each adapter, with its timers, its file and its call to a
 * configurator.
 */

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "common/config.h"
#include "service/network/adapters.h"
#include "service/network/survey.h"
#include "wire/status.h"

G_BEGIN_DECLS

typedef struct Injector Injector;

/* Exactly once. The record tells why. */
typedef void (*InjectorDone)(WireStatus status, void *userdata);

typedef struct InjectorSetup {
        const char *runtime_directory;
        double time_scale;
        const Configuration *configuration; /* until injector_reload() */
        const Adapters *adapters;
        void (*changed)(const char *guid, void *userdata); /* an adapter's record is another one now */
        void *userdata;
} InjectorSetup;

int injector_new(sd_event *event, const InjectorSetup *setup, Injector **ret);
Injector *injector_free(Injector *injector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Injector, injector_free)
void injector_reload(Injector *injector, const Configuration *configuration);
/* NULL: there are none any more; the table is borrowed. */
void injector_set_configurators(Injector *injector, const Configurators *configurators);
/* While the guest boots the host gets its answer sooner. */
void injector_set_booting(Injector *injector, bool booting);
/* Somebody who could help is there now: a configurator, a stack, the bus, an adapter. */
void injector_wake(Injector *injector);

/* A message of the host; done may be called before this returns. */
void injector_inject(Injector *injector, const uint8_t *message, InjectorDone done, void *userdata);
/* The host does not wait for its answer any more. What it wants is done all the same. */
void injector_abandon(Injector *injector);
/* The same for a caller of injector_reapply() that is gone, by its userdata. */
void injector_disown(Injector *injector, const void *userdata);

/* What happened last to an adapter; NULL: nothing yet. Valid until the loop goes on. */
typedef struct InjectionRecord {
        const char *state; /* injection_word() */
        bool over;
        uint64_t received_usec; /* CLOCK_REALTIME */
        const char *configurator, *reason;
        const IpSettings *settings;
} InjectionRecord;
bool injector_get_record(const Injector *injector, const char *guid, InjectionRecord *ret);

/* The last one once more. -ENOENT: there was none; -EBUSY: it is under way; -ENODEV: no such adapter. */
int injector_reapply(Injector *injector, const char *guid, InjectorDone done, void *userdata);
/* Takes back what is waiting, and what is known of it. */
void injector_forget(Injector *injector, const char *guid);
/* Asks who would apply an injection. */
void injector_survey(Injector *injector, const char *interface, SurveyDone done, void *userdata,
                     Survey **ret);

G_END_DECLS
