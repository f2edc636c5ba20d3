/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An opened VMBus channel: the descriptor and both rings mapped. First half of the map: guest to host; second half:
 * host to guest; a page of header each.
 *
 * The danger of this device (measured on uio_hv_generic, 6.12): when the host withdraws it, the ring's pages are
 * freed *under the mapping*, and a later store corrupts foreign memory without a fault. Only read() tells. So nothing
 * here touches the rings before uio_port_is_alive() has looked, and who is told "gone" closes at once.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "service/transfer/uio-file.h"
#include "wire/ring.h"

G_BEGIN_DECLS

typedef struct UioPort {
        const UioFile *file;
        int fd;
        void *memory;
        size_t size;
        Ring to_host, from_host;
        uint64_t alive_usec; /* when read() last said so */
} UioPort;

#define UIO_PORT_CLOSED                                                                                      \
        { .fd = -1 }

/* file NULL: by what stands at node. On failure the port stays closed. */
int uio_port_open(UioPort *port, const UioFile *file, const char *node, size_t map_size);
void uio_port_close(UioPort *port);

/* Takes note of interrupts. 0; -EIO: gone. */
int uio_port_acknowledge(UioPort *port);
/* As before, but looks only if the last look is some time ago: what stands before every touch of the rings. */
int uio_port_is_alive(UioPort *port);

/* As ring_receive() and ring_send(), and signal the host where it must be; -EIO: gone. */
ssize_t uio_port_receive(UioPort *port, void *buffer, size_t size, uint64_t *ret_transaction);
int uio_port_send(UioPort *port, const void *packet, size_t n, uint64_t transaction);
void uio_port_mask(UioPort *port);
/* Lets the host interrupt us again. True if something came meanwhile: nobody will call for that. */
bool uio_port_unmask(UioPort *port);

G_END_DECLS
