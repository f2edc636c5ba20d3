/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which file systems a snapshot freezes, in which order, and why not the others. Pure: it reads texts
 * (mountinfo and friends, parsed by libmount) and asks one table of functions about block devices; it never
 * opens a mount, which could hang.
 *
 * One entry per super block, because that is what FIFREEZE freezes: bind mounts and btrfs subvolumes share
 * major:minor in mountinfo. Read-only is judged by the *super block's* options; a private mount namespace
 * shows read-only binds of writable file systems.
 *
 * Order: what is stacked on another comes first. A loop device's file system has to be frozen before the one
 * that its image lies on, or its writeback waits for a frozen disk and FIFREEZE never returns; device-mapper
 * and md in between count. Among those that do not depend on each other: reverse mount order, "/" last.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/string-table.h"

G_BEGIN_DECLS

typedef enum PlanAction {
        PLAN_FREEZE,
        PLAN_SKIP, /* for the reason given; no harm to the snapshot's consistency that we could prevent */
        PLAN_NOT_COVERED, /* writable, but out of our reach: only in another mount namespace, or hidden under
                             another mount */
        PLAN_UNSEEN,      /* PID 1 has it mounted and we do not: the freeze must fail by this name */
        PLAN_UNKNOWN,     /* asked for by name, and no such mount: the freeze must fail by this name */
        _PLAN_ACTION_MAX,
        _PLAN_ACTION_INVALID = -EINVAL,
} PlanAction;
DECLARE_STRING_TABLE_LOOKUP(plan_action,
                            PlanAction); /* "freeze", "skip", "not-covered", "unseen", "unknown" */

typedef struct PlanEntry {
        char *target; /* the mount point to open */
        char *source;
        char *type;
        dev_t device; /* major:minor of mountinfo */
        int mount_id; /* of target in mountinfo: who opens it looks whether it still is this mount */
        PlanAction action;
        char *reason; /* "" for PLAN_FREEZE */
} PlanEntry;

/* What the block layer knows. lowers: appends to ret_devices (dev_t) what this device is made of (slaves of
 * sysfs; all members of a btrfs), and for a loop device sets *ret_backing to the path of its file (g_free;
 * else left alone). source is the mount's source, for anonymous devices. May be called for any device;
 * unknown = nothing. */
typedef struct PlanBlockLayer {
        void (*lowers)(dev_t device, const char *source, GArray *ret_devices, char **ret_backing,
                       void *userdata);
        void *userdata;
} PlanBlockLayer;

typedef struct PlanInput {
        const char *mountinfo;      /* /proc/self/mountinfo */
        const char *init_mountinfo; /* /proc/1/mountinfo, NULL if it cannot be read */
        const char *const *others;  /* mountinfo of other mount namespaces, NULL-terminated, may be NULL */
        const char *utab, *fstab;   /* for x-hvutils.nofreeze; may be NULL */
        const char *const *only;    /* Only=, NULL or empty = all */
        const char *const *exclude; /* Exclude=, globs of mount points; may be NULL */
        const char *const
                *selected; /* mount points a local Freeze() names; NULL or empty = all that only allows */
        PlanBlockLayer block_layer;
} PlanInput;

/* The whole answer: first the entries to freeze, in freeze order, then the others in mount order. Elements
 * are PlanEntry *. -EINVAL if mountinfo cannot be parsed. */
int plan_make(const PlanInput *input, GPtrArray **ret);

/* The first entry that must make the freeze fail (PLAN_UNSEEN, PLAN_UNKNOWN), or NULL. */
const PlanEntry *plan_get_obstacle(const GPtrArray *plan);

G_END_DECLS
