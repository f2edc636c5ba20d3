/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "service/transfer/destination.h"
#include "service/transfer/kernel-fs.h"

#define DIRECTORY_MODE 0755
#define DEPTH_MAX      4096 /* directories above one: PATH_MAX has room for half as many */

typedef struct Root {
        char *path;
        int fd;
} Root;

struct PathPolicy {
        GArray *roots; /* Root */
        char **forbidden, **exceptions;
};

void path_target_done(PathTarget *target) {
        if (target->directory_fd >= 0)
                (void) close(target->directory_fd);
        g_free(target->directory);
        g_free(target->name);
        *target = PATH_TARGET_NONE;
}

/* --- opening --- */

static int open_directory(const char *path) {
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static bool is_everything(const Root *root) {
        return strspn(root->path, "/") == strlen(root->path);
}

static int root_open(Root *root) {
        if (root->fd < 0)
                root->fd = open_directory(root->path);
        return root->fd;
}

/* The first n components below the root; "." for none. */
static int open_below(Root *root, char **parts, size_t n) {
        struct open_how how = {
                .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_NO_MAGICLINKS | (is_everything(root) ? 0 : RESOLVE_BENEATH),
        };
        g_autoptr(GString) path = g_string_new(".");
        long fd;

        for (size_t i = 0; i < n; i++)
                g_string_append_printf(path, "/%s", parts[i]);
        /* EAGAIN: something was renamed meanwhile and the kernel cannot tell whether we left the root. */
        for (unsigned tries = 0; tries < 32; tries++) {
                fd = syscall(SYS_openat2, root->fd, path->str, &how, sizeof how);
                if (fd >= 0)
                        return (int) fd;
                if (errno != EAGAIN)
                        break;
        }
        return -errno;
}

/* --- judging an opened directory --- */

static bool same_directory(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_one_of(const struct stat *st, char **paths) {
        struct stat other;

        for (; *paths; paths++)
                if (stat(*paths, &other) >= 0 && same_directory(st, &other))
                        return true;
        return false;
}

/* Climbs from the directory to the top of the tree. */
static TransferOutcome check_ancestry(const PathPolicy *policy, int directory_fd) {
        auto_fd fd = fcntl(directory_fd, F_DUPFD_CLOEXEC, 3);
        struct stat st, above;

        if (fd < 0 || fstat(fd, &st) < 0)
                return TRANSFER_E_STORAGE;
        for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
                int parent;

                if (is_one_of(&st, policy->exceptions))
                        return TRANSFER_OK;
                if (is_one_of(&st, policy->forbidden))
                        return TRANSFER_E_FORBIDDEN;
                parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (parent < 0)
                        return TRANSFER_E_FORBIDDEN;
                (void) close(fd);
                fd = parent;
                if (fstat(fd, &above) < 0)
                        return TRANSFER_E_STORAGE;
                if (same_directory(&st, &above))
                        return TRANSFER_OK;
                st = above;
        }
        return TRANSFER_E_FORBIDDEN;
}

static TransferOutcome check_directory(const PathPolicy *policy, int fd) {
        int r = kernel_fs_contains(fd);

        if (r != 0)
                return r > 0 ? TRANSFER_E_FORBIDDEN : TRANSFER_E_STORAGE;
        return check_ancestry(policy, fd);
}

static TransferOutcome outcome_of_open(int r) {
        switch (-r) {
        case EXDEV:
        case ELOOP: /* a link of /proc's, or too many */
                return TRANSFER_E_OUTSIDE;
        case ENOENT:
        case ENOTDIR:
                return TRANSFER_E_NO_DIRECTORY;
        case EAGAIN:
                return TRANSFER_E_STORAGE;
        default:
                return transfer_outcome_from_errno(r);
        }
}

/* --- making what is missing --- */

/* The directory of the first n components is open as fd; takes one step down, making it if need be. */
static TransferOutcome make_step(PathPolicy *policy, Root *root, char **parts, size_t n, int fd, int *ret) {
        TransferOutcome outcome;
        int next;

        next = open_below(root, parts, n + 1);
        if (next == -ENOENT) {
                outcome = check_directory(policy, fd);
                if (outcome != TRANSFER_OK)
                        return outcome;
                if (mkdirat(fd, parts[n], DIRECTORY_MODE) < 0 && errno != EEXIST)
                        return transfer_outcome_from_errno(errno);
                next = open_below(root, parts, n + 1);
        }
        if (next < 0)
                return outcome_of_open(next);

        *ret = next;
        return TRANSFER_OK;
}

static TransferOutcome open_or_make(PathPolicy *policy, Root *root, char **parts, size_t n, int *ret) {
        auto_fd fd = open_below(root, parts, 0);

        if (fd < 0)
                return outcome_of_open(fd);
        for (size_t i = 0; i < n; i++) {
                TransferOutcome outcome;
                int next = -1;

                outcome = make_step(policy, root, parts, i, fd, &next);
                if (outcome != TRANSFER_OK)
                        return outcome;
                (void) close(fd);
                fd = next;
        }

        *ret = g_steal_fd(&fd);
        return TRANSFER_OK;
}

/* --- the whole --- */

/* The widest root that contains it: whatever a narrower one allows, the wider allows too. */
static Root *choose_root(PathPolicy *policy, const Destination *destination, size_t *ret_skip) {
        Root *best = NULL;

        if (!destination->absolute) {
                *ret_skip = 0;
                return policy->roots->len > 0 ? &g_array_index(policy->roots, Root, 0) : NULL;
        }
        for (guint i = 0; i < policy->roots->len; i++) {
                Root *root = &g_array_index(policy->roots, Root, i);
                size_t skip;

                if (destination_is_below(destination, root->path, &skip) && (!best || skip < *ret_skip)) {
                        best = root;
                        *ret_skip = skip;
                }
        }
        return best;
}

static char *real_name(int fd) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        char *name = g_file_read_link(link, NULL);

        return name ? name : g_strdup("");
}

