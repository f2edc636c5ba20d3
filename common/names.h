/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every name that leaves a process and that two places must spell alike: bus names, object paths, interfaces, errors,
 * polkit actions, journal fields, message identifiers, file names. A test compares the message identifiers with
 * data/hvutils.catalog, the errors and interfaces with dbus/, the actions with polkit/.
 */

/* D-Bus (docs: org.hyperv.Utils(5), contract: dbus/) */
#define HVUTILS_BUS_NAME            "org.hyperv.Utils"
#define HVUTILS_OBJECT_ROOT         "/org/hyperv/Utils"
#define HVUTILS_OBJECT_KVP          "/org/hyperv/Utils/kvp"
#define HVUTILS_OBJECT_SNAPSHOTS    "/org/hyperv/Utils/snapshots"
#define HVUTILS_OBJECT_TRANSFERS    "/org/hyperv/Utils/transfers"
#define HVUTILS_OBJECT_NETWORK      "/org/hyperv/Utils/network"
#define HVUTILS_INTERFACE_MANAGER   "org.hyperv.Utils.Manager"
#define HVUTILS_INTERFACE_POOL      "org.hyperv.Utils.Pool"
#define HVUTILS_INTERFACE_SNAPSHOTS "org.hyperv.Utils.Snapshots"
#define HVUTILS_INTERFACE_SNAPSHOT  "org.hyperv.Utils.Snapshot"
#define HVUTILS_INTERFACE_TRANSFERS "org.hyperv.Utils.Transfers"
#define HVUTILS_INTERFACE_TRANSFER  "org.hyperv.Utils.Transfer"
#define HVUTILS_INTERFACE_NETWORK   "org.hyperv.Utils.Network"
#define HVUTILS_INTERFACE_ADAPTER   "org.hyperv.Utils.Adapter"
#define HVUTILS_INTERFACE_CONFIGURATOR "org.hyperv.Utils.Configurator"
#define LOG_CONTROL_OBJECT          "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE       "org.freedesktop.LogControl1"

/* D-Bus errors; service/bus/errors.c is the only place that hands them out. */
#define HVUTILS_ERROR_PREFIX          "org.hyperv.Utils.Error."
#define HVUTILS_ERROR_NOT_FOUND       HVUTILS_ERROR_PREFIX "NotFound"       /* no such key, object, adapter */
#define HVUTILS_ERROR_EXISTS          HVUTILS_ERROR_PREFIX "Exists"         /* SetIf: the key exists already */
#define HVUTILS_ERROR_CHANGED         HVUTILS_ERROR_PREFIX "Changed"        /* SetIf: another value than expected */
#define HVUTILS_ERROR_KEY_TOO_LONG    HVUTILS_ERROR_PREFIX "KeyTooLong"
#define HVUTILS_ERROR_VALUE_TOO_LONG  HVUTILS_ERROR_PREFIX "ValueTooLong"
#define HVUTILS_ERROR_INVALID         HVUTILS_ERROR_PREFIX "InvalidArgument" /* empty key, NUL, not UTF-8, flag */
#define HVUTILS_ERROR_READ_ONLY       HVUTILS_ERROR_PREFIX "ReadOnly"       /* pools 2 and 4 */
#define HVUTILS_ERROR_POOL_FULL       HVUTILS_ERROR_PREFIX "PoolFull"       /* MaximumRecords= */
#define HVUTILS_ERROR_BUSY            HVUTILS_ERROR_PREFIX "Busy"           /* LockTimeout= went by */
#define HVUTILS_ERROR_FROZEN          HVUTILS_ERROR_PREFIX "Frozen"         /* cannot be done while frozen */
#define HVUTILS_ERROR_TOO_LARGE       HVUTILS_ERROR_PREFIX "TooLarge"       /* an answer beyond 8 MiB */
#define HVUTILS_ERROR_LIMITS_EXCEEDED HVUTILS_ERROR_PREFIX "LimitsExceeded" /* names the limit */
#define HVUTILS_ERROR_NOT_AUTHORIZED  HVUTILS_ERROR_PREFIX "NotAuthorized"
#define HVUTILS_ERROR_NOT_OWNER       HVUTILS_ERROR_PREFIX "NotOwner"
#define HVUTILS_ERROR_UNAVAILABLE     HVUTILS_ERROR_PREFIX "Unavailable"    /* channel or sibling daemon not there */
#define HVUTILS_ERROR_STORAGE         HVUTILS_ERROR_PREFIX "Storage"        /* disk full, file gone, read-only */
#define HVUTILS_ERROR_FAILED          HVUTILS_ERROR_PREFIX "Failed"

/* polkit actions */
#define HVUTILS_ACTION_PREFIX              "org.hyperv.utils."
#define HVUTILS_ACTION_KVP_READ_PRIVATE    HVUTILS_ACTION_PREFIX "kvp.read-private"
#define HVUTILS_ACTION_KVP_WRITE           HVUTILS_ACTION_PREFIX "kvp.write"
#define HVUTILS_ACTION_KVP_WRITE_HOST_POOL HVUTILS_ACTION_PREFIX "kvp.write-host-pool"
#define HVUTILS_ACTION_MANAGE              HVUTILS_ACTION_PREFIX "manage"
#define HVUTILS_ACTION_SNAPSHOT_FREEZE     HVUTILS_ACTION_PREFIX "snapshot.freeze"
#define HVUTILS_ACTION_SNAPSHOT_INHIBIT    HVUTILS_ACTION_PREFIX "snapshot.inhibit"
#define HVUTILS_ACTION_TRANSFER_MANAGE     HVUTILS_ACTION_PREFIX "transfer.manage"
#define HVUTILS_ACTION_NETWORK_CONFIGURE   HVUTILS_ACTION_PREFIX "network.configure"

