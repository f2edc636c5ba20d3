/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/transfers.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "service/link/fields.h"
#include "service/siblings/transfer.h"

#define COMMAND_LIMIT_USEC (5 * USEC_PER_SEC)

struct Transfers {
        TransfersOwner owner;
        void *userdata;
        LinkClient *link;
        Commands *commands;

        SiblingFacts facts;
        char **roots;
        uint32_t n_running;
        GPtrArray *history; /* Transfer, by growing ID */

        bool held; /* we asked for a pause */
        void (*paused)(void *userdata);
        void *paused_userdata;
};

/* --- state --- */

static char **read_roots(const LinkMessage *message) {
        g_autoptr(GPtrArray) roots = g_ptr_array_new();
        const char *root;

        for (size_t i = 0; (root = link_message_get_nth(message, LINK_FIELD_ROOT, i)); i++)
                g_ptr_array_add(roots, g_utf8_make_valid(root, -1));
        g_ptr_array_add(roots, NULL);
        return (char **) g_ptr_array_steal(roots, NULL);
}

/* Takes the roots. */
static void transfers_set_roots(Transfers *transfers, char **roots) {
        bool same = g_strv_equal((const char *const *) roots, transfers_get_roots(transfers));

        g_strfreev(transfers->roots);
        transfers->roots = roots;
        if (!same)
                transfers->owner.state_changed(transfers->userdata);
}

static void on_state(Transfers *transfers, const LinkMessage *message) {
        if (sibling_facts_read(&transfers->facts, message))
                transfers->owner.channel_changed(transfers->userdata);
        transfers_set_roots(transfers, read_roots(message));
}

static void transfers_count_again(Transfers *transfers) {
        uint32_t n = 0;

        for (guint i = 0; i < transfers->history->len; i++)
                n += transfers_get_nth(transfers, i)->is_running;
        if (n == transfers->n_running)
                return;
        transfers->n_running = n;
        transfers->owner.state_changed(transfers->userdata);
}

/* --- history --- */

static void transfer_free_element(void *transfer) {
        transfer_free(transfer);
}

/* Where the ID is, or would be put. */
static guint history_position(const Transfers *transfers, uint64_t id) {
        guint i = transfers->history->len;

        while (i > 0 && transfers_get_nth(transfers, i - 1)->id >= id)
                i--;
        return i;
}

static bool history_has(const Transfers *transfers, guint i, uint64_t id) {
        return i < transfers->history->len && transfers_get_nth(transfers, i)->id == id;
}

static void history_remove(Transfers *transfers, guint i) {
        uint64_t id = transfers_get_nth(transfers, i)->id;

        g_ptr_array_remove_index(transfers->history, i);
        transfers->owner.transfer_removed(id, transfers->userdata);
}

static void on_report(Transfers *transfers, const LinkMessage *message) {
        Transfer *transfer;
        bool is_new;
        guint i;

        if (transfer_new(message, &transfer) < 0)
                return;
        i = history_position(transfers, transfer->id);
        is_new = !history_has(transfers, i, transfer->id);
        if (!is_new)
                g_ptr_array_remove_index(transfers->history, i);
        g_ptr_array_insert(transfers->history, (int) i, transfer);
        transfers->owner.transfer_changed(transfer, is_new, transfers->userdata);
        while (transfers->history->len > TRANSFERS_HISTORY_MAX)
                history_remove(transfers, 0);
        transfers_count_again(transfers);
}

/* What was running when transferd ended is not in its history when it comes back: nobody would ever say how
 * it went. */
static void history_drop_running(Transfers *transfers) {
        for (guint i = transfers->history->len; i > 0; i--)
                if (transfers_get_nth(transfers, i - 1)->is_running)
                        history_remove(transfers, i - 1);
        transfers_count_again(transfers);
}

/* --- the link --- */

static void on_connected(LinkClient *client, void *userdata) {}

static void on_disconnected(LinkClient *client, void *userdata) {
        Transfers *transfers = userdata;

        commands_fail_all(transfers->commands);
        sibling_facts_forget_channel(&transfers->facts);
        transfers->owner.channel_changed(transfers->userdata);
        history_drop_running(transfers);
}

static void on_message(LinkClient *client, const LinkMessage *message, void *userdata) {
        Transfers *transfers = userdata;

        if (message->kind == LINK_STATE)
                on_state(transfers, message);
        if (message->kind == LINK_REPORT)
                on_report(transfers, message);
        (void) commands_take_answer(transfers->commands, message);
}

static const LinkClientOwner link_owner = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .message = on_message,
};

/* --- birth and end --- */

int transfers_new(sd_event *event, const char *socket_path, double time_scale, const TransfersOwner *owner,
                  void *userdata, Transfers **ret) {
        g_autoptr(Transfers) transfers = g_new0(Transfers, 1);
        int r;

        transfers->owner = *owner;
        transfers->userdata = userdata;
        transfers->commands = commands_new(event, time_scale);
        transfers->roots = g_new0(char *, 1);
        transfers->history = g_ptr_array_new_with_free_func(transfer_free_element);
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
        sibling_facts_done(&transfers->facts);
        g_strfreev(transfers->roots);
        g_ptr_array_unref(transfers->history);
        g_free(transfers);
        return NULL;
}

/* --- the pause --- */

static void command_init(LinkMessage *message, const char *command) {
        link_message_init(message, LINK_COMMAND);
        (void) link_message_add(message, LINK_FIELD_COMMAND, command);
}

static void on_paused(int result, const LinkMessage *answer, bool more, void *userdata) {
        Transfers *transfers = userdata;

        transfers->paused(transfers->paused_userdata);
}

void transfers_pause(Transfers *transfers, void (*paused)(void *userdata), void *userdata) {
        LinkMessage message;

        commands_forget(transfers->commands, transfers);
        transfers->held = true;
        transfers->paused = paused;
        transfers->paused_userdata = userdata;
        command_init(&message, "pause");
        commands_send(transfers->commands, transfers->link, &message, TRANSFERS_PAUSE_LIMIT_USEC, on_paused,
                      transfers);
}

void transfers_resume(Transfers *transfers) {
        LinkMessage message;

        if (!transfers->held)
                return;
        transfers->held = false;
        commands_forget(transfers->commands, transfers);
        command_init(&message, "resume");
        (void) link_client_send(transfers->link, &message);
}

/* --- what is known --- */

const char *const *transfers_get_roots(const Transfers *transfers) {
        return (const char *const *) transfers->roots;
}

uint32_t transfers_count_running(const Transfers *transfers) {
        return transfers->n_running;
}

const SiblingFacts *transfers_get_facts(const Transfers *transfers) {
        return &transfers->facts;
}

guint transfers_count(const Transfers *transfers) {
        return transfers->history->len;
}

const Transfer *transfers_get_nth(const Transfers *transfers, guint index) {
        return g_ptr_array_index(transfers->history, index);
}

const Transfer *transfers_find(const Transfers *transfers, uint64_t id) {
        guint i = history_position(transfers, id);

        return history_has(transfers, i, id) ? transfers_get_nth(transfers, i) : NULL;
}

/* --- commands --- */

void transfers_cancel(Transfers *transfers, uint64_t id, CommandDone done, void *userdata) {
        LinkMessage message;

        command_init(&message, "cancel");
        (void) link_message_add_u64(&message, LINK_FIELD_ID, id);
        commands_send(transfers->commands, transfers->link, &message, COMMAND_LIMIT_USEC, done, userdata);
}

void transfers_forget(Transfers *transfers, const void *userdata) {
        commands_forget(transfers->commands, userdata);
}
