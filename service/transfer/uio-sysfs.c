/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/uio-sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/file-util.h"

#define VMBUS_DEVICES  "bus/vmbus/devices"
#define RINGS_MAP_NAME "txrx_rings"
/* An attribute is at most a page. */
#define ATTRIBUTE_MAX 4096

bool uio_place_init(UioPlace *place, const char *path) {
        g_autofree char *name = path ? g_path_get_basename(path) : NULL;

        if (path && g_file_test(path, G_FILE_TEST_IS_DIR))
                *place = (UioPlace){ g_build_filename(path, "sys", NULL),
                                     g_build_filename(path, "dev", NULL) };
        else if (!path || g_str_has_prefix(name, "uio"))
                *place = (UioPlace){ g_strdup("/sys"), path ? g_path_get_dirname(path) : g_strdup("/dev") };
        else
                return false;

        return true;
}

void uio_place_done(UioPlace *place) {
        g_clear_pointer(&place->sysfs, g_free);
        g_clear_pointer(&place->dev, g_free);
}

void uio_device_done(UioDevice *device) {
        g_clear_pointer(&device->node, g_free);
}

/* The text of an attribute without its newline, or NULL. */
static char *read_attribute(const char *directory, const char *name) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        char *text = NULL;

        if (read_file_at(AT_FDCWD, path, ATTRIBUTE_MAX, &text, NULL) < 0)
                return NULL;

        return g_strchomp(text);
}

/* GUIDs are lower case and in braces here, but nothing promises it. */
static bool has_class(const char *directory, const char *class_id) {
        g_autofree char *text = read_attribute(directory, "class_id");

        return text && g_ascii_strcasecmp(text, class_id) == 0;
}

static char *find_instance(const char *sysfs, const char *class_id) {
        g_autofree char *devices = g_build_filename(sysfs, VMBUS_DEVICES, NULL);
        g_autoptr(GDir) dir = g_dir_open(devices, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(devices, name, NULL);

                if (has_class(path, class_id))
                        return g_steal_pointer(&path);
        }

        return NULL;
}

/* "uio3": the name of the only directory in uio/. */
static char *find_node(const char *instance) {
        g_autofree char *path = g_build_filename(instance, "uio", NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                if (g_str_has_prefix(name, "uio"))
                        return g_strdup(name);

        return NULL;
}

static int read_map_size(const char *instance, const char *node, size_t *ret) {
        g_autofree char *map = g_build_filename(instance, "uio", node, "maps", "map0", NULL);
        g_autofree char *name = read_attribute(map, "name"), *size = read_attribute(map, "size");
        char *end;
        guint64 value;

        /* The kernel makes the node before its attributes. */
        if (!name || !size)
                return -ENXIO;
        if (strcmp(name, RINGS_MAP_NAME) != 0)
                return -EINVAL;

        errno = 0;
        value = g_ascii_strtoull(size, &end, 0);
        if (errno != 0 || end == size || *end != '\0' || value == 0 || value > G_MAXINT32)
                return -EINVAL;

        *ret = (size_t) value;
        return 0;
}

int uio_device_find(UioDevice *device, const UioPlace *place, const char *class_id) {
        g_autofree char *instance = find_instance(place->sysfs, class_id), *node = NULL;
        size_t map_size;
        int r;

        if (!instance)
                return -ENOENT;
        node = find_node(instance);
        if (!node)
                return -ENXIO;
        r = read_map_size(instance, node, &map_size);
        if (r < 0)
                return r;

        *device = (UioDevice){ g_build_filename(place->dev, node, NULL), map_size };
        return 0;
}
