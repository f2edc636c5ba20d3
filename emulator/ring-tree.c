/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/ring-tree.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/file-util.h"

void ring_tree_init(RingTree *tree, const char *directory, const char *instance, unsigned number) {
        g_autofree char *name = g_strdup_printf("uio%u", number);
        g_autofree char *rings = g_strdup_printf("rings-%s", name);

        *tree = (RingTree){
                .instance = g_build_filename(directory, "sys/bus/vmbus/devices", instance, NULL),
                .node = g_build_filename(directory, "dev", name, NULL),
                .rings = g_build_filename(directory, "dev", rings, NULL),
        };
        tree->map = g_build_filename(tree->instance, "uio", name, "maps/map0", NULL);
}

void ring_tree_done(RingTree *tree) {
        g_clear_pointer(&tree->instance, g_free);
        g_clear_pointer(&tree->node, g_free);
        g_clear_pointer(&tree->rings, g_free);
        g_clear_pointer(&tree->map, g_free);
}

static int write_attribute(const char *directory, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        return write_file_atomic(path, text, strlen(text), 0444, false);
}

int ring_tree_make(const RingTree *tree, const char *class_id, size_t map_size) {
        g_autofree char *dev = g_path_get_dirname(tree->node);
        g_autofree char *id = g_strdup_printf("%s\n", class_id);
        g_autofree char *size = g_strdup_printf("0x%016zx\n", map_size);
        int r;

        if (g_mkdir_with_parents(tree->map, 0755) < 0 || g_mkdir_with_parents(dev, 0755) < 0)
                return -errno;

        r = write_attribute(tree->instance, "class_id", id);
        if (r >= 0)
                r = write_attribute(tree->map, "name", "txrx_rings\n");
        if (r >= 0)
                r = write_attribute(tree->map, "size", size);
        return r;
}

/* From the leaf up to the instance, whatever can go. */
void ring_tree_remove(const RingTree *tree) {
        static const char *const attributes[] = { "name", "size", "class_id" };
        g_autofree char *directory = g_strdup(tree->map);
        bool last = false;

        (void) unlink(tree->rings);
        while (!last) {
                char *parent = g_path_get_dirname(directory);

                last = strcmp(directory, tree->instance) == 0;
                for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
                        g_autofree char *path = g_build_filename(directory, attributes[i], NULL);

                        (void) unlink(path);
                }
                (void) rmdir(directory);
                g_free(directory);
                directory = parent;
        }
}
