/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "wire/bytes.h"

/*
 * Two parties share the pages and neither trusts the other. What the receiver reads from shared memory may
 * change between two looks, so every number is read once, checked, and used from the copy; a packet's bytes
 * are believed only after they were copied out.
 *
 * The fences follow drivers/hv/ring_buffer.c. Where a party stores and then loads what the other stores and
 * then loads (mask and index, index and pending size), only a full fence keeps both from missing each other.
 */

enum {
        AT_WRITE_INDEX = 0,
        AT_READ_INDEX = 4,
        AT_INTERRUPT_MASK = 8,
        AT_PENDING_SEND_SIZE = 12,
        AT_FEATURES = 64,
        FEATURE_PENDING_SEND_SIZE = 1,
        DESCRIPTOR_SIZE = 16,
        TRAILER_SIZE = 8,
        ALIGNMENT = 8,
        HEADER_MIN = 128,
};

static _Atomic uint32_t *word(const Ring *ring, size_t at) {
        return (_Atomic uint32_t *) (void *) (ring->header + at);
}

static uint32_t load(const Ring *ring, size_t at) {
        return GUINT32_FROM_LE(atomic_load_explicit(word(ring, at), memory_order_acquire));
}

static void store(Ring *ring, size_t at, uint32_t value) {
        atomic_store_explicit(word(ring, at), GUINT32_TO_LE(value), memory_order_release);
}

static void full_fence(void) {
        atomic_thread_fence(memory_order_seq_cst);
}

int ring_init(Ring *ring, void *memory, size_t total, size_t header_size) {
        size_t size;

        if (header_size < HEADER_MIN || total <= header_size || (uintptr_t) memory % ALIGNMENT != 0)
                return -EINVAL;
        size = total - header_size;
        if (size % ALIGNMENT != 0 || size < DESCRIPTOR_SIZE + TRAILER_SIZE || size > UINT32_MAX)
                return -EINVAL;

        *ring = (Ring){ .header = memory, .data = (uint8_t *) memory + header_size, .size = (uint32_t) size };
        return 0;
}

void ring_offer_features(Ring *ring) {
        store(ring, AT_FEATURES, load(ring, AT_FEATURES) | FEATURE_PENDING_SEND_SIZE);
}

/* Both indices as they are now; -EBADMSG if one cannot be. */
static int read_indices(const Ring *ring, uint32_t *ret_read, uint32_t *ret_write) {
        uint32_t read = load(ring, AT_READ_INDEX), write = load(ring, AT_WRITE_INDEX);

        if (read >= ring->size || write >= ring->size || read % ALIGNMENT != 0 || write % ALIGNMENT != 0)
                return -EBADMSG;

        *ret_read = read;
        *ret_write = write;
        return 0;
}

static uint32_t used_bytes(const Ring *ring, uint32_t read, uint32_t write) {
        return write >= read ? write - read : ring->size - read + write;
}

static uint32_t advance(const Ring *ring, uint32_t index, uint32_t n) {
        uint32_t room = ring->size - index;

        return n < room ? index + n : n - room;
}

static void copy_out(const Ring *ring, uint32_t at, void *to, uint32_t n) {
        uint32_t first = MIN(n, ring->size - at);

        memcpy(to, ring->data + at, first);
        if (n > first)
                memcpy((uint8_t *) to + first, ring->data, n - first);
}

static uint32_t copy_in(Ring *ring, uint32_t at, const void *from, uint32_t n) {
        uint32_t first = MIN(n, ring->size - at);

        if (n == 0)
                return at;
        memcpy(ring->data + at, from, first);
        if (n > first)
                memcpy(ring->data, (const uint8_t *) from + first, n - first);
        return advance(ring, at, n);
}

bool ring_is_empty(const Ring *ring) {
        return load(ring, AT_READ_INDEX) == load(ring, AT_WRITE_INDEX);
}

void ring_set_masked(Ring *ring, bool masked) {
        store(ring, AT_INTERRUPT_MASK, masked);
        full_fence();
}

/*
 * After taking `taken` bytes: does the sender wait for room that was not there before and is there now? The
 * write index is read after the fence; "free before" is reckoned back from it, or a sender that wrote
 * meanwhile would be missed.
 *
 * Senders disagree about what pending_send_sz says. Linux and Windows mean "wake me when free exceeds it",
 * OpenVMM "when free reaches it"; some say a byte less than they need. A signal too many costs the host an
 * interrupt, one too few hangs it, so either reading of the boundary is enough.
 */
static bool sender_waits(const Ring *ring, uint32_t read, uint32_t taken) {
        uint32_t pending, write, free_now, free_before;

        full_fence();
        if (!(load(ring, AT_FEATURES) & FEATURE_PENDING_SEND_SIZE))
                return false;
        pending = load(ring, AT_PENDING_SEND_SIZE);
        if (pending == 0)
                return false;

        write = load(ring, AT_WRITE_INDEX);
        if (write >= ring->size)
                return true;
        free_now = ring->size - used_bytes(ring, read, write);
        free_before = free_now - MIN(taken, free_now);
        return free_now >= pending / ALIGNMENT * ALIGNMENT && free_before / ALIGNMENT <= pending / ALIGNMENT;
}

