/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/plan.h"

#include <fnmatch.h>
#include <libmount.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/cleanup.h"
#include "service/snapshot/mount-tree.h"

/*
 * In three steps: gather one candidate per super block with all places it is mounted at; give each a verdict;
 * order what is to be frozen. A verdict is the first rule that speaks, and the rules stand in one list in the
 * order of their weight.
 */

static const char *const plan_action_table[_PLAN_ACTION_MAX] = {
        [PLAN_FREEZE] = "freeze", [PLAN_SKIP] = "skip",       [PLAN_NOT_COVERED] = "not-covered",
        [PLAN_UNSEEN] = "unseen", [PLAN_UNKNOWN] = "unknown",
};
DEFINE_STRING_TABLE_LOOKUP(plan_action, PlanAction);

static void plan_entry_free(PlanEntry *entry) {
        if (!entry)
                return;

        g_free(entry->target);
        g_free(entry->source);
        g_free(entry->type);
        g_free(entry->reason);
        g_free(entry);
}

static void plan_entry_free_opaque(void *entry) {
        plan_entry_free(entry);
}

/* A super block and everywhere it is mounted. */
typedef struct Candidate {
        dev_t device;
        struct libmnt_fs *place; /* the first mount of it that a path reaches; else any */
        bool reachable;
        GPtrArray *places; /* struct libmnt_fs * */
        size_t position;   /* of place, in mount order */
        GArray *below;     /* dev_t of the super blocks it is stacked on */
        bool ordered;
        PlanEntry *entry;
} Candidate;

static void candidate_free(void *p) {
        Candidate *candidate = p;

        g_ptr_array_unref(candidate->places);
        g_array_unref(candidate->below);
        plan_entry_free(candidate->entry);
        g_free(candidate);
}

typedef struct Plan {
        const PlanInput *input;
        struct libmnt_table *mounts, *utab, *fstab;
        GPtrArray *candidates; /* in mount order */
        GHashTable *by_device; /* gint64 -> Candidate */
        GPtrArray *entries;    /* the answer */
} Plan;

