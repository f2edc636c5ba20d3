/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/fcopy.h"

#include <errno.h>
#include <linux/hyperv.h>
#include <string.h>

#include "common/utf16.h"
#include "wire/bytes.h"

enum {
        AT_OPERATION = 0,
        AT_FILE_NAME = 36,
        AT_PATH_NAME = 556,
        AT_FLAGS = 1076,
        AT_FILE_SIZE = 1080,
        AT_OFFSET = 40,
        AT_FRAGMENT_SIZE = 48,
        AT_DATA = 52,
        NAME_SIZE = FCOPY_NAME_UNITS * 2, /* bytes of either field on either transport */
};

G_STATIC_ASSERT(sizeof(struct hv_start_fcopy) == FCOPY_START_SIZE);
G_STATIC_ASSERT(offsetof(struct hv_start_fcopy, path_name) == AT_PATH_NAME);
G_STATIC_ASSERT(offsetof(struct hv_start_fcopy, file_size) == AT_FILE_SIZE);
G_STATIC_ASSERT(offsetof(struct hv_do_fcopy, data) == AT_DATA);
G_STATIC_ASSERT(sizeof(struct hv_do_fcopy) == AT_DATA + FCOPY_FRAGMENT_MAX);

static const char *const fcopy_operation_table[_FCOPY_OPERATION_MAX] = {
        [FCOPY_OPERATION_START] = "start",
        [FCOPY_OPERATION_WRITE] = "write",
        [FCOPY_OPERATION_COMPLETE] = "complete",
        [FCOPY_OPERATION_CANCEL] = "cancel",
};
DEFINE_STRING_TABLE_LOOKUP(fcopy_operation, FcopyOperation);

static const char *const fcopy_refusal_table[_FCOPY_REFUSAL_MAX] = {
        [FCOPY_REFUSAL_NONE] = "none",           [FCOPY_REFUSAL_SIZE] = "size",
        [FCOPY_REFUSAL_OPERATION] = "operation", [FCOPY_REFUSAL_FRAGMENT] = "fragment",
        [FCOPY_REFUSAL_NAME] = "name",           [FCOPY_REFUSAL_FLAGS] = "flags",
};
DEFINE_STRING_TABLE_LOOKUP(fcopy_refusal, FcopyRefusal);

void fcopy_wire_registration(uint8_t message[4]) {
        put_u32(message, FCOPY_CURRENT_VERSION);
}

int fcopy_wire_parse_registered(const void *message, size_t n, char ret_version[64]) {
        if (n != sizeof(uint32_t) || get_u32(message) != FCOPY_CURRENT_VERSION)
                return -EBADMSG;

        g_strlcpy(ret_version, "1", 64);
        return 0;
}

static bool read_name_utf8(const uint8_t *field, char *ret) {
        size_t n = strnlen((const char *)field, NAME_SIZE);

        if (n >= NAME_SIZE || !utf8_is_clean((const char *)field, n))
                return false;

        memcpy(ret, field, n);
        ret[n] = '\0';
        return true;
}

static bool has_terminator(const uint8_t *field) {
        for (size_t i = 0; i < FCOPY_NAME_UNITS; i++)
                if (get_u16(field + i * 2) == 0)
                        return true;

        return false;
}

static bool read_name_utf16(const uint8_t *field, char *ret) {
        g_autofree char *name = NULL;

        if (!has_terminator(field) || utf16le_to_utf8(field, FCOPY_NAME_UNITS, &name) < 0)
                return false;

        return g_strlcpy(ret, name, FCOPY_NAME_MAX) < FCOPY_NAME_MAX;
}

static bool read_name(const uint8_t *field, FcopyEncoding encoding, char *ret) {
        return encoding == FCOPY_UTF16 ? read_name_utf16(field, ret) : read_name_utf8(field, ret);
}

static int parse_start(const uint8_t *bytes, size_t n, FcopyEncoding encoding, FcopyRequest *ret) {
        uint32_t flags;

        if (n < FCOPY_START_SIZE)
                return FCOPY_REFUSAL_SIZE;
        if (!read_name(bytes + AT_FILE_NAME, encoding, ret->file_name) || !ret->file_name[0] ||
            !read_name(bytes + AT_PATH_NAME, encoding, ret->path_name))
                return FCOPY_REFUSAL_NAME;

        flags = get_u32(bytes + AT_FLAGS);
        if (flags & ~(uint32_t)(OVER_WRITE | CREATE_PATH))
                return FCOPY_REFUSAL_FLAGS;

        ret->overwrite = flags & OVER_WRITE;
        ret->create_path = flags & CREATE_PATH;
        ret->file_size = get_u64(bytes + AT_FILE_SIZE);
        return 0;
}

