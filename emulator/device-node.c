/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define FUSE_USE_VERSION 35

#include "emulator/device-node.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"

/* Inode 1 is the directory; inode n + FIRST_INO is node n. */
#define FIRST_INO 2

typedef struct DeviceNode {
        DeviceMount *mount;
        Service *service;
        char *link;
        fuse_ino_t ino;
        GQueue readers; /* Reader: calls of read() that wait for the slot */
        struct fuse_pollhandle *poll;
} DeviceNode;

typedef struct Reader {
        DeviceNode *node;
        fuse_req_t request;
        size_t size;
} Reader;

struct DeviceMount {
        char *path;
        NodeAccess access;
        struct fuse_session *session;
        bool mounted;
        struct fuse_buf buffer;
        sd_event_source *source; /* borrows the session's descriptor */
        GPtrArray *nodes;        /* DeviceNode */
};

static const char *node_name(const DeviceNode *node) {
        return service_driver(node->service)->kind->node;
}

static bool node_exists(const DeviceNode *node) {
        return service_driver(node->service)->mode != DRIVER_WITHDRAWN;
}

static DeviceNode *node_of(fuse_req_t request, fuse_ino_t ino) {
        DeviceMount *mount = fuse_req_userdata(request);

        return ino < FIRST_INO || ino - FIRST_INO >= mount->nodes->len ? NULL
                                                                       : mount->nodes->pdata[ino - FIRST_INO];
}

/* --- the directory --- */

static struct stat attributes(const DeviceMount *mount, fuse_ino_t ino) {
        return (struct stat){
                .st_ino = ino,
                .st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | mount->access.mode,
                .st_nlink = 1,
                .st_uid = geteuid(),
                .st_gid = mount->access.gid,
        };
}

/* Nothing is cached: a node may vanish at any time. */
static void device_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
        DeviceMount *mount = fuse_req_userdata(request);

        for (unsigned i = 0; parent == FUSE_ROOT_ID && i < mount->nodes->len; i++) {
                DeviceNode *node = mount->nodes->pdata[i];
                struct fuse_entry_param entry = { .ino = node->ino, .attr = attributes(mount, node->ino) };

                if (strcmp(node_name(node), name) == 0 && node_exists(node)) {
                        (void) fuse_reply_entry(request, &entry);
                        return;
                }
        }
        (void) fuse_reply_err(request, ENOENT);
}

static void device_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
        struct stat st = attributes(fuse_req_userdata(request), ino);

        (void) fuse_reply_attr(request, &st, 0);
}

/* O_TRUNC and the like do nothing to a device. */
static void device_setattr(fuse_req_t request, fuse_ino_t ino, struct stat *wanted, int which,
                           struct fuse_file_info *file) {
        device_getattr(request, ino, file);
}

static void device_readdir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info *file) {
        DeviceMount *mount = fuse_req_userdata(request);
        g_autofree char *buffer = g_malloc(size);
        size_t used = 0;

        for (unsigned i = (unsigned) offset; i < mount->nodes->len; i++) {
                DeviceNode *node = mount->nodes->pdata[i];
                struct stat st = attributes(mount, node->ino);
                size_t n;

                if (!node_exists(node))
                        continue;
                n = fuse_add_direntry(request, buffer + used, size - used, node_name(node), &st, i + 1);
                if (n > size - used)
                        break;
                used += n;
        }
        (void) fuse_reply_buf(request, buffer, used);
}

/* --- reads that wait --- */

static void drop_reader(Reader *reader) {
        g_queue_remove(&reader->node->readers, reader);
        g_free(reader);
}

static void on_interrupt(fuse_req_t request, void *userdata) {
        drop_reader(userdata);
        (void) fuse_reply_err(request, EINTR);
}

static void answer_read(fuse_req_t request, const uint8_t *message, ssize_t n) {
        if (n < 0)
                (void) fuse_reply_err(request, (int) -n);
        else
                (void) fuse_reply_buf(request, (const char *) message, (size_t) n);
}

static void serve_readers(DeviceNode *node) {
        uint8_t message[DRIVER_MESSAGE_MAX];
        Reader *reader;

        while ((reader = g_queue_peek_head(&node->readers))) {
                ssize_t n = service_read(node->service, message, reader->size);

                if (n == 0)
                        return;
                answer_read(reader->request, message, n);
                drop_reader(reader);
                service_settle(node->service);
        }
}

static void device_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                        struct fuse_file_info *file) {
        DeviceNode *node = node_of(request, ino);
        uint8_t message[DRIVER_MESSAGE_MAX];
        Reader *reader;
        ssize_t n;

        n = service_read(node->service, message, size);
        if (n != 0) {
                answer_read(request, message, n);
                service_settle(node->service);
                return;
        }

        reader = g_new(Reader, 1);
        *reader = (Reader){ node, request, size };
        g_queue_push_tail(&node->readers, reader);
        fuse_req_interrupt_func(request, on_interrupt, reader);
}

/* --- the other calls --- */

static void device_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
        DeviceNode *node = node_of(request, ino);
        int r;

        r = node ? service_open(node->service) : -EISDIR;
        if (r < 0) {
                (void) fuse_reply_err(request, -r);
                return;
        }

        file->direct_io = 1;
        /* The opener was interrupted and never gets the file. */
        if (fuse_reply_open(request, file) == -ENOENT)
                service_close(node->service);
        service_settle(node->service);
}

