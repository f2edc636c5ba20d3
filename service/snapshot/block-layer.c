/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/block-layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"

#define MOUNTINFO_MAX    (64 * 1024 * 1024)
#define SYSFS_MAX        (64 * 1024)
#define NAMESPACES_MAX   64
#define PROCESSES_MAX    4096
#define TABLES_BYTES_MAX (16 * 1024 * 1024) /* of all other namespaces together */

static char *read_text(const char *root, const char *path, size_t max) {
        g_autofree char *full = g_strconcat(root, path, NULL);
        char *text = NULL;
        size_t n;

        return read_file_at(AT_FDCWD, full, max, &text, &n) < 0 ? NULL : text;
}

/* --- sysfs --- */

static bool read_device(const char *directory, const char *name, dev_t *ret) {
        g_autofree char *path = g_strdup_printf("/%s/dev", name),
                        *text = read_text(directory, path, SYSFS_MAX);
        unsigned device_major, device_minor;

        if (!text || sscanf(text, "%u:%u", &device_major, &device_minor) != 2)
                return false;
        *ret = makedev(device_major, device_minor);
        return true;
}

/* All entries of a directory of sysfs that are devices. */
static void add_devices(const char *directory, GArray *devices) {
        g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
        const char *name;
        dev_t device;

        while (dir && (name = g_dir_read_name(dir)))
                if (read_device(directory, name, &device))
                        g_array_append_val(devices, device);
}

/* The members of the btrfs that has this source: its super block has an anonymous device, so the name is all
 * there is. /dev/mapper names are links to the kernel's. */
static void add_btrfs_members(const char *root, const char *source, GArray *devices) {
        g_autofree char *all = g_strconcat(root, "/sys/fs/btrfs", NULL),
                        *node = g_strconcat(root, source, NULL);
        auto_free_libc char *real = realpath(node, NULL);
        g_autofree char *name = g_path_get_basename(real ? real : node);
        g_autoptr(GDir) dir = g_dir_open(all, 0, NULL);
        const char *id;

        while (dir && (id = g_dir_read_name(dir))) {
                g_autofree char *members = g_build_filename(all, id, "devices", NULL),
                                *member = g_build_filename(members, name, NULL);

                if (access(member, F_OK) == 0)
                        add_devices(members, devices);
        }
}

static void on_lowers(dev_t device, const char *source, GArray *devices, char **ret_backing, void *userdata) {
        const char *root = userdata;
        g_autofree char *base = g_strdup_printf("%s/sys/dev/block/%u:%u", root, major(device), minor(device)),
                        *slaves = g_build_filename(base, "slaves", NULL), *backing = NULL,
                        *partition = g_build_filename(base, "partition", NULL);
        dev_t whole;

        if (major(device) == 0) {
                if (source && g_str_has_prefix(source, "/dev/"))
                        add_btrfs_members(root, source, devices);
                return;
        }

        add_devices(slaves, devices);
        if (access(partition, F_OK) == 0 && read_device(base, "..", &whole))
                g_array_append_val(devices, whole);
        backing = read_text(base, "/loop/backing_file", SYSFS_MAX);
        if (backing)
                *ret_backing = g_strdup(g_strchomp(backing));
}

PlanBlockLayer block_layer(const char *root) {
        return (PlanBlockLayer){ .lowers = on_lowers, .userdata = (void *) root };
}

/* --- mount namespaces --- */

/* NULL where we may not look. */
static char *read_namespace(const char *root, const char *process) {
        g_autofree char *path = g_strdup_printf("%s/proc/%s/ns/mnt", root, process);

        return g_file_read_link(path, NULL);
}

/* Each namespace once, ours and PID 1's not. Bounded: what lies beyond is not reported. */
static char **read_others(const char *root, GHashTable *seen) {
        g_autofree char *proc = g_strconcat(root, "/proc", NULL);
        g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
        g_autoptr(GPtrArray) texts = g_ptr_array_new();
        size_t bytes = 0;
        const char *name;

        for (unsigned n = 0; dir && n < PROCESSES_MAX && texts->len < NAMESPACES_MAX &&
                             bytes < TABLES_BYTES_MAX && (name = g_dir_read_name(dir));) {
                g_autofree char *path = g_strdup_printf("/proc/%s/mountinfo", name), *space = NULL,
                                *text = NULL;

                if (!g_ascii_isdigit(*name))
                        continue;
                n++;
                space = read_namespace(root, name);
                if (!space || !g_hash_table_add(seen, g_steal_pointer(&space)))
                        continue;
                text = read_text(root, path, TABLES_BYTES_MAX - bytes);
                if (!text)
                        continue;
                bytes += strlen(text);
                g_ptr_array_add(texts, g_steal_pointer(&text));
        }

        g_ptr_array_add(texts, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&texts), FALSE);
}

int block_layer_plan(const char *root, const Configuration *configuration, const char *const *selected,
                     GPtrArray **ret) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autofree char *ours = read_text(root, "/proc/self/mountinfo", MOUNTINFO_MAX),
                        *utab = read_text(root, "/run/mount/utab", SYSFS_MAX),
                        *fstab = read_text(root, "/etc/fstab", SYSFS_MAX), *init = NULL;
        char *our_space = read_namespace(root, "self"), *init_space = read_namespace(root, "1");
        bool is_init = our_space && g_strcmp0(our_space, init_space) == 0;
        g_auto(GStrv) others = NULL;
        PlanInput input;

        if (our_space)
                g_hash_table_add(seen, our_space);
        if (init_space)
                g_hash_table_add(seen, init_space);
        if (!ours)
                return -EIO;
        if (!is_init)
                init = read_text(root, "/proc/1/mountinfo", MOUNTINFO_MAX);
        others = read_others(root, seen);

        input = (PlanInput){
                .mountinfo = ours,
                .init_mountinfo = init,
                .others = (const char *const *) others,
                .utab = utab,
                .fstab = fstab,
                .only = (const char *const *) configuration->snapshot.only,
                .exclude = (const char *const *) configuration->snapshot.exclude,
                .selected = selected,
                .block_layer = block_layer(root),
        };
        return plan_make(&input, ret);
}
