/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Our file in /etc/systemd/network and its way back. Before it changes, what was is written beside it (NAME.before; empty
 * means that there was no file); when the change is verified that goes. A .before that is found at start belongs to a process
 * that died in between: it is put back.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define NETWORKD_DIRECTORY "/etc/systemd/network"

/* What the interface is known by: the [Match] lines (g_free) and the path of its file (g_free). -errno. */
int file_store_identify(const char *interface, char **ret_match, char **ret_path);

int file_store_begin(const char *path, const char *text); /* writes .before, then the file */
int file_store_commit(const char *path);                  /* the point of no return */
int file_store_restore(const char *path);
/* Puts back what a dead process left; the number of files, or -errno. */
int file_store_restore_all(void);

G_END_DECLS