static int parse_write(const uint8_t *bytes, size_t n, FcopyRequest *ret) {
        uint64_t end;

        if (n < AT_DATA)
                return FCOPY_REFUSAL_SIZE;

        ret->offset = get_u64(bytes + AT_OFFSET);
        ret->size = get_u32(bytes + AT_FRAGMENT_SIZE);
        ret->data = bytes + AT_DATA;
        if (ret->size > FCOPY_FRAGMENT_MAX || ret->size > n - AT_DATA ||
            __builtin_add_overflow(ret->offset, ret->size, &end))
                return FCOPY_REFUSAL_FRAGMENT;

        return 0;
}

int fcopy_wire_parse(const void *message, size_t n, FcopyEncoding encoding, FcopyRequest *ret,
                     WireStatus *ret_status) {
        const uint8_t *bytes = message;
        int r = 0;

        *ret_status = WIRE_STATUS_FAIL;
        if (n < FCOPY_HEADER_SIZE || n > FCOPY_MESSAGE_MAX)
                return FCOPY_REFUSAL_SIZE;

        switch (get_u32(bytes + AT_OPERATION)) {
        case START_FILE_COPY:
                ret->operation = FCOPY_OPERATION_START;
                r = parse_start(bytes, n, encoding, ret);
                break;
        case WRITE_TO_FILE:
                ret->operation = FCOPY_OPERATION_WRITE;
                r = parse_write(bytes, n, ret);
                break;
        case COMPLETE_FCOPY:
                ret->operation = FCOPY_OPERATION_COMPLETE;
                break;
        case CANCEL_FCOPY:
                ret->operation = FCOPY_OPERATION_CANCEL;
                break;
        default:
                *ret_status = WIRE_STATUS_NOT_SUPPORTED;
                return FCOPY_REFUSAL_OPERATION;
        }

        if (r == 0)
                *ret_status = WIRE_STATUS_OK;
        return r;
}

void fcopy_wire_reply(uint8_t message[4], WireStatus status) {
        put_u32(message, status);
}

static bool write_name(uint8_t *field, FcopyEncoding encoding, const char *name) {
        size_t n = strlen(name);

        if (encoding == FCOPY_UTF16)
                return utf8_to_utf16le(name, field, FCOPY_NAME_UNITS) >= 0;
        if (n >= FCOPY_NAME_UNITS) /* the driver hands at most 259 bytes on */
                return false;

        memcpy(field, name, n);
        return true;
}

ssize_t fcopy_wire_start(uint8_t *message, FcopyEncoding encoding, const char *file_name,
                         const char *path_name, bool overwrite, bool create_path, uint64_t file_size) {
        memset(message, 0, FCOPY_START_SIZE);
        put_u32(message + AT_OPERATION, START_FILE_COPY);
        if (!write_name(message + AT_FILE_NAME, encoding, file_name) ||
            !write_name(message + AT_PATH_NAME, encoding, path_name))
                return -EINVAL;

        put_u32(message + AT_FLAGS, (overwrite ? OVER_WRITE : 0) | (create_path ? CREATE_PATH : 0));
        put_u64(message + AT_FILE_SIZE, file_size);
        return FCOPY_START_SIZE;
}

ssize_t fcopy_wire_write(uint8_t *message, FcopyEncoding encoding, uint64_t offset, const void *data,
                         size_t size) {
        g_assert(size <= FCOPY_FRAGMENT_MAX);

        memset(message, 0, AT_DATA);
        put_u32(message + AT_OPERATION, WRITE_TO_FILE);
        put_u64(message + AT_OFFSET, offset);
        put_u32(message + AT_FRAGMENT_SIZE, (uint32_t)size);
        memcpy(message + AT_DATA, data, size);
        if (encoding == FCOPY_UTF16)
                return (ssize_t)(AT_DATA + size);

        /* The driver always hands on the whole structure. */
        memset(message + AT_DATA + size, 0, FCOPY_FRAGMENT_MAX - size);
        return AT_DATA + FCOPY_FRAGMENT_MAX;
}

ssize_t fcopy_wire_simple(uint8_t *message, FcopyEncoding encoding, FcopyOperation operation) {
        size_t n =
                encoding == FCOPY_UTF16 ? FCOPY_HEADER_SIZE : 64; /* the driver's lengths, measured on 6.1 */

        g_assert(operation == FCOPY_OPERATION_COMPLETE || operation == FCOPY_OPERATION_CANCEL);

        memset(message, 0, n);
        put_u32(message + AT_OPERATION,
                operation == FCOPY_OPERATION_COMPLETE ? COMPLETE_FCOPY : CANCEL_FCOPY);
        return (ssize_t)n;
}
