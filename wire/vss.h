/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The VSS message between driver and daemon, struct hv_vss_msg of <linux/hyperv.h>: 12 bytes both ways.
 *
 *      0  request: u8 operation, 7 reserved      reply: s32 status (overlays them)
 *      8  u32 flags, always 0 from the driver, ignored in replies
 *
 * The driver looks at the *first byte of a reply* before anything else: a status whose low byte were 0x80 or
 * 0x81 would be taken for a registration (drivers/hv/hv_snapshot.c, vss_on_msg). Ours are OK and FAIL. The
 * driver answers CREATE, DELETE, GET_DM_INFO, BU_COMPLETE and AUTO_RECOVER itself; they never come here.
 */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "common/string-table.h"
#include "wire/status.h"

G_BEGIN_DECLS

#define VSS_MESSAGE_SIZE 12

typedef enum VssOperation {
        VSS_OPERATION_HOT_BACKUP, /* can this guest be frozen? */
        VSS_OPERATION_FREEZE,     /* the driver gives the host up after 15 min (VSS_FREEZE_TIMEOUT) */
        VSS_OPERATION_THAW,       /* 30 s; faked by the driver when the guest resumes from hibernation */
        _VSS_OPERATION_MAX,
        _VSS_OPERATION_INVALID = -EINVAL,
} VssOperation;
DECLARE_STRING_TABLE_LOOKUP(vss_operation, VssOperation); /* "hot-backup", "freeze", "thaw" */

void vss_wire_registration(uint8_t message[VSS_MESSAGE_SIZE]);
/* The driver's answer is 4 bytes, u32 129; version becomes "1" for it. -EBADMSG. */
int vss_wire_parse_registered(const void *message, size_t n, char ret_version[64]);
/* 0 and *ret; or 1 (refused) with *ret_status: wrong size FAIL, any other operation NOT_SUPPORTED. */
int vss_wire_parse(const void *message, size_t n, VssOperation *ret, WireStatus *ret_status);
void vss_wire_reply(uint8_t message[VSS_MESSAGE_SIZE], WireStatus status);

/* The driver's side. operation may be any byte. */
void vss_wire_request(uint8_t message[VSS_MESSAGE_SIZE], uint8_t operation);
void vss_wire_registered(uint8_t message[4]);
int vss_wire_parse_reply(const void *message, size_t n, WireStatus *ret_status);
uint8_t vss_wire_operation_byte(VssOperation operation);

G_END_DECLS
