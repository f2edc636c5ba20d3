/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/command.h"

#include <stdio.h>

#include "emulator/host.h"

int command_serve(const Command *command, int argc, char **argv) {
        g_auto(CommandOptions) options = {};
        g_autofree char *device = NULL, *scenario = NULL, *group = NULL;
        double time_scale = 1.0;
        gboolean ring = FALSE;
        const GOptionEntry entries[] = {
                { "device", 0, 0, G_OPTION_ARG_FILENAME, &device,
                  "Mount device files at DIR instead of sockets", "DIR" },
                { "ring", 0, 0, G_OPTION_ARG_NONE, &ring, "Copy files over a VMBus ring; its path is DIR", NULL },
                { "scenario", 0, 0, G_OPTION_ARG_FILENAME, &scenario, "Play FILE, end with its exit status",
                  "FILE" },
                { "group", 0, 0, G_OPTION_ARG_STRING, &group, "Group that may open the channels", "NAME" },
                { "time-scale", 0, 0, G_OPTION_ARG_DOUBLE, &time_scale, "Multiply the driver's time-outs",
                  "F" },
                {},
        };
        int r;

        if (!command_options_parse(&options, command, &argc, &argv, entries, &r))
                return r;
        if (argc != 2)
                return command_usage(command);
        if (!(time_scale > 0 && time_scale <= 1000)) {
                (void) fprintf(stderr, "hvhost: --time-scale is more than 0 and at most 1000\n");
                return HOST_EXIT_USAGE;
        }

        return host_serve(&(HostOptions){ argv[1], device, scenario, group, time_scale, ring });
}
