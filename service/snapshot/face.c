/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/face.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "service/link/fields.h"
#include "service/link/link.h"

struct Face {
        LinkServer *server;
        LinkPeer *daemon; /* hvutilsd: the last that came */
        const History *history;
        const FaceOwner *owner;
        void *userdata;
};

/* --- telling --- */

bool face_prepare(Face *face, const char *phase, uint64_t serial, uint64_t id, uint64_t budget_usec) {
        LinkMessage message;

        if (!face->daemon)
                return false;

        link_message_init(&message, LINK_PREPARE);
        (void) link_message_add_u64(&message, LINK_FIELD_SERIAL, serial);
        (void) link_message_add(&message, LINK_FIELD_PHASE, phase);
        (void) link_message_add_u64(&message, LINK_FIELD_ID, id);
        (void) link_message_add_u64(&message, LINK_FIELD_BUDGET_USEC, budget_usec);
        return link_peer_send(face->daemon, &message) >= 0;
}

static void face_fill_state(const Face *face, LinkMessage *message) {
        link_message_init(message, LINK_STATE);
        face->owner->state(message, face->userdata);
}

void face_tell_state(Face *face) {
        LinkMessage message;

        face_fill_state(face, &message);
        (void) link_server_broadcast(face->server, &message);
}

void face_tell_report(Face *face, const SnapshotReport *report) {
        LinkMessage message;

        link_message_init(&message, LINK_REPORT);
        snapshot_report_add_to(report, &message);
        (void) link_server_broadcast(face->server, &message);
}

static void face_send_history(const Face *face, LinkPeer *peer) {
        const GPtrArray *reports = history_get_reports(face->history);

        for (guint i = 0; i < reports->len; i++) {
                LinkMessage message;

                link_message_init(&message, LINK_REPORT);
                (void) link_message_add(&message, LINK_FIELD_HISTORY, "1");
                snapshot_report_add_to(reports->pdata[i], &message);
                (void) link_peer_send(peer, &message);
        }
}

/* --- commands --- */

static void answer_init(LinkMessage *answer, const char *serial) {
        link_message_init(answer, LINK_REPORT);
        if (serial)
                (void) link_message_add(answer, LINK_FIELD_SERIAL, serial);
}

static void face_answer(LinkPeer *peer, const char *serial, int result, const char *error, uint64_t id) {
        LinkMessage answer;

        answer_init(&answer, serial);
        (void) link_message_add_i64(&answer, LINK_FIELD_RESULT, result);
        if (result < 0)
                (void) link_message_add(&answer, LINK_FIELD_ERROR, error ? error : g_strerror(-result));
        if (result >= 0 && id > 0)
                (void) link_message_add_u64(&answer, LINK_FIELD_ID, id);
        (void) link_peer_send(peer, &answer);
}

static void face_freeze(Face *face, LinkPeer *peer, const LinkMessage *message, const char *serial) {
        const char *owner = link_message_get(message, LINK_FIELD_OWNER), *mount;
        g_autoptr(GPtrArray) mounts = g_ptr_array_new();
        g_autofree char *error = NULL;
        uint64_t watchdog = 0, id = 0;
        int r;

        if (peer != face->daemon || !owner || !*owner) {
                face_answer(peer, serial, -EINVAL, "A freeze belongs to a connection of the bus", 0);
                return;
        }
        for (size_t i = 0; (mount = link_message_get_nth(message, LINK_FIELD_MOUNT, i)); i++)
                g_ptr_array_add(mounts, (void *) mount);
        g_ptr_array_add(mounts, NULL);
        (void) link_message_get_u64(message, LINK_FIELD_WATCHDOG, &watchdog);

        r = face->owner->freeze(owner, (const char *const *) mounts->pdata, watchdog, &id, &error,
                                face->userdata);
        face_answer(peer, serial, r, error, id);
}

static void face_thaw(Face *face, LinkPeer *peer, const LinkMessage *message, const char *serial) {
        const char *owner = link_message_get(message, LINK_FIELD_OWNER);
        g_autofree char *error = NULL;
        int r;

        if (!owner && (link_peer_get_uid(peer) != 0 || peer == face->daemon)) {
                face_answer(peer, serial, -EPERM, NULL, 0);
                return;
        }
        r = face->owner->thaw(owner, &error, face->userdata);
        face_answer(peer, serial, r, error, 0);
}

