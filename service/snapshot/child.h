/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Forked processes of snapshotd that run none of its code afterwards: the guardian, the worker, one to sync
 * each file system. */

#include <glib.h>
#include <stddef.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct ChildProcess {
        pid_t pid;
        int pidfd; /* readable when it ended */
} ChildProcess;

#define CHILD_NONE ((ChildProcess){ .pid = -1, .pidfd = -1 })

/* As fork(): 1 in the parent, 0 in the child, negative errno. The child has lost every descriptor of ours but
 * stdio and those that `keep` lists: a process that may hang in the kernel must hold neither the channel's
 * device (the next daemon would find it busy) nor the ends of other pipes. */
int child_fork(const int *keep, size_t n_keep, ChildProcess *ret);
/* Reaps a child that ended, or that ends at once. Returns its exit status, or minus the signal. */
int child_reap(ChildProcess *child);
void child_kill(const ChildProcess *child);

G_END_DECLS
