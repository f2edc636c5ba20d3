/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The VMBus ring: one direction of a channel in shared memory, both sides. One page of header, then the data
 * area; indices are byte offsets, multiples of 8. Packet: 16-byte descriptor, payload padded to 8, 8-byte
 * trailer with the offset where it began; every part may wrap. (struct hv_ring_buffer, struct
 * vmpacket_descriptor; drivers/hv/ring_buffer.c.)
 *
 * The other side is not trusted: indices and lengths are checked, a packet is copied out before anything in
 * it is believed, and a ring that makes no sense is *corrupt* (-EBADMSG): only closing and opening the
 * channel cures it.
 *
 * Pure: the signal to the host and the interrupt mask are returned as facts for the caller to act on. C11
 * atomics: acquire for the peer's index, release for ours, a full fence where a store must be seen before a
 * load (mask and recheck, index and mask). Works on every architecture and page size.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct Ring {
        uint8_t *header; /* first page */
        uint8_t *data;
        uint32_t size; /* bytes of the data area */
} Ring;

#define RING_PACKET_IN_BAND 6

/* memory: one ring of total bytes, its first header_size bytes being the header. -EINVAL for nonsense. */
int ring_init(Ring *ring, void *memory, size_t total, size_t header_size);

/* --- receiver --- */
/* Copies the payload of the next packet into buffer. Returns its length; -EAGAIN when empty; -EMSGSIZE when
 * it is larger than buffer_size (the packet stays); -EBADMSG when corrupt. *ret_transaction gets the
 * descriptor's id. *ret_signal is true when the sender waits for the room that this made (pending_send_sz
 * rule) and must be signalled. */
ssize_t ring_receive(Ring *ring, void *buffer, size_t buffer_size, uint64_t *ret_transaction,
                     bool *ret_signal);
bool ring_is_empty(const Ring *ring);
/* Unmasks (false) or masks interrupts, with the fence that makes a following ring_is_empty() meaningful. */
void ring_set_masked(Ring *ring, bool masked);

/* --- sender --- */
/* Puts one in-band packet. 0; -EAGAIN when there is no room now (pending_send_sz is set: try again after an
 * event); -EMSGSIZE when it can never fit; -EBADMSG when corrupt. *ret_signal: the peer must be signalled. */
int ring_send(Ring *ring, const void *payload, size_t n, uint64_t transaction, bool *ret_signal);
/* Declares that we set pending_send_sz and honour the peer's (feature bit 0). */
void ring_offer_features(Ring *ring);

G_END_DECLS
