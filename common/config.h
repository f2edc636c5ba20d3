/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * hvutils.conf(5): one file for all daemons, read by each.
 *
 * Search order, later wins key by key: built-in defaults (stricter in a confidential VM), then the main file (the first
 * that exists of /etc/hvutils/hvutils.conf, /usr/lib/hvutils/hvutils.conf), then the drop-ins *.conf of
 * /usr/lib/hvutils/hvutils.conf.d, /run/…, /etc/… sorted together by file name, where a file of the same name in /etc hides
 * that in /run, which hides that in /usr/lib (an empty file or a link to /dev/null masks). With an explicit file, that
 * file alone. An assignment replaces a list as a whole, so that `AllowedRoots=/srv` narrows; an empty one empties it. Words
 * of a list are separated by blanks and may be quoted.
 *
 * A mistake never stops a daemon: the key keeps its earlier value and the mistake is reported with file and line.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/string-table.h"

G_BEGIN_DECLS

typedef enum SyncPolicy { SYNC_ALWAYS, SYNC_INTERVAL, SYNC_NEVER, _SYNC_MAX, _SYNC_INVALID = -EINVAL } SyncPolicy;
typedef enum HookFailure { HOOK_FAILURE_ABORT, HOOK_FAILURE_IGNORE, _HOOK_FAILURE_MAX, _HOOK_FAILURE_INVALID = -EINVAL } HookFailure;
typedef enum AcceptPolicy { ACCEPT_ALWAYS, ACCEPT_NEVER, _ACCEPT_MAX, _ACCEPT_INVALID = -EINVAL } AcceptPolicy;
typedef enum InjectionPolicy { INJECTION_ALLOW, INJECTION_DENY, _INJECTION_MAX, _INJECTION_INVALID = -EINVAL } InjectionPolicy;
typedef enum LatePolicy { LATE_APPLY, LATE_DROP, _LATE_MAX, _LATE_INVALID = -EINVAL } LatePolicy;

DECLARE_STRING_TABLE_LOOKUP(sync_policy, SyncPolicy);
DECLARE_STRING_TABLE_LOOKUP(hook_failure, HookFailure);
DECLARE_STRING_TABLE_LOOKUP(accept_policy, AcceptPolicy);
DECLARE_STRING_TABLE_LOOKUP(injection_policy, InjectionPolicy);
DECLARE_STRING_TABLE_LOOKUP(late_policy, LatePolicy);

/* Everything an administrator can say. Times in microseconds, lists are NULL-terminated and never NULL. */
typedef struct Configuration {
        struct {
                bool       host_writes;       /* HostWrites=yes: may the host set and delete keys of pools 0 and 3? */
                SyncPolicy sync;              /* Sync=interval */
                uint64_t   sync_interval_usec; /* 1 s, not configurable */
                uint32_t   maximum_records;   /* MaximumRecords=16384, 1 … 1048576, per pool */
                uint64_t   lock_timeout_usec; /* LockTimeout=2s, at most 15 s (the driver gives the host up after 30 s) */
        } kvp;
        struct {
                bool        enabled;            /* Enabled=yes */
                uint64_t    watchdog_usec;      /* Watchdog=60s, at most 15 min (VSS_FREEZE_TIMEOUT) */
                uint64_t    prepare_max_usec;   /* PrepareMax=20s */
                uint64_t    freeze_max_usec;    /* FreezeMax=10s */
                uint64_t    inhibit_delay_usec; /* InhibitDelayMax=5s */
                uint64_t    hook_timeout_usec;  /* HookTimeout=10s */
                HookFailure hook_failure;       /* HookFailure=abort */
                char      **only;               /* Only=, mount points, separated by blanks; empty = all */
                char      **exclude;            /* Exclude=, globs */
        } snapshot;
        struct {
                AcceptPolicy accept;        /* Accept=always */
                char       **allowed_roots; /* AllowedRoots=/, absolute paths */
                uint32_t     file_mode;     /* FileMode=0600 */
                char        *owner;         /* Owner=, user or user:group; NULL = root */
                uint64_t     maximum_size;  /* MaximumSize=, bytes; UINT64_MAX = none */
        } transfer;
        struct {
                InjectionPolicy injection;         /* Injection=allow */
                LatePolicy      late;              /* Late=apply */
                char           *configurator;      /* Configurator=auto, or a bus name */
                char          **exclude_interfaces; /* ExcludeInterfaces=veth* docker* virbr* …, globs */
                char          **primary_interfaces; /* PrimaryInterfaces=, globs */
        } network;
} Configuration;

/* Called for each mistake; line is 0 when the whole file is meant. */
typedef void (*ConfigurationComplaint)(const char *file, unsigned line, const char *sentence, void *userdata);

/* Built-in defaults; confidential = in a confidential VM (detected by the caller, see configuration_is_confidential()). */
Configuration *configuration_new(bool confidential);
Configuration *configuration_free(Configuration *configuration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Configuration, configuration_free)

/* file: that file alone, or NULL for the search order above (root: prefix of all paths, "" outside tests). Never fails for
 * what stands in the files; -ENOENT etc. only if an explicit file cannot be read, *ret being the defaults all the same. */
int configuration_load(const char *file, const char *root, bool confidential, ConfigurationComplaint complain,
                       void *userdata, Configuration **ret);

/* A complaint function that logs with HVUTILS_MESSAGE_CONFIGURATION. */
void configuration_log_complaint(const char *file, unsigned line, const char *sentence, void *userdata);

/* True in a confidential VM, where the host is not trusted (as `systemd-detect-virt --cvm`: CPUID on x86-64; no fork).
 * $HVUTILS_CONFIDENTIAL=yes|no overrides for tests. */
bool configuration_is_confidential(void);

G_END_DECLS
