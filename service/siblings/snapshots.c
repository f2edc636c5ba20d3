/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/snapshots.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "service/link/fields.h"
#include "service/siblings/snapshot.h"

#define COMMAND_LIMIT_USEC (5 * USEC_PER_SEC)
#define FREEZE_LIMIT_USEC  (10 * USEC_PER_SEC) /* it looks at every mount before it answers */

/* A prepare that was not answered yet. */
typedef struct Prepare {
        char serial[24];
        bool pending;
} Prepare;

struct Snapshots {
        sd_event *event;
        SnapshotsOwner owner;
        void *userdata;
        LinkClient *link;
        Commands *commands;
        Inhibitors *inhibitors;

        SnapshotState state;
        uint64_t frozen_since;
        SiblingFacts facts;
        GPtrArray *history; /* Snapshot, by growing ID */

        bool preparing;
        Prepare signal, gate;
        sd_event_source *budget; /* of the inhibitors */
};

/* --- prepare --- */

static void snapshots_answer(Snapshots *snapshots, Prepare *prepare, const char *phase) {
        LinkMessage message;

        if (!prepare->pending)
                return;
        prepare->pending = false;
        link_message_init(&message, LINK_READY);
        (void) link_message_add(&message, LINK_FIELD_SERIAL, prepare->serial);
        (void) link_message_add(&message, LINK_FIELD_PHASE, phase);
        (void) link_client_send(snapshots->link, &message);
}

static void snapshots_answer_signal(Snapshots *snapshots) {
        snapshots->budget = sd_event_source_disable_unref(snapshots->budget);
        snapshots_answer(snapshots, &snapshots->signal, "signal");
}

static int on_budget(sd_event_source *source, uint64_t usec, void *userdata) {
        snapshots_answer_signal(userdata);
        return 0;
}

static void on_no_inhibitors(void *userdata) {
        snapshots_answer_signal(userdata);
}

static void prepare_begin(Prepare *prepare, const LinkMessage *message) {
        const char *serial = link_message_get(message, LINK_FIELD_SERIAL);

        g_strlcpy(prepare->serial, serial ? serial : "", sizeof prepare->serial);
        prepare->pending = true;
}

static void on_prepare_signal(Snapshots *snapshots, const LinkMessage *message) {
        uint64_t budget = 0;

        prepare_begin(&snapshots->signal, message);
        if (!snapshots->preparing) {
                snapshots->preparing = true;
                snapshots->owner.prepare(true, snapshots->userdata);
        }
        (void) link_message_get_u64(message, LINK_FIELD_BUDGET_USEC, &budget);
        snapshots->budget = sd_event_source_disable_unref(snapshots->budget);
        if (inhibitors_count(snapshots->inhibitors) == 0 || budget == 0 ||
            sd_event_add_time_relative(snapshots->event, &snapshots->budget, CLOCK_MONOTONIC, budget, 1,
                                       on_budget, snapshots) < 0)
                snapshots_answer_signal(snapshots);
}

static void snapshots_end(Snapshots *snapshots) {
        snapshots->budget = sd_event_source_disable_unref(snapshots->budget);
        snapshots->signal.pending = snapshots->gate.pending = false;
        snapshots->owner.open_gate(snapshots->userdata);
        if (!snapshots->preparing)
                return;
        snapshots->preparing = false;
        snapshots->owner.prepare(false, snapshots->userdata);
}

static void on_prepare(Snapshots *snapshots, const LinkMessage *message) {
        const char *phase = link_message_get(message, LINK_FIELD_PHASE);

        if (g_strcmp0(phase, "signal") == 0)
                on_prepare_signal(snapshots, message);
        else if (g_strcmp0(phase, "gate") == 0) {
                prepare_begin(&snapshots->gate, message);
                snapshots->owner.close_gate(snapshots->userdata);
        } else if (g_strcmp0(phase, "done") == 0)
                snapshots_end(snapshots);
}

void snapshots_gate_closed(Snapshots *snapshots) {
        snapshots_answer(snapshots, &snapshots->gate, "gate");
}

/* --- state --- */

static void snapshots_set_state(Snapshots *snapshots, SnapshotState state, uint64_t frozen_since) {
        if (state == snapshots->state && frozen_since == snapshots->frozen_since)
                return;
        snapshots->state = state;
        snapshots->frozen_since = frozen_since;
        snapshots->owner.state_changed(snapshots->userdata);
}

