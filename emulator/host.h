/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The emulated host as a whole: DIR with its control socket and a node for each service, until SIGINT or
 * SIGTERM. */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct HostOptions {
        const char *directory;   /* made if it is missing */
        const char *mount_point; /* --device: FUSE files there and links to them in the directory; NULL:
                                    sockets */
        const char *scenario;    /* played by a child (hvhost run) from the start; ends the host with its exit
                                    status */
        const char *group;       /* of the nodes, which then are 0660; NULL: 0600 */
        double time_scale;
        bool ring; /* file copy comes over a ring, and the directory is that channel's path */
} HostOptions;

/* What to exit with, after complaints on stderr. */
int host_serve(const HostOptions *options);

G_END_DECLS