static bool add_entry(LinkMessage *answer, const PlanEntry *entry) {
        g_autofree char *line = g_strdup_printf("%s\t%s\t%s", entry->target,
                                                plan_action_to_string(entry->action), entry->reason);

        return link_message_add(answer, LINK_FIELD_ENTRY, line) >= 0;
}

/* Room for LAST and RESULT is kept by counting the bytes, not by trying. */
#define PLAN_MESSAGE_FULL (LINK_MESSAGE_MAX - 512)

static void face_plan(Face *face, LinkPeer *peer, const char *serial) {
        g_autoptr(GPtrArray) plan = NULL;
        LinkMessage answer;
        unsigned n = 0;
        int r;

        r = face->owner->plan(&plan, face->userdata);
        answer_init(&answer, serial);
        for (guint i = 0; r >= 0 && i < plan->len; i++) {
                if (answer.size > PLAN_MESSAGE_FULL || n >= LINK_FIELDS_MAX - 8 ||
                    !add_entry(&answer, plan->pdata[i])) {
                        (void) link_peer_send(peer, &answer);
                        answer_init(&answer, serial);
                        n = 0;
                        (void) add_entry(&answer, plan->pdata[i]);
                }
                n++;
        }
        (void) link_message_add_i64(&answer, LINK_FIELD_RESULT, MIN(r, 0));
        (void) link_message_add(&answer, LINK_FIELD_LAST, "1");
        (void) link_peer_send(peer, &answer);
}

static void on_command(Face *face, LinkPeer *peer, const LinkMessage *message) {
        const char *command = link_message_get(message, LINK_FIELD_COMMAND),
                   *serial = link_message_get(message, LINK_FIELD_SERIAL),
                   *owner = link_message_get(message, LINK_FIELD_OWNER);

        if (g_strcmp0(command, "freeze") == 0)
                face_freeze(face, peer, message, serial);
        else if (g_strcmp0(command, "thaw") == 0)
                face_thaw(face, peer, message, serial);
        else if (g_strcmp0(command, "plan") == 0)
                face_plan(face, peer, serial);
        else if (g_strcmp0(command, "release") == 0) {
                if (owner && peer == face->daemon)
                        face->owner->release(owner, face->userdata);
                face_answer(peer, serial, 0, NULL, 0);
        } else
                face_answer(peer, serial, -EOPNOTSUPP, "There is no such command", 0);
}

/* --- peers --- */

static void on_arrived(LinkServer *server, LinkPeer *peer, void *userdata) {
        Face *face = userdata;
        LinkMessage state;

        if (g_strcmp0(link_peer_get_role(peer), "hvutilsd") == 0) {
                /* Another one: what belonged to callers of the first has lost its owner. */
                if (face->daemon)
                        face->owner->gone(face->userdata);
                face->daemon = peer;
        }
        face_send_history(face, peer);
        face_fill_state(face, &state);
        (void) link_peer_send(peer, &state);
}

static void on_gone(LinkServer *server, LinkPeer *peer, void *userdata) {
        Face *face = userdata;

        if (peer != face->daemon)
                return;
        face->daemon = NULL;
        face->owner->gone(face->userdata);
}

static void on_message(LinkServer *server, LinkPeer *peer, const LinkMessage *message, void *userdata) {
        Face *face = userdata;
        uint64_t serial;

        if (message->kind == LINK_COMMAND)
                on_command(face, peer, message);
        else if (message->kind == LINK_READY && peer == face->daemon &&
                 link_message_get_u64(message, LINK_FIELD_SERIAL, &serial) >= 0)
                face->owner->ready(serial, face->userdata);
}

static const LinkServerOwner server_owner = {
        .arrived = on_arrived,
        .gone = on_gone,
        .message = on_message,
};

int face_new(sd_event *event, const char *socket_path, double time_scale, const History *history,
             const FaceOwner *owner, void *userdata, Face **ret) {
        g_autoptr(Face) face = g_new(Face, 1);
        int r;

        *face = (Face){ .history = history, .owner = owner, .userdata = userdata };
        r = link_server_new(event, socket_path, "snapshotd", time_scale, &server_owner, face, &face->server);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&face);
        return 0;
}

Face *face_free(Face *face) {
        if (!face)
                return NULL;

        link_server_free(face->server);
        g_free(face);
        return NULL;
}
