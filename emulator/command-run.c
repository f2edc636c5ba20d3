/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/command.h"

#include "emulator/scenario.h"

int command_run(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        const char *directory;
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, NULL, &r))
                return r;
        directory = client_directory(options.host);
        if (argc != 2 || !directory)
                return command_usage(command);

        return scenario_run(argv[1], directory, options.timeout_usec);
}