static void on_state(Snapshots *snapshots, const LinkMessage *message) {
        SnapshotState state = snapshot_state_from_string(link_message_get(message, LINK_FIELD_STATE));
        uint64_t frozen_since = 0;

        if (sibling_facts_read(&snapshots->facts, message))
                snapshots->owner.channel_changed(snapshots->userdata);
        if ((int) state < 0)
                return;
        (void) link_message_get_u64(message, LINK_FIELD_FROZEN_SINCE, &frozen_since);
        snapshots_set_state(snapshots, state, frozen_since);
        /* Who came in the middle of a snapshot may have missed its end. */
        if (state == SNAPSHOT_STATE_IDLE)
                snapshots_end(snapshots);
}

/* --- history --- */

static void snapshot_free_element(void *snapshot) {
        snapshot_free(snapshot);
}

/* Where the ID is, or would be put. */
static guint history_position(const Snapshots *snapshots, uint64_t id) {
        guint i = snapshots->history->len;

        while (i > 0 && snapshots_get_nth(snapshots, i - 1)->id >= id)
                i--;
        return i;
}

static void history_cut(Snapshots *snapshots) {
        while (snapshots->history->len > SNAPSHOTS_HISTORY_MAX) {
                uint64_t id = snapshots_get_nth(snapshots, 0)->id;

                g_ptr_array_remove_index(snapshots->history, 0);
                snapshots->owner.snapshot_removed(id, snapshots->userdata);
        }
}

static void on_report(Snapshots *snapshots, const LinkMessage *message) {
        Snapshot *snapshot;
        bool is_new;
        guint i;

        if (snapshot_new(message, &snapshot) < 0)
                return;
        i = history_position(snapshots, snapshot->id);
        is_new = i == snapshots->history->len || snapshots_get_nth(snapshots, i)->id != snapshot->id;
        if (!is_new)
                g_ptr_array_remove_index(snapshots->history, i);
        g_ptr_array_insert(snapshots->history, (int) i, snapshot);
        snapshots->owner.snapshot_changed(snapshot, is_new, snapshots->userdata);
        history_cut(snapshots);
}

/* --- the link --- */

static void on_connected(LinkClient *client, void *userdata) {
        Snapshots *snapshots = userdata;

        snapshots->owner.linked(true, snapshots->userdata);
}

static void on_disconnected(LinkClient *client, void *userdata) {
        Snapshots *snapshots = userdata;

        commands_fail_all(snapshots->commands);
        sibling_facts_forget_channel(&snapshots->facts);
        snapshots->owner.channel_changed(snapshots->userdata);
        snapshots_set_state(snapshots, SNAPSHOT_STATE_UNAVAILABLE, 0);
        snapshots->budget = sd_event_source_disable_unref(snapshots->budget);
        snapshots->signal.pending = snapshots->gate.pending = false;
        /* The gate stays until RUNTIME/frozen is gone: that is linked()'s to look after. */
        snapshots->owner.linked(false, snapshots->userdata);
        if (!snapshots->preparing)
                return;
        snapshots->preparing = false;
        snapshots->owner.prepare(false, snapshots->userdata);
}

static void on_message(LinkClient *client, const LinkMessage *message, void *userdata) {
        Snapshots *snapshots = userdata;

        if (message->kind == LINK_PREPARE)
                on_prepare(snapshots, message);
        if (message->kind == LINK_STATE)
                on_state(snapshots, message);
        if (message->kind == LINK_REPORT)
                on_report(snapshots, message);
        (void) commands_take_answer(snapshots->commands, message);
}

static const LinkClientOwner link_owner = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .message = on_message,
};

/* --- birth and end --- */

int snapshots_new(sd_event *event, const char *socket_path, double time_scale, const SnapshotsOwner *owner,
                  void *userdata, Snapshots **ret) {
        g_autoptr(Snapshots) snapshots = g_new0(Snapshots, 1);
        int r;

        snapshots->event = sd_event_ref(event);
        snapshots->owner = *owner;
        snapshots->userdata = userdata;
        snapshots->commands = commands_new(event, time_scale);
        snapshots->inhibitors = inhibitors_new(event, on_no_inhibitors, snapshots);
        snapshots->history = g_ptr_array_new_with_free_func(snapshot_free_element);
        r = link_client_new(event, socket_path, "hvutilsd", time_scale, &link_owner, snapshots,
                            &snapshots->link);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&snapshots);
        return 0;
}