static void plan_done(Plan *plan) {
        g_clear_pointer(&plan->entries, g_ptr_array_unref);
        g_clear_pointer(&plan->by_device, g_hash_table_unref);
        g_clear_pointer(&plan->candidates, g_ptr_array_unref);
        mnt_unref_table(plan->fstab);
        mnt_unref_table(plan->utab);
        mnt_unref_table(plan->mounts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_done)

static void plan_add(Plan *plan, PlanAction action, const char *target, struct libmnt_fs *fs, char *reason) {
        PlanEntry *entry = g_new(PlanEntry, 1);

        *entry = (PlanEntry){
                .target = g_strdup(target),
                .source = g_strdup(fs && mnt_fs_get_source(fs) ? mnt_fs_get_source(fs) : ""),
                .type = g_strdup(fs ? mnt_fs_get_fstype(fs) : ""),
                .device = fs ? mnt_fs_get_devno(fs) : 0,
                .mount_id = fs ? mnt_fs_get_id(fs) : 0,
                .action = action,
                .reason = reason,
        };
        g_ptr_array_add(plan->entries, entry);
}

/* --- gather --- */

static Candidate *plan_find(const Plan *plan, dev_t device) {
        gint64 key = (gint64)device;

        return g_hash_table_lookup(plan->by_device, &key);
}

static Candidate *plan_get_candidate(Plan *plan, struct libmnt_fs *fs) {
        Candidate *candidate = plan_find(plan, mnt_fs_get_devno(fs));

        if (candidate)
                return candidate;

        candidate = g_new0(Candidate, 1);
        candidate->device = mnt_fs_get_devno(fs);
        candidate->place = fs;
        candidate->places = g_ptr_array_new();
        candidate->below = g_array_new(FALSE, FALSE, sizeof(dev_t));
        g_ptr_array_add(plan->candidates, candidate);
        g_hash_table_insert(plan->by_device,
                            g_memdup2(&(gint64){ (gint64)candidate->device }, sizeof(gint64)), candidate);
        return candidate;
}

static void plan_gather(Plan *plan) {
        g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;

        for (size_t position = 0; mnt_table_next_fs(plan->mounts, iter, &fs) == 0; position++) {
                Candidate *candidate = plan_get_candidate(plan, fs);

                g_ptr_array_add(candidate->places, fs);
                if (candidate->reachable || !mount_tree_reaches(plan->mounts, fs))
                        continue;
                candidate->reachable = true;
                candidate->place = fs;
                candidate->position = position;
        }
}

/* --- judge --- */

static bool matches_any(const char *const *globs, const char *target) {
        for (; globs && *globs; globs++)
                if (fnmatch(*globs, target, 0) == 0)
                        return true;

        return false;
}

static bool stands_in(const char *const *list, const char *target) {
        return list && g_strv_contains(list, target);
}

static bool is_at(const Candidate *candidate, const char *const *list,
                  bool (*test)(const char *const *list, const char *target)) {
        for (guint i = 0; i < candidate->places->len; i++)
                if (test(list, mnt_fs_get_target(candidate->places->pdata[i])))
                        return true;

        return false;
}

static bool has_option(struct libmnt_table *table, const char *target, const char *option) {
        struct libmnt_fs *fs = table ? mnt_table_find_target(table, target, MNT_ITER_BACKWARD) : NULL;

        return fs && mnt_fs_match_options(fs, option);
}

static bool has_opt_out(const Plan *plan, const Candidate *candidate) {
        static const char option[] = "x-hvutils.nofreeze";

        for (guint i = 0; i < candidate->places->len; i++) {
                const char *target = mnt_fs_get_target(candidate->places->pdata[i]);

                if (has_option(plan->utab, target, option) || has_option(plan->fstab, target, option))
                        return true;
        }

        return false;
}

/* Types of which the kernel's FIFREEZE is known to say EOPNOTSUPP (6.1 to 6.12), each for a reason worth a
 * word. What is not listed is tried, and skipped when the kernel refuses. */
static const struct {
        const char *type, *reason;
} unfreezable[] = {
        { "overlay", "an overlay cannot be frozen; the file system below it is" },
        { "squashfs", "squashfs is never written" },
        { "erofs", "erofs is never written" },
        { "iso9660", "iso9660 is never written" },
        { "udf", "the kernel cannot freeze udf" },
        { "vfat", "the kernel cannot freeze vfat" },
        { "msdos", "the kernel cannot freeze msdos" },
        { "exfat", "the kernel cannot freeze exfat" },
        { "ntfs3", "the kernel cannot freeze ntfs3" },
        { "ntfs", "the kernel cannot freeze ntfs" },
        { "zfs", "zfs is not frozen through the kernel's interface" },
};

static const char *find_type_reason(struct libmnt_fs *fs) {
        const char *type = mnt_fs_get_fstype(fs);

        /* FUSE before pseudo: a fuse mount may have any source. Neither kind is ever opened: a hung server
         * would hang us. */
        if (strcmp(type, "fuse") == 0 || strcmp(type, "fuseblk") == 0 || g_str_has_prefix(type, "fuse."))
                return "a FUSE file system cannot be frozen";
        for (size_t i = 0; i < G_N_ELEMENTS(unfreezable); i++)
                if (strcmp(type, unfreezable[i].type) == 0)
                        return unfreezable[i].reason;
        if (mnt_fs_is_netfs(fs) || strcmp(type, "9p") == 0 || strcmp(type, "virtiofs") == 0 ||
            strcmp(type, "ceph") == 0)
                return "a remote file system";
        if (strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0)
                return "in memory only";
        if (mnt_fs_is_pseudofs(fs) || strcmp(type, "autofs") == 0)
                return "no file system of a disk";

        return NULL;
}

/* Nothing of it can be in the snapshot's way, wherever it is mounted: the reason, or NULL. */
static const char *find_harmless_reason(struct libmnt_fs *fs) {
        const char *reason = find_type_reason(fs), *options = mnt_fs_get_fs_options(fs);

        if (reason)
                return reason;
        return options && mnt_optstr_get_option(options, "ro", NULL, NULL) == 0 ? "read-only" : NULL;
}

/* For a file system that has no place of ours. */
static bool is_outside(const Plan *plan, const char *target) {
        const PlanInput *input = plan->input;

        return matches_any(input->exclude, target) ||
               (input->only && *input->only && !stands_in(input->only, target)) ||
               (input->selected && *input->selected && !stands_in(input->selected, target));
}

static const char *find_policy_reason(const Plan *plan, const Candidate *candidate) {
        const PlanInput *input = plan->input;

        if (is_at(candidate, input->exclude, matches_any))
                return "excluded by configuration (Exclude=)";
        if (has_opt_out(plan, candidate))
                return "excluded by its mount option x-hvutils.nofreeze";
        if (input->only && *input->only && !is_at(candidate, input->only, stands_in))
                return "not in the configured list (Only=)";
        if (input->selected && *input->selected && !is_at(candidate, input->selected, stands_in))
                return "not selected";

        return NULL;
}

static void plan_judge(Plan *plan, const Candidate *candidate) {
        const char *target = mnt_fs_get_target(candidate->place),
                   *reason = find_harmless_reason(candidate->place);

        if (!reason)
                reason = find_policy_reason(plan, candidate);
        if (reason)
                plan_add(plan, PLAN_SKIP, target, candidate->place, g_strdup(reason));
        else if (!candidate->reachable)
                plan_add(plan, PLAN_NOT_COVERED, target, candidate->place,
                         g_strdup("hidden under another mount"));
        else
                plan_add(plan, PLAN_FREEZE, target, candidate->place, g_strdup(""));
}

/* --- order --- */

/* Device stacks are shallow; deeper is a cycle in somebody's sysfs. */
#define STACK_DEPTH_MAX 16

static void candidate_stack_on(Plan *plan, Candidate *candidate, dev_t device, const char *source,
                               unsigned depth) {
        g_autoptr(GArray) lowers = g_array_new(FALSE, FALSE, sizeof(dev_t));
        g_autofree char *backing = NULL;
        struct libmnt_fs *host;
        Candidate *below = depth > 0 ? plan_find(plan, device) : NULL;

        if (depth > STACK_DEPTH_MAX || !plan->input->block_layer.lowers)
                return;
        /* A device may carry a file system of its own and something above it. */
        if (below && below != candidate)
                g_array_append_val(candidate->below, below->device);

        plan->input->block_layer.lowers(device, source, lowers, &backing, plan->input->block_layer.userdata);
        for (guint i = 0; i < lowers->len; i++)
                candidate_stack_on(plan, candidate, g_array_index(lowers, dev_t, i), NULL, depth + 1);

        host = backing ? mount_tree_find(plan->mounts, backing) : NULL;
        below = host ? plan_find(plan, mnt_fs_get_devno(host)) : NULL;
        if (!below || below == candidate)
                return;
        g_array_append_val(candidate->below, below->device);
        candidate_stack_on(plan, candidate, below->device, mnt_fs_get_source(below->place), depth + 1);
}

static int compare_soft_order(gconstpointer a, gconstpointer b) {
        const Candidate *left = *(Candidate *const *)a, *right = *(Candidate *const *)b;
        bool left_root = strcmp(mnt_fs_get_target(left->place), "/") == 0;
        bool right_root = strcmp(mnt_fs_get_target(right->place), "/") == 0;

        if (left_root != right_root)
                return left_root ? 1 : -1;
        return left->position < right->position ? 1 : left->position > right->position ? -1 : 0;
}

static bool lies_on(const Candidate *candidate, dev_t device) {
        for (guint i = 0; i < candidate->below->len; i++)
                if (g_array_index(candidate->below, dev_t, i) == device)
                        return true;

        return false;
}

/* Everything that is stacked on this one first, then it: a depth-first topological order that keeps to the
 * soft order where the stack leaves it free. */
static void plan_emit(Plan *plan, GPtrArray *soft, Candidate *candidate) {
        if (candidate->ordered)
                return;

        candidate->ordered = true;
        for (guint i = 0; i < soft->len; i++)
                if (lies_on(soft->pdata[i], candidate->device))
                        plan_emit(plan, soft, soft->pdata[i]);
        plan_judge(plan, candidate);
}

static void plan_order(Plan *plan) {
        g_autoptr(GPtrArray) soft = g_ptr_array_copy(plan->candidates, NULL, NULL);

        g_ptr_array_set_free_func(soft, NULL);
        for (guint i = 0; i < soft->len; i++) {
                Candidate *candidate = soft->pdata[i];

                candidate_stack_on(plan, candidate, candidate->device, mnt_fs_get_source(candidate->place),
                                   0);
        }

        g_ptr_array_sort(soft, compare_soft_order);
        for (guint i = 0; i < soft->len; i++)
                plan_emit(plan, soft, soft->pdata[i]);
}

/* --- what others see --- */

/* Writable file systems of disks in another namespace's mountinfo that we do not have at all. */
static int plan_add_foreign(Plan *plan, const char *mountinfo, PlanAction action, const char *reason,
                            GHashTable *seen) {
        g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
        g_autoptr(MountTable) table = NULL;
        struct libmnt_fs *fs;
        int r;

        r = mount_tree_parse(mountinfo, &table);
        if (r < 0)
                return r;

        while (mnt_table_next_fs(table, iter, &fs) == 0) {
                gint64 device = (gint64)mnt_fs_get_devno(fs);

                if (find_harmless_reason(fs) || plan_find(plan, (dev_t)device) ||
                    is_outside(plan, mnt_fs_get_target(fs)) || !g_hash_table_add(seen, g_memdup2(&device, sizeof(device))))
                        continue;
                plan_add(plan, action, mnt_fs_get_target(fs), fs, g_strdup(reason));
        }

        return 0;
}

static void plan_add_unknown(Plan *plan) {
        for (const char *const *target = plan->input->selected; target && *target; target++) {
                struct libmnt_fs *fs = mnt_table_find_target(plan->mounts, *target, MNT_ITER_BACKWARD);

                if (!fs)
                        plan_add(plan, PLAN_UNKNOWN, *target, NULL, g_strdup("no such mount point"));
        }
}

static int plan_add_others(Plan *plan) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        int r = 0;

        if (plan->input->init_mountinfo)
                r = plan_add_foreign(plan, plan->input->init_mountinfo, PLAN_UNSEEN,
                                     "mounted by PID 1, but not visible to this daemon", seen);
        for (const char *const *other = plan->input->others; r >= 0 && other && *other; other++)
                r = plan_add_foreign(plan, *other, PLAN_NOT_COVERED,
                                     "mounted in another mount namespace only", seen);

        plan_add_unknown(plan);
        return r;
}

