/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File copy, host to guest: the same four messages on two transports.
 *
 *      operation       device (kernels before 6.10)               ring (wire/icmsg.h, body at 28)
 *      0 START         1,088 bytes, names UTF-8                    names UTF-16LE, 260 units each
 *      1 WRITE         6,196 bytes whatever the host sent          52 + size bytes
 *      2 COMPLETE      36 … 8,192 bytes, only the header counts    header
 *      3 CANCEL        as COMPLETE; 36 bytes when faked at resume  header
 *
 *      0 u32 operation, 4 service ids (unused)
 *      START: 36 file_name[520], 556 path_name[520], 1076 u32 flags (1 overwrite, 2 create path), 1080 u64
 * file_size WRITE: 36 pad, 40 u64 offset, 48 u32 size (a claim), 52 data[6144]
 *
 * Source: <linux/hyperv.h>, drivers/hv/hv_fcopy.c, tools/hv/hv_fcopy_uio_daemon.c. Nothing in a message is
 * believed: sizes are held against the bytes that came, names are decoded with surrogates and refused when
 * they have none.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/string-table.h"
#include "wire/status.h"

G_BEGIN_DECLS

#define FCOPY_MESSAGE_MAX  8192
#define FCOPY_FRAGMENT_MAX 6144
#define FCOPY_HEADER_SIZE  36
#define FCOPY_START_SIZE   1088
#define FCOPY_NAME_UNITS   260
/* UTF-8 needs at most 3 bytes a unit. */
#define FCOPY_NAME_MAX (FCOPY_NAME_UNITS * 3 + 1)

typedef enum FcopyOperation {
        FCOPY_OPERATION_START,
        FCOPY_OPERATION_WRITE,
        FCOPY_OPERATION_COMPLETE,
        FCOPY_OPERATION_CANCEL,
        _FCOPY_OPERATION_MAX,
        _FCOPY_OPERATION_INVALID = -EINVAL,
} FcopyOperation;
DECLARE_STRING_TABLE_LOOKUP(fcopy_operation, FcopyOperation); /* "start", "write", "complete", "cancel" */

typedef enum FcopyEncoding { FCOPY_UTF8, FCOPY_UTF16 } FcopyEncoding; /* device, ring */

typedef enum FcopyRefusal {
        FCOPY_REFUSAL_NONE,
        FCOPY_REFUSAL_SIZE = 1, /* too short for its operation, or too long */
        FCOPY_REFUSAL_OPERATION,
        FCOPY_REFUSAL_FRAGMENT, /* size beyond 6,144 or beyond the bytes that came; offset + size overflows */
        FCOPY_REFUSAL_NAME,     /* unterminated, lone surrogate, not UTF-8, empty file name */
        FCOPY_REFUSAL_FLAGS,    /* unknown flag */
        _FCOPY_REFUSAL_MAX,
        _FCOPY_REFUSAL_INVALID = -EINVAL,
} FcopyRefusal;
DECLARE_STRING_TABLE_LOOKUP(fcopy_refusal, FcopyRefusal);

typedef struct FcopyRequest {
        FcopyOperation operation;
        char file_name[FCOPY_NAME_MAX]; /* START, valid UTF-8 */
        char path_name[FCOPY_NAME_MAX]; /* START, as the host wrote it: may use '\\', may be relative */
        bool overwrite, create_path;    /* START */
        uint64_t file_size;             /* START */
        uint64_t offset;                /* WRITE */
        size_t size;                    /* WRITE */
        const uint8_t *data;            /* WRITE: points into the message */
} FcopyRequest;

/* Device: registration is u32 1 both ways. */
void fcopy_wire_registration(uint8_t message[4]);
int fcopy_wire_parse_registered(const void *message, size_t n, char ret_version[64]);
/* 0, or a positive FcopyRefusal with *ret_status (FAIL, NOT_SUPPORTED for an unknown operation). Only the
 * fields of the operation are written (a WRITE does not clear the names). */
int fcopy_wire_parse(const void *message, size_t n, FcopyEncoding encoding, FcopyRequest *ret,
                     WireStatus *ret_status);
void fcopy_wire_reply(uint8_t message[4], WireStatus status);

/* The host's side; each returns the length written into message (FCOPY_MESSAGE_MAX bytes). -EINVAL for a name
 * that does not fit. */
ssize_t fcopy_wire_start(uint8_t *message, FcopyEncoding encoding, const char *file_name,
                         const char *path_name, bool overwrite, bool create_path, uint64_t file_size);
ssize_t fcopy_wire_write(uint8_t *message, FcopyEncoding encoding, uint64_t offset, const void *data,
                         size_t size);
ssize_t fcopy_wire_simple(uint8_t *message, FcopyEncoding encoding, FcopyOperation operation);

G_END_DECLS
