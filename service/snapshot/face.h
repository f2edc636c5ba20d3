/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* snapshotd's end of the link: what hvutilsd and root's hvctl may ask, and what they are told. The words are
 * service/link/fields.h. */

#include <glib.h>
#include <systemd/sd-event.h>

#include "service/channel/channel.h"
#include "service/snapshot/history.h"
#include "service/snapshot/report.h"

G_BEGIN_DECLS

typedef struct Face Face;

/* Of a command: the answer's RESULT is what the function returns; *ret_error a sentence then (g_free). */
typedef struct FaceOwner {
        int (*freeze)(const char *owner, const char *const *mounts, uint64_t watchdog_usec, uint64_t *ret_id,
                      char **ret_error, void *userdata);
        /* owner NULL: root says so, whoever owns it. */
        int (*thaw)(const char *owner, char **ret_error, void *userdata);
        int (*plan)(GPtrArray **ret, void *userdata);
        void (*release)(const char *owner, void *userdata);
        void (*ready)(uint64_t serial, void *userdata);
        /* No hvutilsd is there any more. */
        void (*gone)(void *userdata);
        /* Fills a state message. */
        void (*state)(LinkMessage *message, void *userdata);
} FaceOwner;

int face_new(sd_event *event, const char *socket_path, double time_scale, const History *history,
             const FaceOwner *owner, void *userdata, Face **ret);
Face *face_free(Face *face);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Face, face_free)

/* Asks hvutilsd; false if there is none. */
bool face_prepare(Face *face, const char *phase, uint64_t serial, uint64_t id, uint64_t budget_usec);
void face_tell_state(Face *face);
void face_tell_report(Face *face, const SnapshotReport *report);

G_END_DECLS
