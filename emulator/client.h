/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The administrator's end of the control socket; blocking. */

#include <glib.h>
#include <stdint.h>

#include "emulator/control.h"

G_BEGIN_DECLS

/* Each item's words. */
typedef void (*ClientItem)(char **words, void *userdata);

typedef struct ClientAnswer {
        HostExit code;
        char *status; /* the HRESULT's name, or "" */
        char *text;   /* a sentence, or "" */
} ClientAnswer;

void client_answer_done(ClientAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ClientAnswer, client_answer_done)

/* The directory of the host: the argument, else $HVHOST_DIR, else NULL. */
const char *client_directory(const char *argument);
int client_connect(const char *directory);
int client_send(int fd, const char *const *words);
/* Reads items up to `done`. -ETIMEDOUT when timeout_usec went by in all, -ECONNRESET when the host ended.
 * item may be NULL. */
int client_receive(int fd, uint64_t timeout_usec, ClientItem item, void *userdata, ClientAnswer *ret);

G_END_DECLS
