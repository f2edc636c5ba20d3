/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RUNTIME/transfer: what hvutilsd and root's hvctl see of the transfers, and what they may ask: pause, resume, cancel.
 * The words are service/link/fields.h. */

#include <glib.h>
#include <systemd/sd-event.h>

#include "service/transfer/engine.h"
#include "service/transfer/history.h"

G_BEGIN_DECLS

/* A pause that nobody takes back, and during which nothing is frozen, ends by itself. */
#define TRANSFER_PAUSE_MAX_USEC (90 * UINT64_C(1000000))

typedef struct TransferFace TransferFace;

typedef struct TransferChannelFacts {
        const char *transport, *state,
                *version; /* as in Manager.Channels; transport "ring", "device", "socket" */
} TransferChannelFacts;

typedef struct TransferFaceSetup {
        const char *runtime_directory;
        double time_scale;
        TransferEngine *engine; /* borrowed, as all */
        const TransferHistory *history;
        void (*describe)(TransferChannelFacts *ret, void *userdata);
        const char *const *(*roots)(void *userdata);
        void *userdata;
} TransferFaceSetup;

int transfer_face_new(sd_event *event, const TransferFaceSetup *setup, TransferFace **ret);
TransferFace *transfer_face_free(TransferFace *face);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferFace, transfer_face_free)

void transfer_face_report(TransferFace *face, const TransferRecord *record);
/* The channel, the roots or the pause changed. */
void transfer_face_state(TransferFace *face);

G_END_DECLS