static void device_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
        DeviceNode *node = node_of(request, ino);

        g_clear_pointer(&node->poll, fuse_pollhandle_destroy);
        service_close(node->service);
        (void) fuse_reply_err(request, 0);
        service_settle(node->service);
}

static void device_write(fuse_req_t request, fuse_ino_t ino, const char *bytes, size_t n, off_t offset,
                         struct fuse_file_info *file) {
        DeviceNode *node = node_of(request, ino);
        int r = service_write(node->service, bytes, n);

        if (r < 0)
                (void) fuse_reply_err(request, -r);
        else
                (void) fuse_reply_write(request, n);
        service_settle(node->service);
}

static void device_poll(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file,
                        struct fuse_pollhandle *handle) {
        DeviceNode *node = node_of(request, ino);

        if (handle) {
                g_clear_pointer(&node->poll, fuse_pollhandle_destroy);
                node->poll = handle;
        }
        (void) fuse_reply_poll(request, service_poll(node->service));
}

/* --- the service's side --- */

static void device_wake(void *userdata) {
        DeviceNode *node = userdata;

        serve_readers(node);
        if (!node->poll || service_poll(node->service) == 0)
                return;

        (void) fuse_lowlevel_notify_poll(node->poll);
        g_clear_pointer(&node->poll, fuse_pollhandle_destroy);
}

static int device_appear(void *userdata) {
        DeviceNode *node = userdata;
        g_autofree char *target = g_build_filename(node->mount->path, node_name(node), NULL);

        (void) unlink(node->link);
        return symlink(target, node->link) < 0 ? -errno : 0;
}

static void device_vanish(void *userdata) {
        DeviceNode *node = userdata;

        (void) unlink(node->link);
}

static const NodeOps device_ops = {
        .transport = "device",
        .wake = device_wake,
        .appear = device_appear,
        .vanish = device_vanish,
};

/* --- life --- */

static void node_free(void *userdata) {
        DeviceNode *node = userdata;
        Reader *reader;

        service_set_node(node->service, NULL, NULL);
        device_vanish(node);
        while ((reader = g_queue_pop_head(&node->readers))) {
                (void) fuse_reply_err(reader->request, ENODEV);
                g_free(reader);
        }
        g_clear_pointer(&node->poll, fuse_pollhandle_destroy);
        g_free(node->link);
        g_free(node);
}

int device_mount_add(DeviceMount *mount, Service *service, const char *link) {
        DeviceNode *node = g_new0(DeviceNode, 1);

        *node = (DeviceNode){ .mount = mount,
                              .service = service,
                              .link = g_strdup(link),
                              .ino = mount->nodes->len + FIRST_INO };
        g_ptr_array_add(mount->nodes, node);
        service_set_node(service, &device_ops, node);
        return device_appear(node);
}

static const struct fuse_lowlevel_ops operations = {
        .lookup = device_lookup,
        .getattr = device_getattr,
        .setattr = device_setattr,
        .readdir = device_readdir,
        .open = device_open,
        .release = device_release,
        .read = device_read,
        .write = device_write,
        .poll = device_poll,
};

static int on_fuse(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        DeviceMount *mount = userdata;
        int n;

        n = fuse_session_receive_buf(mount->session, &mount->buffer);
        if (n > 0)
                fuse_session_process_buf(mount->session, &mount->buffer);
        /* Somebody unmounted it. */
        if (fuse_session_exited(mount->session))
                return sd_event_exit(sd_event_source_get_event(source), EXIT_FAILURE);
        return 0;
}

static int mount_session(DeviceMount *mount, sd_event *event) {
        const char *option =
                geteuid() == 0 ? "fsname=hvhost,default_permissions,allow_other" : "fsname=hvhost";
        struct fuse_args arguments = FUSE_ARGS_INIT(0, NULL);
        int fd;

        if (fuse_opt_add_arg(&arguments, "hvhost") < 0 || fuse_opt_add_arg(&arguments, "-o") < 0 ||
            fuse_opt_add_arg(&arguments, option) < 0)
                return -ENOMEM;
        mount->session = fuse_session_new(&arguments, &operations, sizeof(operations), mount);
        fuse_opt_free_args(&arguments);
        if (!mount->session || fuse_session_mount(mount->session, mount->path) < 0)
                return -ENODEV;

        mount->mounted = true;
        fd = fuse_session_fd(mount->session);
        if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
                return -errno;

        return sd_event_add_io(event, &mount->source, fd, EPOLLIN, on_fuse, mount);
}

int device_mount_new(sd_event *event, const char *mount_point, const NodeAccess *access, DeviceMount **ret) {
        DeviceMount *mount = g_new0(DeviceMount, 1);
        int r;

        mount->path = g_canonicalize_filename(mount_point, NULL);
        mount->access = *access;
        mount->nodes = g_ptr_array_new_with_free_func(node_free);
        r = mount_session(mount, event);
        if (r < 0) {
                device_mount_free(mount);
                return r;
        }

        *ret = mount;
        return 0;
}

DeviceMount *device_mount_free(DeviceMount *mount) {
        if (!mount)
                return NULL;

        g_ptr_array_unref(mount->nodes);
        sd_event_source_disable_unref(mount->source);
        if (mount->mounted)
                fuse_session_unmount(mount->session);
        if (mount->session)
                fuse_session_destroy(mount->session);
        free(mount->buffer.mem);
        g_free(mount->path);
        g_free(mount);
        return NULL;
}
