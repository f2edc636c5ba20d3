/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What sysfs shows of one device bound to uio_hv_generic, as files. */

#include <glib.h>
#include <stddef.h>

G_BEGIN_DECLS

typedef struct RingTree {
        char *instance; /* DIR/sys/bus/vmbus/devices/GUID */
        char *node;     /* DIR/dev/uioN */
        char *rings;    /* DIR/dev/rings-uioN */
        char *map;      /* …/uio/uioN/maps/map0 */
} RingTree;

void ring_tree_init(RingTree *tree, const char *directory, const char *instance, unsigned number);
void ring_tree_done(RingTree *tree);

int ring_tree_make(const RingTree *tree, const char *class_id, size_t map_size);
/* Without the node's socket. */
void ring_tree_remove(const RingTree *tree);

G_END_DECLS