static TransferOutcome finish(PathPolicy *policy, int *directory_fd, const char *name, PathTarget *ret) {
        TransferOutcome outcome = check_directory(policy, *directory_fd);

        if (outcome != TRANSFER_OK)
                return outcome;

        ret->directory = real_name(*directory_fd);
        ret->name = g_strdup(name);
        ret->directory_fd = g_steal_fd(directory_fd);
        return TRANSFER_OK;
}

static TransferOutcome resolve_below(PathPolicy *policy, Root *root, char **parts,
                                     const Destination *destination, bool create_path, PathTarget *ret) {
        size_t n = g_strv_length(parts);
        bool into = destination->directory || n == 0;
        TransferOutcome outcome;

        auto_fd fd = open_below(root, parts, n);
        if (fd >= 0)
                return finish(policy, &fd, destination->file_name, ret);
        if (fd != -ENOENT && fd != -ENOTDIR)
                return outcome_of_open(fd);

        if (!into)
                n--;
        if (create_path) {
                outcome = open_or_make(policy, root, parts, n, &fd);
                if (outcome != TRANSFER_OK)
                        return outcome;
        } else {
                fd = into ? fd : open_below(root, parts, n);
                if (fd < 0)
                        return outcome_of_open(fd);
        }
        return finish(policy, &fd, into ? destination->file_name : parts[n], ret);
}

TransferOutcome path_policy_resolve(PathPolicy *policy, const char *path_name, const char *file_name,
                                    bool create_path, PathTarget *ret) {
        g_auto(Destination) destination = { 0 };
        TransferOutcome outcome;
        size_t skip = 0;
        Root *root;

        outcome = destination_parse(path_name, file_name, &destination);
        if (outcome != TRANSFER_OK)
                return outcome;
        root = choose_root(policy, &destination, &skip);
        if (!root)
                return TRANSFER_E_OUTSIDE;
        if (root_open(root) < 0)
                return TRANSFER_E_NO_DIRECTORY;
        return resolve_below(policy, root, destination.parts + skip, &destination, create_path, ret);
}

/* --- life --- */

static void root_clear(void *data) {
        Root *root = data;

        if (root->fd >= 0)
                (void) close(root->fd);
        g_free(root->path);
}

PathPolicy *path_policy_new(const char *const *roots, const char *const *forbidden,
                            const char *const *exceptions) {
        PathPolicy *policy = g_new0(PathPolicy, 1);

        policy->roots = g_array_new(FALSE, FALSE, sizeof(Root));
        g_array_set_clear_func(policy->roots, root_clear);
        for (; *roots; roots++) {
                Root root = { .path = g_strdup(*roots), .fd = open_directory(*roots) };

                g_array_append_val(policy->roots, root);
        }
        policy->forbidden = g_strdupv((char **) forbidden);
        policy->exceptions = g_strdupv((char **) exceptions);
        return policy;
}

PathPolicy *path_policy_free(PathPolicy *policy) {
        if (!policy)
                return NULL;

        g_array_unref(policy->roots);
        g_strfreev(policy->forbidden);
        g_strfreev(policy->exceptions);
        g_free(policy);
        return NULL;
}
