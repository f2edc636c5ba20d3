/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Snapshots in the driver: drivers/hv/hv_snapshot.c.
 *
 * The daemon registers with 12 bytes whose first byte is 129, in state 0 or 1, and is answered with 4 bytes; 128, the
 * old dialect, is taken, never answered, and never ready. The first byte of *every* write is looked at before anything
 * else: an answer that begins with 128 or 129 would be a registration. Without a daemon FREEZE, THAW and HOT_BACKUP fail
 * at once. A FREEZE has 15 minutes, the others 30 seconds. When the guest resumes from hibernation the driver fakes a
 * THAW, the answer to which is refused.
 */

#include "emulator/kinds.h"

#include "common/units.h"
#include "wire/vss.h"

#define VSS_TIMEOUT_USEC        (30 * USEC_PER_SEC)  /* HV_UTIL_TIMEOUT */
#define VSS_FREEZE_TIMEOUT_USEC (900 * USEC_PER_SEC) /* VSS_FREEZE_TIMEOUT */
#define VSS_OLD_DIALECT         128                  /* VSS_OP_REGISTER */
#define VSS_DIALECT             129                  /* VSS_OP_REGISTER1 */
#define VSS_ANSWER_SIZE         4

static DriverWrite vss_classify(DriverState state, const uint8_t *message, size_t n) {
        bool registers =
                n == VSS_MESSAGE_SIZE && (message[0] == VSS_OLD_DIALECT || message[0] == VSS_DIALECT);

        if (n != VSS_MESSAGE_SIZE)
                return DRIVER_WRITE_REFUSED;

        switch (state) {
        case DRIVER_INIT:
        case DRIVER_READY:
                return registers ? DRIVER_WRITE_REGISTRATION : DRIVER_WRITE_REFUSED;
        case DRIVER_REQUEST_SENT:
                return registers ? DRIVER_WRITE_REFUSED : DRIVER_WRITE_REPLY;
        case DRIVER_REQUEST_RECEIVED:
        case DRIVER_REPLY_RECEIVED:
        case DRIVER_DYING:
                return DRIVER_WRITE_REFUSED;
        case _DRIVER_STATE_MAX:
        case _DRIVER_STATE_INVALID:
                break;
        }
        g_assert_not_reached();
}

static size_t vss_registered(const uint8_t *registration, uint8_t answer[DRIVER_MESSAGE_MAX]) {
        if (registration[0] != VSS_DIALECT)
                return 0;

        vss_wire_registered(answer);
        return VSS_ANSWER_SIZE;
}

static WireStatus vss_status(uint8_t dialect, const uint8_t *reply) {
        WireStatus status;

        return vss_wire_parse_reply(reply, VSS_MESSAGE_SIZE, &status) < 0 ? WIRE_STATUS_FAIL : status;
}

static uint64_t vss_timeout_usec(const uint8_t *request, size_t n) {
        return request[0] == vss_wire_operation_byte(VSS_OPERATION_FREEZE) ? VSS_FREEZE_TIMEOUT_USEC
                                                                           : VSS_TIMEOUT_USEC;
}

static size_t vss_resumed(uint8_t request[DRIVER_MESSAGE_MAX]) {
        vss_wire_request(request, vss_wire_operation_byte(VSS_OPERATION_THAW));
        return VSS_MESSAGE_SIZE;
}

const DriverKind driver_vss = {
        .name = "vss",
        .node = "hv_vss",
        .classify = vss_classify,
        .registered = vss_registered,
        .status = vss_status,
        .timeout_usec = vss_timeout_usec,
        .resumed = vss_resumed,
};
