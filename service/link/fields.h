/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words of the link: which fields each message carries between hvutilsd and its two siblings. Both ends compile this file;
 * the codec is link.h. Times are CLOCK_REALTIME or plain durations in microseconds, numbers decimal, booleans 0 or 1.
 */

/* In every answer */
#define LINK_FIELD_SERIAL "SERIAL" /* of the command or prepare that is answered */
#define LINK_FIELD_RESULT "RESULT" /* 0, or a negative errno */
#define LINK_FIELD_ERROR  "ERROR"  /* a sentence, when RESULT is not 0 */
#define LINK_FIELD_ID     "ID"     /* 64 bit number of the snapshot or transfer, boot-unique */

/* hello */
#define LINK_FIELD_ROLE    "ROLE"
#define LINK_FIELD_VERSION "VERSION"

/* state: the sibling's channel, as in Manager.Channels */
#define LINK_FIELD_CHANNEL_NAME      "CHANNEL"
#define LINK_FIELD_CHANNEL_TRANSPORT "TRANSPORT"
#define LINK_FIELD_CHANNEL_STATE     "CHANNEL_STATE"
#define LINK_FIELD_CHANNEL_VERSION   "CHANNEL_VERSION"
#define LINK_FIELD_COUNTER           "COUNTER" /* repeated: "name number", for Manager.Statistics */

/*
 * Snapshots.
 *
 * prepare, in this order: PHASE=signal (hvutilsd emits PrepareForSnapshot(true) and answers ready when all inhibitors are gone or
 * BUDGET_USEC went by), PHASE=gate (hvutilsd closes the quiesce gate and has transferd pause; ready when nothing is in flight),
 * and after the thaw PHASE=done (gate opens, transfers resume, PrepareForSnapshot(false)); no answer. A prepare carries
 * the snapshot's ID. Answers that come after BUDGET_USEC are ignored.
 *
 * state: STATE=idle|preparing|freezing|frozen|thawing|failed, FROZEN_SINCE (realtime, 0 = not frozen), ID of the running one.
 *
 * report: one snapshot, whole: ID, INITIATOR=host|local, OWNER (unique bus name of a local one), STATE (as above, at the end idle
 * or failed), STARTED, FROZEN_USEC, RESULT_TEXT=ok|thawed-by-watchdog|gave-up|…, FILE_SYSTEM (repeated: "mountpoint TAB
 * source TAB type TAB freeze-usec"), SKIPPED ("mountpoint TAB reason"), HOOK ("name TAB phase TAB outcome TAB usec"),
 * NOTE (repeated, sentences). What does not fit a message is cut from the end with TRUNCATED=1. HISTORY=1 on those that
 * are sent at hello.
 *
 * command: COMMAND=plan (answered by reports without ID: ENTRY "mountpoint TAB action TAB reason", several messages, the last with
 * LAST=1) | freeze (OWNER, MOUNT repeated, WATCHDOG_USEC; answered once authorised and checked by a report with ID and RESULT)
 * | thaw (OWNER for a local one; from hvctl as root without) | release (OWNER: its bus connection ended).
 */
#define LINK_FIELD_PHASE        "PHASE"
#define LINK_FIELD_BUDGET_USEC  "BUDGET_USEC"
#define LINK_FIELD_STATE        "STATE"
#define LINK_FIELD_FROZEN_SINCE "FROZEN_SINCE"
#define LINK_FIELD_INITIATOR    "INITIATOR"
#define LINK_FIELD_OWNER        "OWNER"
#define LINK_FIELD_STARTED      "STARTED"
#define LINK_FIELD_FROZEN_USEC  "FROZEN_USEC"
#define LINK_FIELD_RESULT_TEXT  "RESULT_TEXT"
#define LINK_FIELD_FILE_SYSTEM  "FILE_SYSTEM"
#define LINK_FIELD_SKIPPED      "SKIPPED"
#define LINK_FIELD_HOOK         "HOOK"
#define LINK_FIELD_NOTE         "NOTE"
#define LINK_FIELD_TRUNCATED    "TRUNCATED"
#define LINK_FIELD_HISTORY      "HISTORY"
#define LINK_FIELD_COMMAND      "COMMAND"
#define LINK_FIELD_ENTRY        "ENTRY"
#define LINK_FIELD_LAST         "LAST"
#define LINK_FIELD_MOUNT        "MOUNT"
#define LINK_FIELD_WATCHDOG     "WATCHDOG_USEC"

/*
 * Transfers.
 *
 * state: ROOT (repeated, AllowedRoots=), PAUSED=0|1.
 * report: one transfer: ID, FILE_NAME, DIRECTORY (real target directory; the requested one while unknown), SIZE, RECEIVED, RATE (bytes a
 * second), STATE=receiving|paused|complete|cancelled|refused|failed, REASON (a sentence), STARTED, FINISHED, HISTORY=1 at hello.
 * At most 10 reports a second for a running transfer.
 * command: COMMAND=pause | resume | cancel (ID); answered by a report with SERIAL and RESULT (pause: when nothing is in flight).
 */
#define LINK_FIELD_ROOT      "ROOT"
#define LINK_FIELD_PAUSED    "PAUSED"
#define LINK_FIELD_FILE_NAME "FILE_NAME"
#define LINK_FIELD_DIRECTORY "DIRECTORY"
#define LINK_FIELD_SIZE      "SIZE"
#define LINK_FIELD_RECEIVED  "RECEIVED"
#define LINK_FIELD_RATE      "RATE"
#define LINK_FIELD_REASON    "REASON"
#define LINK_FIELD_FINISHED  "FINISHED"