/* A descriptor that has been copied out, in bytes. */
typedef struct Descriptor {
        uint32_t payload_at, length, payload;
        uint64_t transaction;
} Descriptor;

static int parse_descriptor(const uint8_t *bytes, uint32_t used, Descriptor *ret) {
        uint32_t payload_at = get_u16(bytes + 2) * UINT32_C(8), length = get_u16(bytes + 4) * UINT32_C(8);

        if (get_u16(bytes) != RING_PACKET_IN_BAND || payload_at < DESCRIPTOR_SIZE || payload_at > length ||
            length + TRAILER_SIZE > used)
                return -EBADMSG;

        *ret = (Descriptor){
                .payload_at = payload_at,
                .length = length,
                .payload = length - payload_at,
                .transaction = get_u64(bytes + 8),
        };
        return 0;
}

ssize_t ring_receive(Ring *ring, void *buffer, size_t buffer_size, uint64_t *ret_transaction,
                     bool *ret_signal) {
        uint32_t read, write, used, taken;
        uint8_t bytes[DESCRIPTOR_SIZE];
        Descriptor descriptor;
        int r;

        r = read_indices(ring, &read, &write);
        if (r < 0)
                return r;
        used = used_bytes(ring, read, write);
        if (used == 0)
                return -EAGAIN;
        if (used < DESCRIPTOR_SIZE + TRAILER_SIZE)
                return -EBADMSG;

        copy_out(ring, read, bytes, DESCRIPTOR_SIZE);
        r = parse_descriptor(bytes, used, &descriptor);
        if (r < 0)
                return r;
        if (descriptor.payload > buffer_size)
                return -EMSGSIZE;

        copy_out(ring, advance(ring, read, descriptor.payload_at), buffer, descriptor.payload);
        taken = descriptor.length + TRAILER_SIZE;
        read = advance(ring, read, taken);
        full_fence();
        store(ring, AT_READ_INDEX, read);

        *ret_transaction = descriptor.transaction;
        *ret_signal = sender_waits(ring, read, taken);
        return descriptor.payload;
}

static bool has_room(const Ring *ring, uint32_t read, uint32_t write, uint32_t total) {
        return ring->size - used_bytes(ring, read, write) > total;
}

/*
 * Says how much room we wait for, and looks once more: the receiver may have made it between our look and our
 * word. Free must exceed total; as free is a multiple of 8, half a step above total is crossed at the right
 * moment whether the receiver signals when free reaches the number or when it exceeds it.
 */
static int wait_for_room(Ring *ring, uint32_t total) {
        uint32_t read, write;
        int r;

        store(ring, AT_PENDING_SEND_SIZE, total + ALIGNMENT / 2);
        full_fence();
        r = read_indices(ring, &read, &write);
        if (r < 0)
                return r;
        return has_room(ring, read, write, total) ? 0 : -EAGAIN;
}

static uint32_t put_packet(Ring *ring, uint32_t write, const void *payload, uint32_t n,
                           uint64_t transaction) {
        uint8_t descriptor[DESCRIPTOR_SIZE], trailer[TRAILER_SIZE] = {}, padding[ALIGNMENT] = {};
        uint32_t padded = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, at;

        put_u16(descriptor, RING_PACKET_IN_BAND);
        put_u16(descriptor + 2, DESCRIPTOR_SIZE / 8);
        put_u16(descriptor + 4, (uint16_t) ((DESCRIPTOR_SIZE + padded) / 8));
        put_u16(descriptor + 6, 0);
        put_u64(descriptor + 8, transaction);
        put_u32(trailer + 4, write);

        at = copy_in(ring, write, descriptor, DESCRIPTOR_SIZE);
        at = copy_in(ring, at, payload, n);
        at = copy_in(ring, at, padding, padded - n);
        return copy_in(ring, at, trailer, TRAILER_SIZE);
}

int ring_send(Ring *ring, const void *payload, size_t n, uint64_t transaction, bool *ret_signal) {
        uint32_t read, write, next, total;
        int r;

        if (n > UINT16_MAX * (size_t) 8 - DESCRIPTOR_SIZE - ALIGNMENT)
                return -EMSGSIZE;
        total = DESCRIPTOR_SIZE + ((uint32_t) n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + TRAILER_SIZE;
        if (total >= ring->size)
                return -EMSGSIZE;

        r = read_indices(ring, &read, &write);
        if (r == 0 && !has_room(ring, read, write, total))
                r = wait_for_room(ring, total);
        if (r < 0)
                return r;
        if (load(ring, AT_PENDING_SEND_SIZE) != 0)
                store(ring, AT_PENDING_SEND_SIZE, 0);

        next = put_packet(ring, write, payload, (uint32_t) n, transaction);
        full_fence();
        store(ring, AT_WRITE_INDEX, next);
        full_fence();

        /* The receiver is interrupted only when it had seen the ring empty and has not masked us. */
        *ret_signal = load(ring, AT_INTERRUPT_MASK) == 0 && load(ring, AT_READ_INDEX) == write;
        return 0;
}
