/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/face.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/link/fields.h"

struct TransferFace {
        TransferFaceSetup setup;
        LinkServer *server;
        LinkPeer *pauser; /* who asked for the pause */
        sd_event_source *pause_timer;
        uint64_t ended[_TRANSFER_STATE_MAX];
};

/* --- what is said --- */

static void add_counters(const TransferFace *face, LinkMessage *message) {
        for (int state = 0; state < _TRANSFER_STATE_MAX; state++) {
                g_autofree char *counter = NULL;

                if (state == TRANSFER_RECEIVING || state == TRANSFER_PAUSED)
                        continue;
                counter =
                        g_strdup_printf("transfers.%s %" G_GUINT64_FORMAT,
                                        transfer_state_to_string((TransferState) state), face->ended[state]);
                (void) link_message_add(message, LINK_FIELD_COUNTER, counter);
        }
}

static void make_state(const TransferFace *face, LinkMessage *message) {
        TransferChannelFacts facts = { "none", "absent", "" };

        face->setup.describe(&facts, face->setup.userdata);
        link_message_init(message, LINK_STATE);
        (void) link_message_add(message, LINK_FIELD_CHANNEL_NAME, "fcopy");
        (void) link_message_add(message, LINK_FIELD_CHANNEL_TRANSPORT, facts.transport);
        (void) link_message_add(message, LINK_FIELD_CHANNEL_STATE, facts.state);
        (void) link_message_add(message, LINK_FIELD_CHANNEL_VERSION, facts.version);
        (void) link_message_add(message, LINK_FIELD_PAUSED,
                                transfer_engine_is_paused(face->setup.engine) ? "1" : "0");
        add_counters(face, message);
        for (const char *const *root = face->setup.roots(face->setup.userdata); *root; root++)
                (void) link_message_add(message, LINK_FIELD_ROOT, *root);
}

void transfer_face_state(TransferFace *face) {
        LinkMessage message;

        make_state(face, &message);
        (void) link_server_broadcast(face->server, &message);
}

void transfer_face_report(TransferFace *face, const TransferRecord *record) {
        LinkMessage message;

        if (transfer_record_is_over(record))
                face->ended[record->state]++;
        link_message_init(&message, LINK_REPORT);
        transfer_record_to_link(record, &message);
        (void) link_server_broadcast(face->server, &message);
}

static void send_record(LinkPeer *peer, const TransferRecord *record, bool past) {
        LinkMessage message;

        link_message_init(&message, LINK_REPORT);
        if (past)
                (void) link_message_add(&message, LINK_FIELD_HISTORY, "1");
        transfer_record_to_link(record, &message);
        (void) link_peer_send(peer, &message);
}

/* --- what is asked --- */

static void stop_pausing(TransferFace *face) {
        face->pauser = NULL;
        (void) sd_event_source_set_enabled(face->pause_timer, SD_EVENT_OFF);
        transfer_engine_pause(face->setup.engine, false);
}

static int on_pause_too_long(sd_event_source *source, uint64_t usec, void *userdata) {
        log_notice("Nobody took back the pause of file transfers, going on.");
        stop_pausing(userdata);
        return 0;
}

static int command_pause(TransferFace *face, LinkPeer *peer) {
        face->pauser = peer;
        (void) sd_event_source_set_time_relative(
                face->pause_timer, (uint64_t) ((double) TRANSFER_PAUSE_MAX_USEC * face->setup.time_scale));
        (void) sd_event_source_set_enabled(face->pause_timer, SD_EVENT_ONESHOT);
        transfer_engine_pause(face->setup.engine, true);
        return 0;
}

static int command_cancel(TransferFace *face, const LinkMessage *message) {
        uint64_t id;
        int r = link_message_get_u64(message, LINK_FIELD_ID, &id);

        return r < 0 ? r : transfer_engine_cancel(face->setup.engine, id);
}

static int run_command(TransferFace *face, LinkPeer *peer, const LinkMessage *message) {
        const char *command = link_message_get(message, LINK_FIELD_COMMAND);

        if (g_strcmp0(command, "pause") == 0)
                return command_pause(face, peer);
        if (g_strcmp0(command, "cancel") == 0)
                return command_cancel(face, message);
        if (g_strcmp0(command, "resume") == 0) {
                stop_pausing(face);
                return 0;
        }
        return -EOPNOTSUPP;
}

static const char *sentence(int r) {
        switch (r) {
        case -ENOENT:
                return "No such transfer is under way.";
        case -EOPNOTSUPP:
                return "The command is not known here.";
        default:
                return g_strerror(-r);
        }
}

static void answer(LinkPeer *peer, const LinkMessage *command, int r) {
        const char *serial = link_message_get(command, LINK_FIELD_SERIAL);
        const char *id = link_message_get(command, LINK_FIELD_ID);
        LinkMessage message;

        link_message_init(&message, LINK_REPORT);
        if (serial)
                (void) link_message_add(&message, LINK_FIELD_SERIAL, serial);
        if (id)
                (void) link_message_add(&message, LINK_FIELD_ID, id);
        (void) link_message_add_i64(&message, LINK_FIELD_RESULT, r);
        if (r < 0)
                (void) link_message_add(&message, LINK_FIELD_ERROR, sentence(r));
        (void) link_peer_send(peer, &message);
}

/* --- the link's owner --- */

static void on_arrived(LinkServer *server, LinkPeer *peer, void *userdata) {
        TransferFace *face = userdata;
        const TransferRecord *record;
        LinkMessage message;

        make_state(face, &message);
        (void) link_peer_send(peer, &message);
        for (guint i = 0; (record = transfer_history_get(face->setup.history, i)); i++)
                send_record(peer, record, true);
        record = transfer_engine_current(face->setup.engine);
        if (record)
                send_record(peer, record, false);
}

static void on_gone(LinkServer *server, LinkPeer *peer, void *userdata) {
        TransferFace *face = userdata;

        if (face->pauser == peer)
                stop_pausing(face);
}

static void on_message(LinkServer *server, LinkPeer *peer, const LinkMessage *message, void *userdata) {
        if (message->kind == LINK_COMMAND)
                answer(peer, message, run_command(userdata, peer, message));
}

static const LinkServerOwner owner = { .arrived = on_arrived, .gone = on_gone, .message = on_message };

/* --- life --- */

int transfer_face_new(sd_event *event, const TransferFaceSetup *setup, TransferFace **ret) {
        g_autofree char *path = g_build_filename(setup->runtime_directory, HVUTILS_SOCKET_TRANSFER, NULL);
        g_autoptr(TransferFace) face = g_new0(TransferFace, 1);
        int r;

        face->setup = *setup;
        r = sd_event_add_time(event, &face->pause_timer, CLOCK_MONOTONIC, 0, 1, on_pause_too_long, face);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(face->pause_timer, SD_EVENT_OFF);
        r = link_server_new(event, path, "transferd", setup->time_scale, &owner, face, &face->server);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&face);
        return 0;
}

TransferFace *transfer_face_free(TransferFace *face) {
        if (!face)
                return NULL;

        link_server_free(face->server);
        sd_event_source_disable_unref(face->pause_timer);
        g_free(face);
        return NULL;
}
