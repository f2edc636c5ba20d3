/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the host is told: a Windows HRESULT, copied verbatim by the driver. The values are those of <linux/hyperv.h>; a
 * test compares them.
 */

#include <stdint.h>

typedef uint32_t WireStatus;

#define WIRE_STATUS_OK            UINT32_C(0x00000000)
#define WIRE_STATUS_FAIL          UINT32_C(0x80004005) /* general failure; also the driver's own answer on time-out */
#define WIRE_STATUS_NO_MORE       UINT32_C(0x80070103) /* no such key; the normal end of an enumeration */
#define WIRE_STATUS_NOT_SUPPORTED UINT32_C(0x80070032)
#define WIRE_STATUS_INVALID       UINT32_C(0x80070057) /* SET_IP_INFO: an address is wrong */
#define WIRE_STATUS_NO_ADAPTER    UINT32_C(0x80041002) /* SET_IP_INFO: no adapter with that GUID */
#define WIRE_STATUS_EXISTS        UINT32_C(0x80070050) /* FCOPY: target exists, overwriting not allowed */
#define WIRE_STATUS_DISK_FULL     UINT32_C(0x80070070) /* FCOPY: no space left */
