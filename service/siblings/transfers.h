/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* hvutilsd's side of transfers: what hvutils-transferd told over RUNTIME/transfer, what it may be asked, and
 * the pause that a snapshot needs. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/link/link.h"
#include "service/siblings/commands.h"
#include "service/siblings/facts.h"

G_BEGIN_DECLS

#define TRANSFERS_HISTORY_MAX 64
/* Who does not answer within this is left behind. */
#define TRANSFERS_PAUSE_LIMIT_USEC UINT64_C(1000000)

/* One transfer, as its report says. */
typedef struct Transfer {
        uint64_t id;
        char *file_name;
        char *directory; /* where it goes; as the host asked while that is unknown */
        uint64_t size, received;
        const char *state; /* receiving, paused, complete, cancelled, refused, failed */
        bool is_running;   /* receiving or paused */
        char *reason;      /* a sentence, "" while there is nothing to say */
} Transfer;

typedef struct Transfers Transfers;

typedef struct TransfersOwner {
        void (*state_changed)(void *userdata);   /* the roots, or how many are running */
        void (*channel_changed)(void *userdata); /* channel */
        void (*transfer_changed)(const Transfer *transfer, bool is_new, void *userdata);
        void (*transfer_removed)(uint64_t id, void *userdata); /* pushed out of the history */
} TransfersOwner;

int transfers_new(sd_event *event, const char *socket_path, double time_scale, const TransfersOwner *owner,
                  void *userdata, Transfers **ret);
Transfers *transfers_free(Transfers *transfers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transfers, transfers_free)

/* Nothing is in flight any more, or nobody is there, or the limit is over: paused is called once, later. */
void transfers_pause(Transfers *transfers, void (*paused)(void *userdata), void *userdata);
/* Nothing happens unless we asked for the pause. Nobody is called back any more. */
void transfers_resume(Transfers *transfers);

/* --- what is known --- */

const char *const *transfers_get_roots(const Transfers *transfers); /* AllowedRoots=; never NULL */
uint32_t transfers_count_running(const Transfers *transfers);
const SiblingFacts *transfers_get_facts(const Transfers *transfers);
guint transfers_count(const Transfers *transfers);
const Transfer *transfers_get_nth(const Transfers *transfers, guint index); /* oldest first */
const Transfer *transfers_find(const Transfers *transfers, uint64_t id);

/* --- commands; answered later, once, unless forgotten --- */

void transfers_cancel(Transfers *transfers, uint64_t id, CommandDone done, void *userdata);
void transfers_forget(Transfers *transfers, const void *userdata);

G_END_DECLS
