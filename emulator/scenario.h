/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scenario files: what a host does, line by line, and what it must see. The language is described in
 * hvhost(1).
 *
 * A line is words as in a shell (quotes, # comments). `repeat N {` … `}` is the only structure; it nests.
 */

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct Step {
        unsigned line;
        char **words;    /* of a plain step */
        unsigned times;  /* of a repetition, else 0 */
        GPtrArray *body; /* Step, of a repetition, else NULL */
} Step;

/* Reads text into a list of Step. -EBADMSG after a complaint on stderr that names file and line. */
int scenario_parse(const char *file, const char *text, GPtrArray **ret);

/* Plays the file against the host at the directory. Returns what to exit with: HOST_EXIT_FAILURE if an
 * expectation did not hold. */
int scenario_run(const char *file, const char *directory, uint64_t timeout_usec);

G_END_DECLS
