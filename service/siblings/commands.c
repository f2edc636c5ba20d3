/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/commands.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "service/link/fields.h"

typedef struct Command {
        Commands *commands;
        uint64_t serial;
        bool sent;
        CommandDone done;
        void *userdata;
        sd_event_source *limit;
} Command;

struct Commands {
        sd_event *event;
        double time_scale;
        uint64_t serial;
        GHashTable *pending; /* serial -> Command */
};

static void command_free(void *p) {
        Command *command = p;

        sd_event_source_disable_unref(command->limit);
        g_free(command);
}

Commands *commands_new(sd_event *event, double time_scale) {
        Commands *commands = g_new0(Commands, 1);

        commands->event = sd_event_ref(event);
        commands->time_scale = time_scale;
        commands->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, command_free);
        return commands;
}

Commands *commands_free(Commands *commands) {
        if (!commands)
                return NULL;
        g_hash_table_unref(commands->pending);
        sd_event_unref(commands->event);
        g_free(commands);
        return NULL;
}

static void command_fail(Command *command, int result) {
        CommandDone done = command->done;
        void *userdata = command->userdata;

        g_hash_table_remove(command->commands->pending, &command->serial);
        done(result, NULL, false, userdata);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        Command *command = userdata;

        command_fail(command, command->sent ? -ETIMEDOUT : -ENOTCONN);
        return 0;
}

void commands_send(Commands *commands, LinkClient *client, LinkMessage *message, uint64_t limit_usec,
                   CommandDone done, void *userdata) {
        Command *command = g_new0(Command, 1);
        uint64_t limit = (uint64_t) ((double) limit_usec * commands->time_scale);

        command->commands = commands;
        command->serial = ++commands->serial;
        command->done = done;
        command->userdata = userdata;
        g_hash_table_insert(commands->pending, &command->serial, command);
        command->sent = link_message_add_u64(message, LINK_FIELD_SERIAL, command->serial) >= 0 &&
                        link_client_send(client, message) >= 0;
        (void) sd_event_add_time_relative(commands->event, &command->limit, CLOCK_MONOTONIC,
                                          command->sent ? limit : 0, 1, on_limit, command);
}

void commands_forget(Commands *commands, const void *userdata) {
        GHashTableIter iter;
        gpointer command;

        g_hash_table_iter_init(&iter, commands->pending);
        while (g_hash_table_iter_next(&iter, NULL, &command))
                if (((Command *) command)->userdata == userdata)
                        g_hash_table_iter_remove(&iter);
}

/* Only a plan comes in parts: reports without a result of their own until one says LAST. */
static bool message_has_more(const LinkMessage *message) {
        return link_message_get(message, LINK_FIELD_ENTRY) && !link_message_get(message, LINK_FIELD_LAST);
}

bool commands_take_answer(Commands *commands, const LinkMessage *message) {
        bool more = message_has_more(message);
        CommandDone done;
        Command *command;
        int64_t result = 0;
        uint64_t serial;
        void *userdata;

        if ((message->kind != LINK_REPORT && message->kind != LINK_STATE) ||
            link_message_get_u64(message, LINK_FIELD_SERIAL, &serial) < 0)
                return false;
        command = g_hash_table_lookup(commands->pending, &serial);
        if (!command)
                return false;
        (void) link_message_get_i64(message, LINK_FIELD_RESULT, &result);
        done = command->done;
        userdata = command->userdata;
        if (!more)
                g_hash_table_remove(commands->pending, &serial);
        done((int) result, message, more, userdata);
        return true;
}

void commands_fail_all(Commands *commands) {
        g_autoptr(GHashTable) failed = g_steal_pointer(&commands->pending);
        GHashTableIter iter;
        gpointer command;

        commands->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, command_free);
        g_hash_table_iter_init(&iter, failed);
        while (g_hash_table_iter_next(&iter, NULL, &command))
                ((Command *) command)->done(-ENOTCONN, NULL, false, ((Command *) command)->userdata);
}
