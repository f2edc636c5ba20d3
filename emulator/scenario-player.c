/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plays a scenario: every step becomes words on the control socket, so a scenario can do what an
 * administrator can. */

#include "emulator/scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "emulator/client.h"
#include "emulator/errno-name.h"
#include "emulator/hresult.h"
#include "emulator/message-text.h"
#include "emulator/words.h"
#include "wire/record.h"

#define SERVICE      "kvp"
#define DEFAULT_SIZE 7432 /* of a KVP message */

typedef struct Player {
        const char *file, *directory;
        uint64_t timeout_usec;
        unsigned line;
        int fd;       /* for what is asked and awaited */
        int begun_fd; /* where the answer to what was begun will come, or -1 */
        ClientAnswer answer;
        unsigned items;
        char **item; /* the last one */
} Player;

static void player_done(Player *player) {
        cleanup_fd(&player->fd);
        cleanup_fd(&player->begun_fd);
        client_answer_done(&player->answer);
        g_clear_pointer(&player->item, g_strfreev);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Player, player_done)

static int complain(const Player *player, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int complain(const Player *player, const char *format, ...) {
        g_autofree char *sentence = NULL;
        va_list arguments;

        va_start(arguments, format);
        sentence = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        (void) fprintf(stderr, "%s:%u: %s\n", player->file, player->line, sentence);
        return HOST_EXIT_FAILURE;
}

/* --- asking the host --- */

static void keep_item(char **words, void *userdata) {
        Player *player = userdata;

        player->items++;
        g_strfreev(player->item);
        player->item = g_strdupv(words);
}

static int await(Player *player, int fd) {
        int r;

        client_answer_done(&player->answer);
        g_clear_pointer(&player->item, g_strfreev);
        player->items = 0;
        r = client_receive(fd, player->timeout_usec, keep_item, player, &player->answer);
        if (r == -ETIMEDOUT) {
                (void) complain(player, "no answer in time");
                return HOST_EXIT_TIMEOUT;
        }
        if (r < 0)
                return complain(player, "the emulated host does not answer: %s", g_strerror(-r));
        if (player->answer.code == HOST_EXIT_USAGE)
                return complain(player, "%s", player->answer.text);
        return 0;
}

/* --- steps that ask the host: their words on the control socket --- */

typedef struct AskStep {
        const char *name;
        unsigned min, max; /* number of arguments */
        bool is_command;   /* no question to the guest: it must succeed */
        int (*translate)(Player *player, char **words, char ***ret);
} AskStep;

/* set POOL KEY VALUE -> kvp set NUMBER KEY VALUE */
static int translate_kvp(Player *player, char **words, char ***ret) {
        KvpPool pool = kvp_pool_from_argument(words[1]);
        GStrvBuilder *builder = g_strv_builder_new();
        g_autofree char *number = pool < 0 ? g_strdup(words[1]) : g_strdup_printf("%d", (int) pool);

        g_strv_builder_add_many(builder, "kvp", words[0], number, NULL);
        g_strv_builder_addv(builder, (const char **) words + 2);
        *ret = g_strv_builder_end(builder);
        g_strv_builder_unref(builder);
        return 0;
}

static char **raw_words(const void *bytes, size_t n) {
        g_autofree char *hex = hex_from_bytes(bytes, n);

        return g_strdupv((char *[]){ (char *) "raw", (char *) SERVICE, hex, NULL });
}

static int translate_raw(Player *player, char **words, char ***ret) {
        g_autofree char *directory = g_path_get_dirname(player->file);
        g_autofree char *path = g_canonicalize_filename(words[1], directory);
        g_autofree char *bytes = NULL;
        g_autoptr(GError) error = NULL;
        gsize n;

        if (!g_file_get_contents(path, &bytes, &n, &error))
                return complain(player, "%s", error->message);

        *ret = raw_words(bytes, n);
        return 0;
}

static int read_message(Player *player, char **words, uint8_t message[DRIVER_MESSAGE_MAX], size_t *ret_n) {
        const char *bad;
        int r;

        r = message_from_words(words, DEFAULT_SIZE, message, DRIVER_MESSAGE_MAX, ret_n, &bad);
        if (r < 0)
                return complain(player, "'%s' %s", bad,
                                r == -ERANGE ? "does not fit into a message" : "is no field of a message");
        return 0;
}

static int translate_message(Player *player, char **words, char ***ret) {
        uint8_t message[DRIVER_MESSAGE_MAX];
        size_t n;
        int r;

        r = read_message(player, words + 1, message, &n);
        if (r == 0)
                *ret = raw_words(message, n);
        return r;
}

static int translate_service(Player *player, char **words, char ***ret) {
        *ret = g_strdupv((char *[]){ words[0], words[1] ? words[1] : (char *) SERVICE, NULL });
        return 0;
}

static int translate_delay(Player *player, char **words, char ***ret) {
        g_autofree char *number = NULL;
        uint64_t usec;

        if (parse_time(words[1], &usec) < 0)
                return complain(player, "'%s' is not a time", words[1]);

        number = g_strdup_printf("%" PRIu64, usec);
        *ret = g_strdupv((char *[]){ words[0], (char *) SERVICE, number, NULL });
        return 0;
}

static int translate_refuse(Player *player, char **words, char ***ret) {
        g_autofree char *number = NULL;
        int error = errno_from_name(words[2]);

        if (error < 0)
                return complain(player, "'%s' is not an error", words[2]);

        number = g_strdup_printf("%d", error);
        *ret = g_strdupv((char *[]){ words[0], (char *) SERVICE, words[1], number,
                                     words[3] ? words[3] : (char *) "1", NULL });
        return 0;
}

static const AskStep ask_steps[] = {
        { "set", 3, 3, false, translate_kvp },
        { "get", 2, 2, false, translate_kvp },
        { "delete", 2, 2, false, translate_kvp },
        { "enumerate", 2, 2, false, translate_kvp },
        { "list", 1, 1, false, translate_kvp },
        { "raw", 1, 1, false, translate_raw },
        { "message", 0, UINT16_MAX, false, translate_message },
        { "second-request-before-reply", 0, 1, false, translate_service },
        { "wait-registered", 0, 1, true, translate_service },
        { "withdraw", 0, 1, true, translate_service },
        { "offer", 0, 1, true, translate_service },
        { "suspend", 0, 1, true, translate_service },
        { "expire", 0, 1, true, translate_service },
        { "delay-registration", 1, 1, true, translate_delay },
        { "refuse", 2, 3, true, translate_refuse },
};

static const AskStep *find_ask_step(char **words) {
        unsigned n = g_strv_length(words);

        for (size_t i = 0; n > 0 && i < G_N_ELEMENTS(ask_steps); i++)
                if (strcmp(ask_steps[i].name, words[0]) == 0)
                        return n - 1 >= ask_steps[i].min && n - 1 <= ask_steps[i].max ? &ask_steps[i] : NULL;

        return NULL;
}

/* Asks what the words say at fd. */
static int send_step(Player *player, char **words, int fd, const AskStep **ret_step) {
        const AskStep *step = find_ask_step(words);
        g_auto(GStrv) asked = NULL;
        int r;

        if (!step)
                return complain(player, "'%s' is no step, or has other arguments", words[0] ? words[0] : "");
        r = step->translate(player, words, &asked);
        if (r != 0)
                return r;
        r = client_send(fd, (const char *const *) asked);
        if (r < 0)
                return complain(player, "the emulated host does not listen: %s", g_strerror(-r));

        *ret_step = step;
        return 0;
}

static int play_ask(Player *player, char **words) {
        const AskStep *step = NULL;
        int r;

        r = send_step(player, words, player->fd, &step);
        if (r == 0)
                r = await(player, player->fd);
        if (r == 0 && step && step->is_command && player->answer.code != HOST_EXIT_OK)
                return complain(player, "%s", player->answer.text);
        return r;
}

/* --- steps of our own --- */

static int play_begin(Player *player, char **words) {
        const AskStep *step;
        auto_fd fd = -1;
        int r;

        if (player->begun_fd >= 0)
                return complain(player, "the request that was begun before has not been ended");
        fd = client_connect(player->directory);
        if (fd < 0)
                return complain(player, "the emulated host does not answer: %s", g_strerror(-fd));

        r = send_step(player, words + 1, fd, &step);
        if (r == 0)
                player->begun_fd = g_steal_fd(&fd);
        return r;
}

static int play_end(Player *player, char **words) {
        auto_fd fd = g_steal_fd(&player->begun_fd);

        if (fd < 0)
                return complain(player, "no request was begun");

        return await(player, fd);
}

static int play_sleep(Player *player, char **words) {
        uint64_t usec;

        if (parse_time(words[1], &usec) < 0 || usec == USEC_INFINITY)
                return complain(player, "'%s' is not a time", words[1]);

        g_usleep(usec);
        return 0;
}

/* A name or a number; several words: any of them. */
static int play_expect_status(Player *player, char **words) {
        const char *seen =
                player->answer.status && *player->answer.status ? player->answer.status : "no answer";

        for (char **word = words + 1; *word; word++) {
                g_autofree char *name = NULL;
                WireStatus status;

                if (hresult_from_string(*word, &status) < 0)
                        return complain(player, "'%s' is not a status", *word);
                name = hresult_to_string(status);
                if (strcmp(name, seen) == 0)
                        return 0;
        }
        return complain(player, "expected %s, got %s", words[1], seen);
}

static int play_expect_value(Player *player, char **words) {
        unsigned n = player->item ? g_strv_length(player->item) : 0;
        const char *seen = n > 0 ? player->item[n - 1] : NULL;

        if (!seen || strcmp(seen, words[1]) != 0)
                return complain(player, "expected the value '%s', got %s%s%s", words[1], seen ? "'" : "",
                                seen ? seen : "none", seen ? "'" : "");
        return 0;
}

static int play_expect_count(Player *player, char **words) {
        guint64 n;

        if (!g_ascii_string_to_unsigned(words[1], 10, 0, UINT32_MAX, &n, NULL))
                return complain(player, "'%s' is not a number", words[1]);
        if (player->items != n)
                return complain(player, "expected %s pairs, got %u", words[1], player->items);
        return 0;
}

/* The host got no answer at all: the service was withdrawn, or the guest suspended. */
static int play_expect_lost(Player *player, char **words) {
        if (player->answer.code != HOST_EXIT_FAILURE)
                return complain(player, "expected the request to be lost, got %s", player->answer.status);
        return 0;
}

static const struct {
        const char *name;
        unsigned min, max;
        int (*play)(Player *player, char **words);
} own_steps[] = {
        { "begin", 1, UINT16_MAX, play_begin },
        { "end", 0, 0, play_end },
        { "sleep", 1, 1, play_sleep },
        { "expect-status", 1, UINT16_MAX, play_expect_status },
        { "expect-value", 1, 1, play_expect_value },
        { "expect-count", 1, 1, play_expect_count },
        { "expect-lost", 0, 0, play_expect_lost },
};

/* --- the play --- */

static int play_words(Player *player, char **words) {
        unsigned n = g_strv_length(words) - 1;

        for (size_t i = 0; i < G_N_ELEMENTS(own_steps); i++)
                if (strcmp(own_steps[i].name, words[0]) == 0 && n >= own_steps[i].min &&
                    n <= own_steps[i].max)
                        return own_steps[i].play(player, words);

        return play_ask(player, words);
}

static int play_steps(Player *player, const GPtrArray *steps) {
        for (unsigned i = 0; i < steps->len; i++) {
                const Step *step = steps->pdata[i];
                int r = 0;

                player->line = step->line;
                if (step->words)
                        r = play_words(player, step->words);
                for (unsigned k = 0; r == 0 && k < step->times; k++)
                        r = play_steps(player, step->body);
                if (r != 0)
                        return r;
        }
        return 0;
}

int scenario_run(const char *file, const char *directory, uint64_t timeout_usec) {
        g_auto(Player) player = {
                .file = file, .directory = directory, .timeout_usec = timeout_usec, .fd = -1, .begun_fd = -1
        };
        g_autoptr(GPtrArray) steps = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        if (!g_file_get_contents(file, &text, NULL, &error)) {
                (void) fprintf(stderr, "hvhost: %s\n", error->message);
                return HOST_EXIT_FAILURE;
        }
        if (scenario_parse(file, text, &steps) < 0)
                return HOST_EXIT_USAGE;

        player.fd = client_connect(directory);
        if (player.fd < 0)
                return complain(&player, "the emulated host at '%s' does not answer: %s", directory,
                                g_strerror(-player.fd));

        return play_steps(&player, steps);
}
