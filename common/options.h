/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line that all daemons share (design: every daemon takes the same options). */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct DaemonOptions {
        char  *channel;           /* --channel=PATH: device, or the emulated host's socket; NULL = the daemon's default */
        char  *config;            /* --config=FILE: that file alone; NULL = the search order */
        char  *state_directory;   /* --state-directory=DIR; default /var/lib/hyperv */
        char  *runtime_directory; /* --runtime-directory=DIR; default /run/hvutils */
        char  *bus;               /* --bus=ADDRESS|none (only hvutilsd); NULL = the system bus, $DBUS_SYSTEM_BUS_ADDRESS */
        double time_scale;        /* --time-scale=F (hidden): multiplies every deadline of ours; default 1.0 */
} DaemonOptions;

void daemon_options_done(DaemonOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DaemonOptions, daemon_options_done)

/* Parses argv. Returns 1 to go on, 0 if --help or --version was served (exit 0), -EINVAL after a complaint on stderr
 * (exit 2). summary is the one sentence of --help; extra may be NULL. */
int daemon_options_parse(DaemonOptions *options, int *argc, char ***argv, const char *summary, bool with_bus,
                         const GOptionEntry *extra);

G_END_DECLS
