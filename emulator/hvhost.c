/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvhost: the emulated Hyper-V host; see hvhost(1). */

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "emulator/command.h"

static const Command commands[] = {
        { "serve", "[--device=DIR] [--ring] [--time-scale=F] [--scenario=FILE] [--group=NAME] DIR",
          "Emulate the host at DIR.", command_serve },
        { "kvp", "set KEY VALUE | get KEY | delete KEY | list | auto  [--pool=POOL] [--json]",
          "Write and read the guest's key-value pairs.", command_kvp },
        { "ip",
          "get MAC [--json] | set GUID [--dhcp] [--address=ADDRESS/MASK…] [--gateway=…] [--dns=…]",
          "Ask for the guest's addresses, inject others.", command_ip },
        { "snapshot", "[--hold=TIME] [--no-thaw] [--hot-backup] [--thaw]",
          "Take a snapshot of the guest: freeze, hold, thaw.", command_snapshot },
        { "copy",
          "FILE DESTINATION  [--create-path] [--overwrite] [--name=NAME] [--size=SIZE] [--cancel-at=SIZE] "
          "[--rate=SIZE]",
          "Copy a file into the guest.", command_copy },
        { "raw", "--hex=DIGITS|--file=FILE [SERVICE]", "Send any bytes as a request and print the answer.",
          command_raw },
        { "run", "SCENARIO", "Play a scenario and tell whether its expectations held.", command_run },
        { "status", "[--json]", "Show what is offered and who is registered.", command_status },
        { "wait-registered", "[SERVICE]", "Wait until a daemon is registered.", command_wait_registered },
        { "withdraw", "[SERVICE]", "Take a service from the guest.", command_service },
        { "offer", "[SERVICE]", "Offer it again.", command_service },
        { "suspend", "[SERVICE]", "Hibernate and resume the guest.", command_service },
        { "expire", "[SERVICE]", "Let the driver's time-out of the request under way pass now.",
          command_service },
        { "delay-registration", "TIME [SERVICE]", "Let later registrations wait for their answer.",
          command_delay_registration },
        { "refuse", "open|read|write ERRNO [TIMES [SERVICE]]", "Let the daemon's next system calls fail.",
          command_refuse },
        {},
};

static void print_help(FILE *stream) {
        (void) fprintf(stream, "Usage: hvhost COMMAND …\n\nThe emulated Hyper-V host.\n\nCommands:\n");
        for (const Command *command = commands; command->name; command++)
                (void) fprintf(stream, "  %-20s%s\n", command->name, command->summary);
        (void) fprintf(
                stream,
                "\nEach has --help; all but serve take --host=DIR ($HVHOST_DIR) and --timeout=TIME.\n");
}

int main(int argc, char **argv) {
        const char *word = argc > 1 ? argv[1] : NULL;
        g_autofree char *name = NULL;

        (void) setlocale(LC_ALL, "");
        if (!word) {
                print_help(stderr);
                return HOST_EXIT_USAGE;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
                print_help(stdout);
                return HOST_EXIT_OK;
        }
        if (strcmp(word, "--version") == 0) {
                (void) puts("hvhost " HVUTILS_VERSION);
                return HOST_EXIT_OK;
        }

        for (const Command *command = commands; command->name; command++)
                if (strcmp(command->name, word) == 0) {
                        name = g_strconcat("hvhost ", word, NULL);
                        g_set_prgname(name);
                        return command->run(command, argc - 1, argv + 1);
                }

        (void) fprintf(stderr, "hvhost: unknown command '%s'; see hvhost --help\n", word);
        return HOST_EXIT_USAGE;
}
