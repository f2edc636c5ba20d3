/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ring as a hostile host leaves it, read to its end and written into. Input: the 16 bytes of its first four words, the
 * feature word, then the data area, 256 bytes; what is missing is zero.
 */

#include <errno.h>
#include <string.h>

#include "wire/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER_SIZE 128
#define DATA_SIZE   256

static void fill(uint8_t *memory, const uint8_t *data, size_t size) {
        size_t words = MIN(size, 16), features = MIN(size - words, 4);

        if (words > 0)
                memcpy(memory, data, words);
        if (features > 0)
                memcpy(memory + 64, data + words, features);
        size -= words + features;
        if (size > 0)
                memcpy(memory + HEADER_SIZE, data + words + features, MIN(size, DATA_SIZE));
}

/* Every packet takes at least 24 bytes, so a ring that is not refilled ends. */
static void receive_all(Ring *ring) {
        g_autofree uint8_t *buffer = g_malloc(DATA_SIZE);
        uint64_t transaction;
        ssize_t n;
        bool signal;

        for (int i = 0; i <= DATA_SIZE / 24; i++) {
                n = ring_receive(ring, buffer, DATA_SIZE, &transaction, &signal);
                if (n < 0) {
                        g_assert_true(n == -EAGAIN || n == -EBADMSG);
                        return;
                }
                g_assert_cmpint(n, <=, DATA_SIZE - 24);
        }
        g_assert_not_reached();
}

static void send_some(Ring *ring) {
        static const uint8_t payload[40];
        bool signal;
        int r = 0;

        for (int i = 0; i <= DATA_SIZE / 64 && r == 0; i++)
                r = ring_send(ring, payload, sizeof(payload), 1, &signal);
        g_assert_true(r == -EAGAIN || r == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree uint8_t *memory = g_malloc0(HEADER_SIZE + DATA_SIZE);
        Ring ring;

        g_assert_cmpint(ring_init(&ring, memory, HEADER_SIZE + DATA_SIZE, HEADER_SIZE), ==, 0);
        fill(memory, data, size);
        receive_all(&ring);
        send_some(&ring);
        return 0;
}
