/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The errors of org.hyperv.Utils.Configurator as a GError domain that GDBus knows by their names on the bus. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum Failure {
        FAILURE_INVALID,     /* the settings */
        FAILURE_BUSY,        /* a foreign checkpoint, a newer Apply */
        FAILURE_UNAVAILABLE, /* NetworkManager is not there */
        FAILURE_FAILED,      /* tried, did not hold, the old configuration is back */
        _FAILURE_MAX,
} Failure;

#define FAILURE failure_quark()
GQuark failure_quark(void);

G_END_DECLS
