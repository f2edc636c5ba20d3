/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A packet of the host: parsed, negotiated, answered; the answer parses as one. */

#include <string.h>

#include "wire/icmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void negotiate(uint8_t *packet, size_t n) {
        static const IcVersion frameworks[] = { { 3, 0 }, { 1, 0 } }, messages[] = { { 1, 1 } };
        IcVersion framework, message;
        int r;

        r = icmsg_negotiate(packet, n, frameworks, G_N_ELEMENTS(frameworks), messages, G_N_ELEMENTS(messages),
                            WIRE_STATUS_FAIL, &framework, &message);
        if (r != 0)
                return;

        g_assert_true(framework.major == 3 || framework.major == 1);
        g_assert_true(message.major == 1 && message.minor == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree uint8_t *packet = g_memdup2(data, size);
        WireStatus status = WIRE_STATUS_OK;
        IcMessage message;

        if (icmsg_parse(data, size, &message) < 0)
                return 0;

        g_assert_cmpuint(ICMSG_HEADER_SIZE + message.body_size, <=, size);
        if (message.type == ICMSG_TYPE_NEGOTIATE)
                negotiate(packet, size);
        icmsg_answer(packet, WIRE_STATUS_DISK_FULL);
        g_assert_cmpint(icmsg_parse_answer(packet, size, message.transaction, &status), ==, 0);
        g_assert_cmphex(status, ==, WIRE_STATUS_DISK_FULL);
        return 0;
}
