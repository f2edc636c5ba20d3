/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * File copy in the driver: drivers/hv/hv_fcopy.c (kernels before 6.10).
 *
 * The daemon registers with a version, 4 bytes: 1 is answered with 1; 0 is taken and never answered, so that such a
 * daemon is never ready; in state 0 every 4 bytes are a version. Without a daemon every request fails at once.
 * When the guest resumes from hibernation the driver fakes a CANCEL of 36 bytes, the answer to which is refused.
 */

#include "emulator/kinds.h"

#include <string.h>

#include "common/units.h"
#include "wire/fcopy.h"

#define FCOPY_TIMEOUT_USEC (30 * USEC_PER_SEC) /* HV_UTIL_TIMEOUT */
#define FCOPY_ANSWER_SIZE  4
#define FCOPY_VERSION      1

static uint32_t number_of(const uint8_t *message) {
        uint32_t number;

        memcpy(&number, message, sizeof number);
        return GUINT32_FROM_LE(number);
}

static DriverWrite fcopy_classify(DriverState state, const uint8_t *message, size_t n) {
        if (n != FCOPY_ANSWER_SIZE)
                return DRIVER_WRITE_REFUSED;

        switch (state) {
        case DRIVER_INIT:
                return number_of(message) <= FCOPY_VERSION ? DRIVER_WRITE_REGISTRATION : DRIVER_WRITE_REFUSED;
        case DRIVER_REQUEST_SENT:
                return DRIVER_WRITE_REPLY;
        case DRIVER_READY:
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

static size_t fcopy_registered(const uint8_t *registration, uint8_t answer[DRIVER_MESSAGE_MAX]) {
        if (number_of(registration) != FCOPY_VERSION)
                return 0;

        fcopy_wire_registration(answer);
        return FCOPY_ANSWER_SIZE;
}

static WireStatus fcopy_status(uint8_t dialect, const uint8_t *reply) {
        return number_of(reply);
}

static uint64_t fcopy_timeout_usec(const uint8_t *request, size_t n) {
        return FCOPY_TIMEOUT_USEC;
}

static size_t fcopy_resumed(uint8_t request[DRIVER_MESSAGE_MAX]) {
        (void) fcopy_wire_simple(request, FCOPY_UTF8, FCOPY_OPERATION_CANCEL);
        return FCOPY_HEADER_SIZE;
}

const DriverKind driver_fcopy = {
        .name = "fcopy",
        .node = "hv_fcopy",
        .classify = fcopy_classify,
        .registered = fcopy_registered,
        .status = fcopy_status,
        .timeout_usec = fcopy_timeout_usec,
        .resumed = fcopy_resumed,
};
