/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * KVP in the driver: drivers/hv/hv_kvp.c.
 *
 * The daemon registers with at least 7,432 bytes whose first byte is 100, or 4 in the old dialect, which
 * cannot say errors: there an empty key means "no more". The driver answers with its version, the constant
 * "3.1". Until that answer was read the driver takes nothing from the host, not even the negotiation of
 * versions.
 */

#include "emulator/kinds.h"

#include <string.h>

#include "common/units.h"
#include "wire/kvp.h"

#define KVP_DRIVER_VERSION "3.1"
#define KVP_TIMEOUT_USEC   (30 * USEC_PER_SEC) /* HV_UTIL_TIMEOUT */
#define KVP_OLD_DIALECT    4                   /* KVP_OP_REGISTER */
#define KVP_REPLY_KEY      20                  /* where the key of an answer starts */

static DriverWrite kvp_classify(DriverState state, const uint8_t *message, size_t n) {
        if (n < KVP_MESSAGE_SIZE)
                return DRIVER_WRITE_REFUSED;

        switch (state) {
        case DRIVER_INIT:
                return kvp_wire_is_registration(message, n) ? DRIVER_WRITE_REGISTRATION
                                                            : DRIVER_WRITE_REFUSED;
        case DRIVER_READY:
        case DRIVER_REQUEST_RECEIVED:
                return DRIVER_WRITE_REFUSED;
        case DRIVER_REQUEST_SENT:
                return DRIVER_WRITE_REPLY;
        case DRIVER_REPLY_RECEIVED:
        case DRIVER_DYING:
                return DRIVER_WRITE_DISCARDED;
        case _DRIVER_STATE_MAX:
        case _DRIVER_STATE_INVALID:
                break;
        }
        g_assert_not_reached();
}

static size_t kvp_registered(const uint8_t *registration, uint8_t answer[DRIVER_MESSAGE_MAX]) {
        kvp_wire_registered(answer, KVP_DRIVER_VERSION);
        answer[0] = registration[0];
        return KVP_MESSAGE_SIZE;
}

static WireStatus kvp_status(uint8_t dialect, const uint8_t *reply) {
        WireStatus status;

        if (dialect == KVP_OLD_DIALECT)
                return reply[KVP_REPLY_KEY] != '\0' ? WIRE_STATUS_OK : WIRE_STATUS_NO_MORE;

        memcpy(&status, reply, sizeof(status));
        return status;
}

static uint64_t kvp_timeout_usec(const uint8_t *request, size_t n) {
        return KVP_TIMEOUT_USEC;
}

const DriverKind driver_kvp = {
        .name = "kvp",
        .node = "hv_kvp",
        .waits = true,
        .classify = kvp_classify,
        .registered = kvp_registered,
        .status = kvp_status,
        .timeout_usec = kvp_timeout_usec,
};
