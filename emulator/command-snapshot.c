/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvhost snapshot: what a production checkpoint does to the guest. HOT_BACKUP asks whether it can be frozen, FREEZE,
 * the snapshot is taken (--hold), THAW. What the driver answers by itself (GET_DM_INFO, BU_COMPLETE, …) never reaches a
 * daemon and is not sent.
 */

#include "emulator/command.h"

#include <stdio.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "emulator/words.h"
#include "wire/vss.h"

typedef struct HostSnapshot {
        CommandOptions options;
        char *hold_word;
        uint64_t hold_usec;
        gboolean no_thaw, hot_backup, thaw;
} HostSnapshot;

static void host_snapshot_done(HostSnapshot *snapshot) {
        command_options_done(&snapshot->options);
        g_free(snapshot->hold_word);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HostSnapshot, host_snapshot_done)

static int ask(const HostSnapshot *snapshot, VssOperation operation) {
        uint8_t message[VSS_MESSAGE_SIZE];
        g_autofree char *hex = NULL;
        uint64_t begun = now_usec(CLOCK_MONOTONIC);
        char buffer[64];
        int r;

        vss_wire_request(message, vss_wire_operation_byte(operation));
        hex = hex_from_bytes(message, sizeof(message));
        r = command_ask(&snapshot->options, (const char *const[]){ "raw", "vss", hex, NULL }, NULL, NULL);
        (void) printf("%s: %s after %s\n", vss_operation_to_string(operation),
                      r == HOST_EXIT_OK ? "ok" : "failed",
                      format_time(now_usec(CLOCK_MONOTONIC) - begun, buffer, sizeof(buffer)));
        (void) fflush(stdout);
        return r;
}

static int take(const HostSnapshot *snapshot) {
        int r;

        if (snapshot->thaw)
                return ask(snapshot, VSS_OPERATION_THAW);
        r = ask(snapshot, VSS_OPERATION_HOT_BACKUP);
        if (r != HOST_EXIT_OK || snapshot->hot_backup)
                return r;
        r = ask(snapshot, VSS_OPERATION_FREEZE);
        if (r != HOST_EXIT_OK || snapshot->no_thaw)
                return r;
        g_usleep((gulong) snapshot->hold_usec);
        return ask(snapshot, VSS_OPERATION_THAW);
}

int command_snapshot(const Command *command, int argc, char **argv) {
        g_auto(HostSnapshot) snapshot = {};
        const GOptionEntry entries[] = {
                { "hold", 0, 0, G_OPTION_ARG_STRING, &snapshot.hold_word, "Thaw after this time (0)",
                  "TIME" },
                { "no-thaw", 0, 0, G_OPTION_ARG_NONE, &snapshot.no_thaw, "Freeze, and never thaw", NULL },
                { "hot-backup", 0, 0, G_OPTION_ARG_NONE, &snapshot.hot_backup,
                  "Only ask whether the guest can be frozen", NULL },
                { "thaw", 0, 0, G_OPTION_ARG_NONE, &snapshot.thaw, "Only thaw", NULL },
                {},
        };
        int r;

        if (!command_options_parse(&snapshot.options, command, &argc, &argv, entries, &r))
                return r;
        if (argc != 1 || (snapshot.hold_word && parse_time(snapshot.hold_word, &snapshot.hold_usec) < 0))
                return command_usage(command);
        return take(&snapshot);
}
