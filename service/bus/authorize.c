/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/authorize.h"

#include <errno.h>
#include <string.h>

#include "common/names.h"
#include "service/bus/bus-private.h"
#include "service/bus/errors.h"
#include "service/bus/question.h"

#define READ_PRIVATE AUTHORIZE_PRIVATE_FILE, HVUTILS_ACTION_KVP_READ_PRIVATE, NULL
#define WRITE_POOL   AUTHORIZE_ACTION, HVUTILS_ACTION_KVP_WRITE, HVUTILS_ACTION_KVP_WRITE_HOST_POOL
#define NETWORK      AUTHORIZE_ACTION, HVUTILS_ACTION_NETWORK_CONFIGURE, NULL
#define TRANSFER     AUTHORIZE_ACTION, HVUTILS_ACTION_TRANSFER_MANAGE, NULL
#define MANAGE       AUTHORIZE_ACTION, HVUTILS_ACTION_MANAGE, NULL

const AuthorizeRow authorize_table[] = {
        { HVUTILS_INTERFACE_MANAGER, "ReloadConfiguration", MANAGE },
        { LOG_CONTROL_INTERFACE, "LogLevel", MANAGE },
        { LOG_CONTROL_INTERFACE, "LogTarget", MANAGE },
        { HVUTILS_INTERFACE_POOL, "Get", READ_PRIVATE },
        { HVUTILS_INTERFACE_POOL, "GetRaw", READ_PRIVATE },
        { HVUTILS_INTERFACE_POOL, "GetAll", READ_PRIVATE },
        { HVUTILS_INTERFACE_POOL, "Set", WRITE_POOL },
        { HVUTILS_INTERFACE_POOL, "SetIf", WRITE_POOL },
        { HVUTILS_INTERFACE_POOL, "SetMany", WRITE_POOL },
        { HVUTILS_INTERFACE_POOL, "Remove", WRITE_POOL },
        { HVUTILS_INTERFACE_POOL, "Clear", WRITE_POOL },
        { HVUTILS_INTERFACE_SNAPSHOTS, "Plan", AUTHORIZE_PUBLIC, NULL, NULL },
        { HVUTILS_INTERFACE_SNAPSHOTS, "ListInhibitors", AUTHORIZE_PUBLIC, NULL, NULL },
        { HVUTILS_INTERFACE_SNAPSHOTS, "Freeze", AUTHORIZE_ACTION, HVUTILS_ACTION_SNAPSHOT_FREEZE, NULL },
        { HVUTILS_INTERFACE_SNAPSHOTS, "Thaw", AUTHORIZE_OWNER, NULL, NULL },
        { HVUTILS_INTERFACE_SNAPSHOTS, "Inhibit", AUTHORIZE_ACTION, HVUTILS_ACTION_SNAPSHOT_INHIBIT, NULL },
        { HVUTILS_INTERFACE_TRANSFER, "Cancel", TRANSFER },
        { HVUTILS_INTERFACE_ADAPTER, "Reapply", NETWORK },
        { HVUTILS_INTERFACE_ADAPTER, "Forget", NETWORK },
        { HVUTILS_INTERFACE_ADAPTER, "Check", NETWORK },
        {},
};

const AuthorizeRow *authorize_find(const char *interface, const char *member) {
        for (const AuthorizeRow *row = authorize_table; row->interface; row++)
                if (strcmp(row->interface, interface) == 0 && strcmp(row->member, member) == 0)
                        return row;
        return NULL;
}

const char *authorize_action(const AuthorizeRow *row, const AuthorizeTarget *target) {
        switch (row->rule) {
        case AUTHORIZE_PUBLIC:
        case AUTHORIZE_OWNER:
                return NULL;
        case AUTHORIZE_PRIVATE_FILE:
                return target->private_file ? row->action : NULL;
        case AUTHORIZE_ACTION:
                return target->host_pool && row->host_action ? row->host_action : row->action;
        }
        g_assert_not_reached();
}

int bus_authorize(Bus *bus, sd_bus_message *call, const char *interface, const char *member,
                  const AuthorizeTarget *target, sd_bus_error *error) {
        const AuthorizeRow *row = authorize_find(interface, member);
        const char *action;

        if (!row)
                return bus_error_denied(error, BUS_DENIAL_NOBODY, member, NULL, NULL);
        action = authorize_action(row, target);
        if (!action)
                return 1;
        return question_ask(bus->questions, call,
                            &(QuestionWish){ action, target->pool, target->adapter, target->path,
                                             target->keys, target->n_keys },
                            error);
}