/* --- the door --- */

static int plan_parse(Plan *plan) {
        int r;

        r = mount_tree_parse(plan->input->mountinfo, &plan->mounts);
        if (r >= 0 && plan->input->utab)
                r = mount_tree_parse_utab(plan->input->utab, &plan->utab);
        if (r >= 0 && plan->input->fstab)
                r = mount_tree_parse(plan->input->fstab, &plan->fstab);
        return r;
}

/* Entries to freeze first, each kind in the order it was added. */
static GPtrArray *plan_partition(GPtrArray *entries) {
        GPtrArray *sorted = g_ptr_array_new_full(entries->len, plan_entry_free_opaque);

        for (int pass = 0; pass < 2; pass++)
                for (guint i = 0; i < entries->len; i++)
                        if ((((PlanEntry *)entries->pdata[i])->action == PLAN_FREEZE) == (pass == 0))
                                g_ptr_array_add(sorted, entries->pdata[i]);

        g_ptr_array_set_free_func(entries, NULL);
        return sorted;
}

int plan_make(const PlanInput *input, GPtrArray **ret) {
        g_auto(Plan) plan = { .input = input };
        int r;

        plan.candidates = g_ptr_array_new_with_free_func(candidate_free);
        plan.by_device = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        plan.entries = g_ptr_array_new_with_free_func(plan_entry_free_opaque);

        r = plan_parse(&plan);
        if (r < 0)
                return r;
        plan_gather(&plan);
        plan_order(&plan);
        r = plan_add_others(&plan);
        if (r < 0)
                return r;

        *ret = plan_partition(plan.entries);
        return 0;
}

const PlanEntry *plan_get_obstacle(const GPtrArray *plan) {
        for (guint i = 0; i < plan->len; i++) {
                const PlanEntry *entry = plan->pdata[i];

                if (entry->action == PLAN_UNSEEN || entry->action == PLAN_UNKNOWN)
                        return entry;
        }

        return NULL;
}
