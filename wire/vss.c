/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/vss.h"

#include <linux/hyperv.h>
#include <string.h>

#include "wire/bytes.h"

G_STATIC_ASSERT(sizeof(struct hv_vss_msg) == VSS_MESSAGE_SIZE);

static const char *const vss_operation_table[_VSS_OPERATION_MAX] = {
        [VSS_OPERATION_HOT_BACKUP] = "hot-backup",
        [VSS_OPERATION_FREEZE] = "freeze",
        [VSS_OPERATION_THAW] = "thaw",
};
DEFINE_STRING_TABLE_LOOKUP(vss_operation, VssOperation);

static const uint8_t operation_bytes[_VSS_OPERATION_MAX] = {
        [VSS_OPERATION_HOT_BACKUP] = VSS_OP_HOT_BACKUP,
        [VSS_OPERATION_FREEZE] = VSS_OP_FREEZE,
        [VSS_OPERATION_THAW] = VSS_OP_THAW,
};

void vss_wire_registration(uint8_t message[VSS_MESSAGE_SIZE]) {
        memset(message, 0, VSS_MESSAGE_SIZE);
        message[0] = VSS_OP_REGISTER1;
}

int vss_wire_parse_registered(const void *message, size_t n, char ret_version[64]) {
        if (n != sizeof(uint32_t) || get_u32(message) != VSS_OP_REGISTER1)
                return -EBADMSG;

        g_strlcpy(ret_version, "1", 64);
        return 0;
}

int vss_wire_parse(const void *message, size_t n, VssOperation *ret, WireStatus *ret_status) {
        const uint8_t *bytes = message;

        if (n != VSS_MESSAGE_SIZE) {
                *ret_status = WIRE_STATUS_FAIL;
                return 1;
        }

        for (size_t i = 0; i < G_N_ELEMENTS(operation_bytes); i++)
                if (operation_bytes[i] == bytes[0]) {
                        *ret = (VssOperation)i;
                        return 0;
                }

        *ret_status = WIRE_STATUS_NOT_SUPPORTED;
        return 1;
}

void vss_wire_reply(uint8_t message[VSS_MESSAGE_SIZE], WireStatus status) {
        memset(message, 0, VSS_MESSAGE_SIZE);
        put_u32(message, status);
}

void vss_wire_request(uint8_t message[VSS_MESSAGE_SIZE], uint8_t operation) {
        memset(message, 0, VSS_MESSAGE_SIZE);
        message[0] = operation;
}

void vss_wire_registered(uint8_t message[4]) {
        put_u32(message, VSS_OP_REGISTER1);
}

int vss_wire_parse_reply(const void *message, size_t n, WireStatus *ret_status) {
        if (n != VSS_MESSAGE_SIZE)
                return -EBADMSG;

        *ret_status = get_u32(message);
        return 0;
}

uint8_t vss_wire_operation_byte(VssOperation operation) {
        g_assert(operation >= 0 && operation < _VSS_OPERATION_MAX);
        return operation_bytes[operation];
}