/* Journal fields beyond the standard ones. Values of keys are never logged, keys are. */
#define HVUTILS_FIELD_CHANNEL   "HV_CHANNEL"   /* kvp, vss, fcopy */
#define HVUTILS_FIELD_OPERATION "HV_OPERATION" /* get, set, freeze, … */
#define HVUTILS_FIELD_POOL      "HV_POOL"      /* name of the pool */
#define HVUTILS_FIELD_KEY       "HV_KEY"
#define HVUTILS_FIELD_SENDER    "HV_SENDER"    /* unique bus name */
#define HVUTILS_FIELD_PATH      "HV_PATH"
#define HVUTILS_FIELD_SNAPSHOT  "HV_SNAPSHOT"  /* number of the snapshot object */
#define HVUTILS_FIELD_TRANSFER  "HV_TRANSFER"  /* number of the transfer object */
#define HVUTILS_FIELD_ADAPTER   "HV_ADAPTER"   /* GUID */

/* Journal message identifiers; each has an entry in data/hvutils.catalog. */
#define HVUTILS_MESSAGE_REGISTERED       "4d1a1b7a41c24f0c9e9a6d4f1c6b1f01" /* the host can talk to us */
#define HVUTILS_MESSAGE_CHANNEL_BUSY     "4d1a1b7a41c24f0c9e9a6d4f1c6b1f02" /* another daemon holds the device */
#define HVUTILS_MESSAGE_CHANNEL_LOST     "4d1a1b7a41c24f0c9e9a6d4f1c6b1f03" /* withdrawn or reset */
#define HVUTILS_MESSAGE_HOSTILE          "4d1a1b7a41c24f0c9e9a6d4f1c6b1f04" /* a message from the host was refused */
#define HVUTILS_MESSAGE_POOL_PROBLEM     "4d1a1b7a41c24f0c9e9a6d4f1c6b1f05" /* a pool file cannot be used */
#define HVUTILS_MESSAGE_POOL_RECOVERED   "4d1a1b7a41c24f0c9e9a6d4f1c6b1f06"
#define HVUTILS_MESSAGE_REPAIRED         "4d1a1b7a41c24f0c9e9a6d4f1c6b1f07" /* a record was completed after a crash */
#define HVUTILS_MESSAGE_DENIED           "4d1a1b7a41c24f0c9e9a6d4f1c6b1f08" /* polkit said no */
#define HVUTILS_MESSAGE_CONFIGURATION    "4d1a1b7a41c24f0c9e9a6d4f1c6b1f09" /* a mistake in hvutils.conf */
#define HVUTILS_MESSAGE_SNAPSHOT_DONE    "4d1a1b7a41c24f0c9e9a6d4f1c6b1f0a"
#define HVUTILS_MESSAGE_FROZEN_LONG      "4d1a1b7a41c24f0c9e9a6d4f1c6b1f0b" /* frozen longer than 10 s */
#define HVUTILS_MESSAGE_WATCHDOG         "4d1a1b7a41c24f0c9e9a6d4f1c6b1f0c" /* thawed by the watchdog */
#define HVUTILS_MESSAGE_THAW_FAILED      "4d1a1b7a41c24f0c9e9a6d4f1c6b1f0d"
#define HVUTILS_MESSAGE_TRANSFER_DONE    "4d1a1b7a41c24f0c9e9a6d4f1c6b1f0e"
#define HVUTILS_MESSAGE_TRANSFER_REFUSED "4d1a1b7a41c24f0c9e9a6d4f1c6b1f0f"
#define HVUTILS_MESSAGE_INJECTED         "4d1a1b7a41c24f0c9e9a6d4f1c6b1f10" /* addresses applied */
#define HVUTILS_MESSAGE_INJECTION_FAILED "4d1a1b7a41c24f0c9e9a6d4f1c6b1f11"

/* Files and sockets, below --state-directory and --runtime-directory */
#define HVUTILS_STATE_DIRECTORY    "/var/lib/hyperv"
#define HVUTILS_RUNTIME_DIRECTORY  "/run/hvutils"
#define HVUTILS_RUNTIME_KVP        "kvp"       /* RUNTIME/kvp: the redo file and kept injections live here */
#define HVUTILS_RUNTIME_REDO       "kvp/redo"
#define HVUTILS_RUNTIME_FROZEN     "frozen"    /* exists while file systems are frozen */
#define HVUTILS_SOCKET_SNAPSHOT    "snapshot"
#define HVUTILS_SOCKET_TRANSFER    "transfer"
#define HVUTILS_SOCKET_POOLS       "pools"     /* connect to have systemd-tmpfiles make the pool files */
#define HVUTILS_SOCKET_HOOKS       "hooks"
#define HVUTILS_USER               "hvutils"   /* user and group */
