/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvhost copy: what Copy-VMFile does. START, the file in fragments of 6,144 bytes, COMPLETE; each waits for its answer. */

#include "emulator/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "common/units.h"
#include "emulator/words.h"
#include "wire/fcopy.h"

typedef struct Copy {
        CommandOptions options;
        gboolean create_path, overwrite;
        char *name, *size_word, *cancel_word, *rate_word;
        uint64_t size;   /* announced */
        uint64_t cancel; /* after so many bytes; UINT64_MAX = not */
        uint64_t rate;   /* bytes a second; UINT64_MAX = as fast as it goes */
        int host, file;
} Copy;

static void copy_done(Copy *copy) {
        command_options_done(&copy->options);
        g_free(copy->name);
        g_free(copy->size_word);
        g_free(copy->cancel_word);
        g_free(copy->rate_word);
        if (copy->host >= 0)
                (void) close(copy->host);
        if (copy->file >= 0)
                (void) close(copy->file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Copy, copy_done)

static int fail(const char *what, int r) {
        (void) fprintf(stderr, "hvhost: %s: %s\n", what, g_strerror(-r));
        return r == -ETIMEDOUT ? HOST_EXIT_TIMEOUT : HOST_EXIT_FAILURE;
}

/* Sends one message to the guest; what to exit with. */
static int send_message(const Copy *copy, const uint8_t *message, ssize_t n) {
        g_autofree char *hex = NULL;
        g_auto(ClientAnswer) answer = {};
        int r;

        if (n < 0) {
                (void) fprintf(stderr, "hvhost: the name does not fit a message\n");
                return HOST_EXIT_USAGE;
        }
        hex = hex_from_bytes(message, (size_t) n);
        r = client_send(copy->host, (const char *const[]){ "raw", "fcopy", hex, NULL });
        if (r >= 0)
                r = client_receive(copy->host, copy->options.timeout_usec, NULL, NULL, &answer);
        if (r < 0)
                return fail("the emulated host", r);
        if (answer.code != HOST_EXIT_OK)
                (void) fprintf(stderr, "hvhost: %s%s\n", *answer.status ? "the guest answered " : "",
                               *answer.status ? answer.status : answer.text);
        return (int) answer.code;
}

static int send_simple(const Copy *copy, FcopyOperation operation) {
        uint8_t message[FCOPY_MESSAGE_MAX];

        return send_message(copy, message, fcopy_wire_simple(message, FCOPY_UTF8, operation));
}

/* Waits until so many bytes may have been sent. */
static void keep_rate(const Copy *copy, uint64_t begun, uint64_t sent) {
        double due = (double) sent / (double) copy->rate * (double) USEC_PER_SEC;
        double elapsed = (double) (now_usec(CLOCK_MONOTONIC) - begun);

        if (copy->rate != UINT64_MAX && due > elapsed)
                g_usleep((gulong) (due - elapsed));
}

static int send_contents(const Copy *copy) {
        uint8_t message[FCOPY_MESSAGE_MAX], data[FCOPY_FRAGMENT_MAX];
        uint64_t begun = now_usec(CLOCK_MONOTONIC), offset = 0;
        ssize_t n;
        int r;

        while ((n = pread_full(copy->file, data, sizeof data, (off_t) offset)) > 0) {
                if (offset >= copy->cancel)
                        return send_simple(copy, FCOPY_OPERATION_CANCEL);
                r = send_message(copy, message,
                                 fcopy_wire_write(message, FCOPY_UTF8, offset, data, (size_t) n));
                if (r != HOST_EXIT_OK)
                        return r;
                offset += (uint64_t) n;
                keep_rate(copy, begun, offset);
        }
        return n < 0 ? fail("the file", (int) n) : send_simple(copy, FCOPY_OPERATION_COMPLETE);
}

static int copy_file(const Copy *copy, const char *destination) {
        uint8_t message[FCOPY_MESSAGE_MAX];
        int r;

        r = send_message(copy, message,
                         fcopy_wire_start(message, FCOPY_UTF8, copy->name, destination, copy->overwrite,
                                          copy->create_path, copy->size));
        return r == HOST_EXIT_OK ? send_contents(copy) : r;
}

static bool parse_sizes(Copy *copy) {
        copy->cancel = copy->rate = UINT64_MAX;
        return (!copy->size_word || parse_size(copy->size_word, &copy->size) >= 0) &&
               (!copy->cancel_word || parse_size(copy->cancel_word, &copy->cancel) >= 0) &&
               (!copy->rate_word || (parse_size(copy->rate_word, &copy->rate) >= 0 && copy->rate > 0));
}

static int open_both(Copy *copy, const char *file) {
        const char *directory = client_directory(copy->options.host);
        struct stat st;

        if (!directory) {
                (void) fprintf(stderr, "hvhost: no host: give --host=DIR or set $HVHOST_DIR\n");
                return HOST_EXIT_USAGE;
        }
        copy->file = open(file, O_RDONLY | O_CLOEXEC);
        if (copy->file < 0 || fstat(copy->file, &st) < 0)
                return fail(file, -errno);
        if (!copy->size_word)
                copy->size = (uint64_t) st.st_size;
        if (!copy->name)
                copy->name = g_path_get_basename(file);
        copy->host = client_connect(directory);
        return copy->host < 0 ? fail("the emulated host", copy->host) : HOST_EXIT_OK;
}

int command_copy(const Command *command, int argc, char **argv) {
        g_auto(Copy) copy = { .host = -1, .file = -1 };
        const GOptionEntry entries[] = {
                { "create-path", 0, 0, G_OPTION_ARG_NONE, &copy.create_path, "Make missing directories",
                  NULL },
                { "overwrite", 0, 0, G_OPTION_ARG_NONE, &copy.overwrite, "Replace an existing file", NULL },
                { "name", 0, 0, G_OPTION_ARG_STRING, &copy.name, "Another name than the file's", "NAME" },
                { "size", 0, 0, G_OPTION_ARG_STRING, &copy.size_word, "Announce another size", "SIZE" },
                { "cancel-at", 0, 0, G_OPTION_ARG_STRING, &copy.cancel_word, "Cancel after so many bytes",
                  "SIZE" },
                { "rate", 0, 0, G_OPTION_ARG_STRING, &copy.rate_word, "At most so many bytes a second",
                  "SIZE" },
                {},
        };
        int r;

        if (!command_options_parse(&copy.options, command, &argc, &argv, entries, &r))
                return r;
        if (argc != 3 || !parse_sizes(&copy))
                return command_usage(command);
        r = open_both(&copy, argv[1]);
        return r == HOST_EXIT_OK ? copy_file(&copy, argv[2]) : r;
}
