/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a file of the host's goes through, whichever transport it comes by. Transports hand in one message at a
 * time and pass the answer on; they know nothing of files.
 *
 *      message    no transfer           a transfer runs
 *      START      checks, then OK       the old one fails (replaced), then as without
 *      WRITE      FAIL                  OK, or DISK_FULL, INVALID, FAIL: then the transfer has failed
 *      COMPLETE   FAIL                  OK when the file is there; otherwise FAIL and the transfer has failed
 *      CANCEL     OK                    OK, and nothing is left of it
 *
 * While file systems are frozen (RUNTIME/frozen exists, or hvutilsd said pause) no message may touch a disk: START,
 * WRITE and COMPLETE are *held*: answered after the thaw, or with FAIL when the hold time has passed, and then the
 * transfer has failed. CANCEL is answered at once. What must be removed from a frozen disk waits for the thaw,
 * and so does the sweep of what an earlier life left behind.
 *
 * Only one host file comes at a time: that is the protocol's limit.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/config.h"
#include "service/transfer/record.h"
#include "wire/fcopy.h"

G_BEGIN_DECLS

#define TRANSFER_REPORT_INTERVAL_USEC UINT64_C(100000) /* between two reports of progress */

typedef struct TransferEngine TransferEngine;

typedef struct TransferObserver {
        /* The transfer began, went on, or ended. The record is valid during the call. */
        void (*changed)(const TransferRecord *record, void *userdata);
        /* Paused or going on. */
        void (*paused)(bool paused, void *userdata);
} TransferObserver;

typedef struct TransferSetup {
        const Configuration *configuration; /* borrowed, until the next transfer_engine_reload() */
        const char *state_directory;        /* of the pool files: nobody writes there */
        const char *data_directory;         /* ours: the journal, the history */
        const char *runtime_directory;
        double time_scale;
        uint64_t (*number)(void *userdata); /* of the next transfer, boot-unique */
        TransferObserver observer;
        void *userdata; /* of number and observer */
} TransferSetup;

int transfer_engine_new(sd_event *event, const TransferSetup *setup, TransferEngine **ret);
/* A running transfer ends as lost. */
TransferEngine *transfer_engine_free(TransferEngine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferEngine, transfer_engine_free)
void transfer_engine_reload(TransferEngine *engine, const Configuration *configuration);

/* --- for the transports --- */

typedef void (*TransferAnswered)(WireStatus status, void *userdata);

/*
 * 1: *ret_status is the answer. 0: held; `answered` will be called once, never from inside, unless
 * transfer_engine_lost() comes first. A held request, and what its data points at, must stay as it is until then.
 * hold_usec: how long it may be held from now, before --time-scale (20 s on the device, less what it waited
 * unread; Watchdog= on the ring).
 */
int transfer_engine_handle(TransferEngine *engine, const FcopyRequest *request, uint64_t hold_usec,
                           TransferAnswered answered, void *userdata, WireStatus *ret_status);
/* The transport lost the host, or gave up the request: nobody hears the answer. Ends a running transfer. */
void transfer_engine_lost(TransferEngine *engine);

/* --- for the link --- */

bool transfer_engine_is_paused(const TransferEngine *engine);
/* hvutilsd's wish; independent of RUNTIME/frozen. True at once: messages are handled to their end. */
void transfer_engine_pause(TransferEngine *engine, bool pause);
/* -ENOENT: no such transfer, -ESTALE: it is over (id of a past one). */
int transfer_engine_cancel(TransferEngine *engine, uint64_t id);
/* The one that runs, or NULL. */
const TransferRecord *transfer_engine_current(const TransferEngine *engine);

G_END_DECLS
