/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The programs that apply addresses (dbus/org.hyperv.Utils.Configurator.xml), as this room knows them: a table of
 * functions that the bus room fills. Every call answers exactly once, later, unless it was cancelled; a bus that
 * dies in between answers for them: absent.
 */

#include <glib.h>
#include <stdint.h>

#include "common/string-table.h"
#include "wire/ip.h"

G_BEGIN_DECLS

typedef enum ConfiguratorResult {
        CONFIGURATOR_YES,     /* it manages the interface; it did what was asked */
        CONFIGURATOR_NO,      /* somebody else manages it */
        CONFIGURATOR_REFUSED, /* it would be the one but must not */
        CONFIGURATOR_ABSENT,  /* neither it nor its network stack is there now */
        CONFIGURATOR_BUSY,    /* a foreign checkpoint, another Apply */
        CONFIGURATOR_FAILED,  /* tried, did not hold; what was before is back */
        _CONFIGURATOR_RESULT_MAX,
        _CONFIGURATOR_RESULT_INVALID = -EINVAL,
} ConfiguratorResult;
DECLARE_STRING_TABLE_LOOKUP(configurator_result, ConfiguratorResult); /* "yes", "no", "refused", … */

typedef void (*ConfiguratorAnswered)(ConfiguratorResult result, const char *reason, void *userdata);
typedef struct ConfiguratorCall ConfiguratorCall;

/* What a call is about. */
typedef struct ConfiguratorWish {
        const char *name; /* on the bus */
        const char *interface;
        const char *mac;            /* apply only, as the two below */
        const IpSettings *settings; /* borrowed for the call of the function */
        uint64_t timeout_usec;
        ConfiguratorAnswered answered;
        void *userdata;
} ConfiguratorWish;

typedef struct Configurators {
        /* NULL: there is no bus now, and nobody will answer. */
        ConfiguratorCall *(*probe)(const ConfiguratorWish *wish, void *userdata);
        ConfiguratorCall *(*apply)(const ConfiguratorWish *wish, void *userdata);
        ConfiguratorCall *(*revert)(const ConfiguratorWish *wish, void *userdata);
        void (*cancel)(ConfiguratorCall *call, void *userdata);
        void *userdata;
} Configurators;

/* NULL-terminated bus names in the order in which they are asked. configured: Configurator=, "auto" or a name. */
const char *const *configurator_candidates(const char *configured, const char *buffer[2]);

G_END_DECLS
