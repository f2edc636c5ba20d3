/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who may do what. Deny by default, by construction: every method and every writable property has a row here,
 * a call without one is refused, and a test compares the rows with vtables, polkit policy and XML.
 *
 * bus_authorize() is asked at the top of a handler, when the arguments were read and checked and nothing has
 * changed. It returns 1 (go on), 0 (polkit was asked: return 1 from the handler, which will be called again
 * from its first line) or a negative errno with *error set.
 */

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "service/bus/bus.h"

G_BEGIN_DECLS

typedef enum AuthorizeRule {
        AUTHORIZE_PUBLIC,       /* everybody */
        AUTHORIZE_PRIVATE_FILE, /* everybody while the pool's file is readable by others, else the action */
        AUTHORIZE_OWNER,        /* the owner of the object, whom the handler compares; polkit is not asked */
        AUTHORIZE_ACTION,       /* the action; for the host's pools host_action, if there is one */
} AuthorizeRule;

typedef struct AuthorizeRow {
        const char *interface, *member;
        AuthorizeRule rule;
        const char *action, *host_action;
} AuthorizeRow;

/* Ends with a row whose interface is NULL. */
extern const AuthorizeRow authorize_table[];
const AuthorizeRow *authorize_find(const char *interface, const char *member);

/* What the call is about. */
typedef struct AuthorizeTarget {
        const char *pool;        /* detail "pool", or NULL */
        const char *adapter;     /* detail "adapter", or NULL */
        const char *path;        /* detail "path", or NULL */
        bool host_pool;          /* external, auto_external */
        bool private_file;       /* not readable by others */
        const char *const *keys; /* one question each, detail "key"; n_keys 0 = one question without it */
        size_t n_keys;
} AuthorizeTarget;

int bus_authorize(Bus *bus, sd_bus_message *call, const char *interface, const char *member,
                  const AuthorizeTarget *target, sd_bus_error *error);

/* The action that this target needs by this row, NULL for none. Pure. */
const char *authorize_action(const AuthorizeRow *row, const AuthorizeTarget *target);

G_END_DECLS
