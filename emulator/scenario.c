/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

#define REPEAT_MAX  1000000
#define NESTING_MAX 8

static void step_free(void *userdata) {
        Step *step = userdata;

        g_strfreev(step->words);
        g_clear_pointer(&step->body, g_ptr_array_unref);
        g_free(step);
}

static GPtrArray *steps_new(void) {
        return g_ptr_array_new_with_free_func(step_free);
}

/* Where the parser is: one list of steps a level of nesting. */
typedef struct Parser {
        const char *file;
        unsigned line;
        unsigned depth;
        GPtrArray *open[NESTING_MAX + 1];
} Parser;

static int complain(const Parser *parser, const char *sentence) {
        (void) fprintf(stderr, "%s:%u: %s\n", parser->file, parser->line, sentence);
        return -EBADMSG;
}

static Step *add_step(Parser *parser) {
        Step *step = g_new0(Step, 1);

        step->line = parser->line;
        g_ptr_array_add(parser->open[parser->depth], step);
        return step;
}

/* repeat N { */
static int open_block(Parser *parser, char **words) {
        guint64 times;
        Step *step;

        if (g_strv_length(words) != 3 || strcmp(words[2], "{") != 0 ||
            !g_ascii_string_to_unsigned(words[1], 10, 0, REPEAT_MAX, &times, NULL))
                return complain(parser, "'repeat N {' with N from 0 to 1000000 was expected");
        if (parser->depth == NESTING_MAX)
                return complain(parser, "blocks are nested too deeply");

        step = add_step(parser);
        step->times = (unsigned) times;
        step->body = steps_new();
        parser->open[++parser->depth] = step->body;
        return 0;
}

static int close_block(Parser *parser, char **words) {
        if (parser->depth == 0 || words[1])
                return complain(parser, "this '}' closes nothing");

        parser->depth--;
        return 0;
}

static int parse_line(Parser *parser, const char *line) {
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) words = NULL;

        /* g_shell_parse_argv() stumbles over a # that ends the text. */
        while (g_ascii_isspace(*line))
                line++;
        if (*line == '\0' || *line == '#')
                return 0;
        if (!g_shell_parse_argv(line, NULL, &words, &error))
                return complain(parser, error->message);
        if (strcmp(words[0], "repeat") == 0)
                return open_block(parser, words);
        if (strcmp(words[0], "}") == 0)
                return close_block(parser, words);

        add_step(parser)->words = g_steal_pointer(&words);
        return 0;
}

int scenario_parse(const char *file, const char *text, GPtrArray **ret) {
        g_autoptr(GPtrArray) steps = steps_new();
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        Parser parser = { .file = file, .open = { steps } };

        for (char **line = lines; *line; line++) {
                int r;

                parser.line++;
                r = parse_line(&parser, *line);
                if (r < 0)
                        return r;
        }
        if (parser.depth > 0)
                return complain(&parser, "a '{' is not closed");

        *ret = g_steal_pointer(&steps);
        return 0;
}
