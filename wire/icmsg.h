/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Integration-component framing: what stands around a message when a daemon owns the VMBus channel itself.
 *
 *      0  u32 pipe flags (1 = data), u32 bytes after this header
 *      8  u16 framework major, minor; u16 type; u16 message major, minor; u16 size after this header; u32
 * status; u8 transaction id; u8 flags (1 transaction, 2 request, 4 response); u16 reserved 28  body
 *
 * The guest answers by sending the same number of bytes back: status set, flags 5, everything else as it
 * came. Negotiation (type 0) lists framework and message versions; we take the best of ours that the host
 * also lists, or answer counts 0 and 0. Source: include/linux/hyperv.h, vmbus_prep_negotiate_resp() in
 * drivers/hv/channel_mgmt.c.
 */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/status.h"

G_BEGIN_DECLS

#define ICMSG_HEADER_SIZE    28
#define ICMSG_TYPE_NEGOTIATE 0
#define ICMSG_TYPE_FCOPY     7

typedef struct IcVersion {
        uint16_t major, minor;
} IcVersion;

typedef struct IcMessage {
        uint16_t type;
        IcVersion framework, message; /* as in the header */
        uint8_t transaction;
        size_t body_size; /* bytes that stand at packet + ICMSG_HEADER_SIZE, held against both size fields */
} IcMessage;

/* -EBADMSG if the packet is shorter than its header or its sizes lie. */
int icmsg_parse(const void *packet, size_t n, IcMessage *ret);
/* Turns the request in packet into its answer, in place; the length stays. */
void icmsg_answer(uint8_t *packet, WireStatus status);
/* Answers a negotiation in place. Ours are listed best first. *ret_framework and *ret_message get what was
 * chosen; returns 0, or 1 when nothing matches (the packet then says so), -EBADMSG when the counts lie. */
int icmsg_negotiate(uint8_t *packet, size_t n, const IcVersion *frameworks, size_t n_frameworks,
                    const IcVersion *messages, size_t n_messages, WireStatus no_match,
                    IcVersion *ret_framework, IcVersion *ret_message);

/* The host's side. Returns the packet's length. */
size_t icmsg_request(uint8_t *packet, uint16_t type, IcVersion framework, IcVersion message,
                     uint8_t transaction, const void *body, size_t n_body);
size_t icmsg_negotiation(uint8_t *packet, uint8_t transaction, const IcVersion *frameworks,
                         size_t n_frameworks, const IcVersion *messages, size_t n_messages);
/* Checks an answer to transaction; -EBADMSG. */
int icmsg_parse_answer(const void *packet, size_t n, uint8_t transaction, WireStatus *ret_status);

G_END_DECLS