Snapshots *snapshots_free(Snapshots *snapshots) {
        if (!snapshots)
                return NULL;
        link_client_free(snapshots->link);
        commands_free(snapshots->commands);
        inhibitors_free(snapshots->inhibitors);
        sd_event_source_disable_unref(snapshots->budget);
        sibling_facts_done(&snapshots->facts);
        g_ptr_array_unref(snapshots->history);
        sd_event_unref(snapshots->event);
        g_free(snapshots);
        return NULL;
}

/* --- what is known --- */

SnapshotState snapshots_get_state(const Snapshots *snapshots) {
        return snapshots->state;
}

uint64_t snapshots_get_frozen_since(const Snapshots *snapshots) {
        return snapshots->frozen_since;
}

bool snapshots_is_frozen(const Snapshots *snapshots) {
        return snapshots->state == SNAPSHOT_STATE_FREEZING || snapshots->state == SNAPSHOT_STATE_FROZEN ||
               snapshots->state == SNAPSHOT_STATE_THAWING;
}

bool snapshots_is_preparing(const Snapshots *snapshots) {
        return snapshots->preparing || snapshots->state == SNAPSHOT_STATE_PREPARING ||
               snapshots_is_frozen(snapshots);
}

const SiblingFacts *snapshots_get_facts(const Snapshots *snapshots) {
        return &snapshots->facts;
}

guint snapshots_count(const Snapshots *snapshots) {
        return snapshots->history->len;
}

const Snapshot *snapshots_get_nth(const Snapshots *snapshots, guint index) {
        return g_ptr_array_index(snapshots->history, index);
}

const Snapshot *snapshots_find(const Snapshots *snapshots, uint64_t id) {
        guint i = history_position(snapshots, id);

        return i < snapshots->history->len && snapshots_get_nth(snapshots, i)->id == id
                       ? snapshots_get_nth(snapshots, i)
                       : NULL;
}

Inhibitors *snapshots_get_inhibitors(Snapshots *snapshots) {
        return snapshots->inhibitors;
}

/* --- commands --- */

static void command_init(LinkMessage *message, const char *command, const char *owner) {
        link_message_init(message, LINK_COMMAND);
        (void) link_message_add(message, LINK_FIELD_COMMAND, command);
        if (owner)
                (void) link_message_add(message, LINK_FIELD_OWNER, owner);
}

void snapshots_plan(Snapshots *snapshots, CommandDone done, void *userdata) {
        LinkMessage message;

        command_init(&message, "plan", NULL);
        commands_send(snapshots->commands, snapshots->link, &message, COMMAND_LIMIT_USEC, done, userdata);
}

int snapshots_freeze(Snapshots *snapshots, const char *owner, const char *const *mounts,
                     uint64_t watchdog_usec, CommandDone done, void *userdata) {
        LinkMessage message;
        int r;

        command_init(&message, "freeze", owner);
        (void) link_message_add_u64(&message, LINK_FIELD_WATCHDOG, watchdog_usec);
        for (; mounts && *mounts; mounts++) {
                r = link_message_add(&message, LINK_FIELD_MOUNT, *mounts);
                if (r < 0)
                        return r;
        }
        /* Room for the serial. */
        if (message.size + 64 > LINK_MESSAGE_MAX)
                return -EMSGSIZE;
        commands_send(snapshots->commands, snapshots->link, &message, FREEZE_LIMIT_USEC, done, userdata);
        return 0;
}

void snapshots_thaw(Snapshots *snapshots, const char *owner, CommandDone done, void *userdata) {
        LinkMessage message;

        command_init(&message, "thaw", owner);
        commands_send(snapshots->commands, snapshots->link, &message, COMMAND_LIMIT_USEC, done, userdata);
}

void snapshots_release(Snapshots *snapshots, const char *owner) {
        LinkMessage message;

        command_init(&message, "release", owner);
        (void) link_client_send(snapshots->link, &message);
}

void snapshots_forget(Snapshots *snapshots, const void *userdata) {
        commands_forget(snapshots->commands, userdata);
}
