/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the commands of hvhost share: options, one question to the host, what to exit with. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/client.h"

G_BEGIN_DECLS

typedef struct Command {
        const char *name;
        const char *arguments; /* for --help */
        const char *summary;
        int (*run)(const struct Command *command, int argc, char **argv);
} Command;

int command_serve(const Command *command, int argc, char **argv);
int command_run(const Command *command, int argc, char **argv);
int command_kvp(const Command *command, int argc, char **argv);
int command_ip(const Command *command, int argc, char **argv);
int command_snapshot(const Command *command, int argc, char **argv);
int command_copy(const Command *command, int argc, char **argv);
int command_raw(const Command *command, int argc, char **argv);
int command_status(const Command *command, int argc, char **argv);
int command_wait_registered(const Command *command, int argc, char **argv);
/* withdraw, offer, suspend, expire [SERVICE]; delay-registration TIME; refuse CALL ERRNO [TIMES] */
int command_service(const Command *command, int argc, char **argv);
int command_delay_registration(const Command *command, int argc, char **argv);
int command_refuse(const Command *command, int argc, char **argv);

typedef struct CommandOptions {
        char *host;    /* --host=DIR */
        char *timeout; /* --timeout=TIME, 60s */
        gboolean json; /* --json, where the command has it */
        uint64_t timeout_usec;
} CommandOptions;

void command_options_done(CommandOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandOptions, command_options_done)

/* Takes the options out of argv; extra may be NULL. Returns 1 to go on; else 0, with *ret_exit. */
int command_options_parse(CommandOptions *options, const Command *command, int *argc, char ***argv,
                          const GOptionEntry *extra, int *ret_exit);

/* Asks the host, and complains on stderr about any answer but 0. Returns what to exit with. */
int command_ask(const CommandOptions *options, const char *const *words, ClientItem item, void *userdata);
int command_usage(const Command *command);

G_END_DECLS
