/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/transfers.h"

#include "common/cleanup.h"
#include "service/link/fields.h"
#include "service/siblings/commands.h"

struct Transfers {
        LinkClient *link;
        bool held; /* we asked for a pause */
        Commands *commands;
        void (*paused)(void *userdata);
        void *userdata;
};

static void on_connected(LinkClient *client, void *userdata) {}

static void on_disconnected(LinkClient *client, void *userdata) {
        commands_fail_all(((Transfers *) userdata)->commands);
}

static void on_message(LinkClient *client, const LinkMessage *message, void *userdata) {
        (void) commands_take_answer(((Transfers *) userdata)->commands, message);
}

static const LinkClientOwner link_owner = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .message = on_message,
};

int transfers_new(sd_event *event, const char *socket_path, double time_scale, Transfers **ret) {
        g_autoptr(Transfers) transfers = g_new0(Transfers, 1);
        int r;

        transfers->commands = commands_new(event, time_scale);
        r = link_client_new(event, socket_path, "hvutilsd", time_scale, &link_owner, transfers,
                            &transfers->link);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&transfers);
        return 0;
}

Transfers *transfers_free(Transfers *transfers) {
        if (!transfers)
                return NULL;
        link_client_free(transfers->link);
        commands_free(transfers->commands);
        g_free(transfers);
        return NULL;
}

static void on_paused(int result, const LinkMessage *answer, bool more, void *userdata) {
        Transfers *transfers = userdata;

        transfers->paused(transfers->userdata);
}

void transfers_pause(Transfers *transfers, void (*paused)(void *userdata), void *userdata) {
        LinkMessage message;

        commands_forget(transfers->commands, transfers);
        transfers->held = true;
        transfers->paused = paused;
        transfers->userdata = userdata;
        link_message_init(&message, LINK_COMMAND);
        (void) link_message_add(&message, LINK_FIELD_COMMAND, "pause");
        commands_send(transfers->commands, transfers->link, &message, TRANSFERS_PAUSE_LIMIT_USEC, on_paused,
                      transfers);
}

void transfers_resume(Transfers *transfers) {
        LinkMessage message;

        if (!transfers->held)
                return;
        transfers->held = false;
        commands_forget(transfers->commands, transfers);
        link_message_init(&message, LINK_COMMAND);
        (void) link_message_add(&message, LINK_FIELD_COMMAND, "resume");
        (void) link_client_send(transfers->link, &message);
}
