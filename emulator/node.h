/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may open a node. */

#include <sys/types.h>

typedef struct NodeAccess {
        mode_t mode;
        gid_t gid;
} NodeAccess;
