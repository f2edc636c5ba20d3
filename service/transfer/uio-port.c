/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/uio-port.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"

/* A look is a system call; a burst of packets shares one. It bounds how long a store may go astray. */
#define ALIVE_USEC 100

static int map_rings(UioPort *port, int fd, size_t size) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE), half = size / 2;
        void *memory;
        int r;

        if (size % (2 * page) != 0)
                return -EINVAL;
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                return -errno;

        r = ring_init(&port->to_host, memory, half, page);
        if (r >= 0)
                r = ring_init(&port->from_host, (uint8_t *) memory + half, half, page);
        if (r < 0) {
                (void) munmap(memory, size);
                return r;
        }

        port->memory = memory;
        port->size = size;
        return 0;
}

int uio_port_open(UioPort *port, const UioFile *file, const char *node, size_t map_size) {
        auto_fd fd = -1, memory = -1;
        int r;

        if (!file)
                file = uio_file_find(node);
        fd = file->open(node, &memory);
        if (fd < 0)
                return fd;
        r = map_rings(port, memory >= 0 ? memory : fd, map_size);
        if (r < 0)
                return r;

        port->file = file;
        port->fd = g_steal_fd(&fd);
        port->alive_usec = now_usec(CLOCK_MONOTONIC);
        ring_offer_features(&port->to_host);
        return 0;
}

void uio_port_close(UioPort *port) {
        if (port->memory)
                (void) munmap(g_steal_pointer(&port->memory), port->size);
        if (port->fd >= 0)
                (void) close(g_steal_fd(&port->fd));
}

int uio_port_acknowledge(UioPort *port) {
        int r = port->file->acknowledge(port->fd);

        if (r < 0)
                return r;

        port->alive_usec = now_usec(CLOCK_MONOTONIC);
        return 0;
}

int uio_port_is_alive(UioPort *port) {
        if (now_usec(CLOCK_MONOTONIC) - port->alive_usec < ALIVE_USEC)
                return 0;

        return uio_port_acknowledge(port);
}

/* Whatever the device says to a signal, it says because it is gone. */
static int signal_host(UioPort *port, bool wanted) {
        return wanted && port->file->signal(port->fd) < 0 ? -EIO : 0;
}

ssize_t uio_port_receive(UioPort *port, void *buffer, size_t size, uint64_t *ret_transaction) {
        bool wanted = false;
        ssize_t n;
        int r;

        r = uio_port_is_alive(port);
        if (r < 0)
                return r;
        n = ring_receive(&port->from_host, buffer, size, ret_transaction, &wanted);
        if (n < 0)
                return n;

        r = signal_host(port, wanted);
        return r < 0 ? r : n;
}

int uio_port_send(UioPort *port, const void *packet, size_t n, uint64_t transaction) {
        bool wanted = false;
        int r;

        r = uio_port_is_alive(port);
        if (r < 0)
                return r;
        r = ring_send(&port->to_host, packet, n, transaction, &wanted);
        if (r < 0)
                return r;

        return signal_host(port, wanted);
}

void uio_port_mask(UioPort *port) {
        ring_set_masked(&port->from_host, true);
}

bool uio_port_unmask(UioPort *port) {
        ring_set_masked(&port->from_host, false);
        return !ring_is_empty(&port->from_host);
}
