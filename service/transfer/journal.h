/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What must be removed if we do not live to do it: a file of ours with a line for each temporary that may exist,
 * written before it is made. A start sweeps exactly those.
 *
 *      DEVICE INODE DIRECTORY/NAME
 *
 * Device and inode are the directory's: if another one stands under that name by now, nothing is touched. The
 * name must look like one of our temporaries, so that a journal that somebody forged removes nothing else.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define JOURNAL_FILE        "transfer.open"
#define TEMPORARY_PREFIX    ".hvutils-"
#define TEMPORARY_SUFFIX    ".part"
#define TEMPORARY_NAME_SIZE 32

typedef struct Journal Journal;

/* The directory must exist when something is written, not before. */
Journal *journal_new(const char *directory);
Journal *journal_free(Journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Journal, journal_free)

/* Picks a name that nobody can guess. */
void temporary_name(char ret[TEMPORARY_NAME_SIZE]);
bool temporary_is_ours(const char *name);

int journal_add(Journal *journal, int directory_fd, const char *name);
void journal_remove(Journal *journal, const char *name);

/* Removes what an earlier life left behind; returns the number of files. Touches disks. */
unsigned journal_sweep(Journal *journal);

G_END_DECLS
