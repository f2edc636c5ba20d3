/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a file may go. The text says where the host wants it; what is decided on is the directory that was
 * *opened*: no text can be checked against links that somebody swaps in the meantime.
 *
 *  - Root `/`: openat2 with RESOLVE_NO_MAGICLINKS; links are followed, nothing lies outside. Another root is
 *    opened once, at the start, links followed; from there on RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS.
 *  - An absolute destination goes below the widest root that contains it, a relative one below the first.
 *  - An existing directory, or a trailing separator, means *into it*; all else is the full target.
 *  - The opened directory is refused when the type of its file system is one of the kernel's, and when it, or
 *    one of the directories above it, *is* (device and inode) a forbidden one, unless an exception is nearer.
 *  - CREATE_PATH makes one directory at a time, 0755, and resolves from the root again after each; the directory in
 *    which it makes one has passed the same check.
 */

#include <glib.h>
#include <stdbool.h>

#include "service/transfer/outcome.h"

G_BEGIN_DECLS

typedef struct PathPolicy PathPolicy;

typedef struct PathTarget {
        int directory_fd; /* O_PATH */
        char *directory;  /* its real name, for people */
        char *name;
} PathTarget;
#define PATH_TARGET_NONE ((PathTarget){ .directory_fd = -1 })

void path_target_done(PathTarget *target);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PathTarget, path_target_done)

/* roots: absolute paths, NULL-terminated, as AllowedRoots=; one that cannot be opened is tried again when it is
 * needed. forbidden and exceptions: absolute paths of directories, which need not exist. All are copied. */
PathPolicy *path_policy_new(const char *const *roots, const char *const *forbidden,
                            const char *const *exceptions);
PathPolicy *path_policy_free(PathPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PathPolicy, path_policy_free)

/* TRANSFER_OK, or why not. Of the target itself nothing is looked at but whether it is a directory. */
TransferOutcome path_policy_resolve(PathPolicy *policy, const char *path_name, const char *file_name,
                                    bool create_path, PathTarget *ret);

G_END_DECLS
