/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mount tables as texts, and what a path leads to in one, without touching any of the mounts. libmount
 * parses. */

#include <glib.h>
#include <libmount.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct libmnt_table MountTable;
typedef struct libmnt_iter MountIter;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MountTable, mnt_unref_table)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MountIter, mnt_free_iter)

/* mountinfo or fstab, recognised by its first line. An empty text is an empty table. */
int mount_tree_parse(const char *text, struct libmnt_table **ret);
/* /run/mount/utab, where mount(8) remembers options that the kernel does not know: targets and options only.
 * libmount reads it from its own place alone, so its lines (NAME=value words, mangled like mountinfo) are
 * split here. */
int mount_tree_parse_utab(const char *text, struct libmnt_table **ret);

/* The mount that this absolute, normalised path lies on, as the kernel's path walk would find it: at each
 * mount point the walk crosses to what is mounted on top. NULL if the table has no root. */
struct libmnt_fs *mount_tree_find(struct libmnt_table *table, const char *path);

/* True if opening the mount's target leads to this mount, not to one stacked on it or over one of its
 * parents. */
bool mount_tree_reaches(struct libmnt_table *table, struct libmnt_fs *fs);

G_END_DECLS
