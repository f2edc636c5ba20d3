/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/icmsg.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/bytes.h"

/* Offsets in the packet; the header is struct vmbuspipe_hdr and struct icmsg_hdr of the kernel, which user
 * space does not get. */
enum {
        AT_PIPE_FLAGS = 0,
        AT_PIPE_SIZE = 4,
        AT_FRAMEWORK = 8,
        AT_TYPE = 12,
        AT_MESSAGE = 14,
        AT_SIZE = 18,
        AT_STATUS = 20,
        AT_TRANSACTION = 24,
        AT_FLAGS = 25,
        AT_RESERVED = 26,
        PIPE_HEADER_SIZE = 8,
};

enum { PIPE_DATA = 1 };
enum { FLAG_TRANSACTION = 1, FLAG_REQUEST = 2, FLAG_RESPONSE = 4 };

/* The negotiation's body: two counts, a reserved word, then the versions. */
enum {
        AT_FRAMEWORK_COUNT = ICMSG_HEADER_SIZE,
        AT_MESSAGE_COUNT = AT_FRAMEWORK_COUNT + 2,
        AT_VERSIONS = AT_FRAMEWORK_COUNT + 8
};

#define VERSION_SIZE         4
#define VERSIONS_MAX         100 /* as vmbus_prep_negotiate_resp() */
#define NEGOTIATED_BODY_SIZE 16

static IcVersion get_version(const uint8_t *at) {
        return (IcVersion){ .major = get_u16(at), .minor = get_u16(at + 2) };
}

static void put_version(uint8_t *at, IcVersion version) {
        put_u16(at, version.major);
        put_u16(at + 2, version.minor);
}

int icmsg_parse(const void *packet, size_t n, IcMessage *ret) {
        const uint8_t *bytes = packet;

        if (n < ICMSG_HEADER_SIZE || get_u32(bytes + AT_PIPE_SIZE) > n - PIPE_HEADER_SIZE ||
            get_u32(bytes + AT_PIPE_SIZE) < ICMSG_HEADER_SIZE - PIPE_HEADER_SIZE ||
            get_u16(bytes + AT_SIZE) > n - ICMSG_HEADER_SIZE)
                return -EBADMSG;

        *ret = (IcMessage){
                .type = get_u16(bytes + AT_TYPE),
                .framework = get_version(bytes + AT_FRAMEWORK),
                .message = get_version(bytes + AT_MESSAGE),
                .transaction = bytes[AT_TRANSACTION],
                .body_size = MIN(get_u32(bytes + AT_PIPE_SIZE) - (ICMSG_HEADER_SIZE - PIPE_HEADER_SIZE),
                                 get_u16(bytes + AT_SIZE)),
        };
        return 0;
}

void icmsg_answer(uint8_t *packet, WireStatus status) {
        put_u32(packet + AT_STATUS, status);
        packet[AT_FLAGS] = FLAG_TRANSACTION | FLAG_RESPONSE;
}

/* The best of ours that also stands among the n versions at bytes. */
static bool choose(const uint8_t *bytes, size_t n, const IcVersion *ours, size_t n_ours, IcVersion *ret) {
        for (size_t i = 0; i < n_ours; i++)
                for (size_t j = 0; j < n; j++) {
                        IcVersion theirs = get_version(bytes + j * VERSION_SIZE);

                        if (theirs.major == ours[i].major && theirs.minor == ours[i].minor) {
                                *ret = ours[i];
                                return true;
                        }
                }

        return false;
}

int icmsg_negotiate(uint8_t *packet, size_t n, const IcVersion *frameworks, size_t n_frameworks,
                    const IcVersion *messages, size_t n_messages, WireStatus no_match,
                    IcVersion *ret_framework, IcVersion *ret_message) {
        IcVersion framework, message;
        size_t theirs_framework, theirs_message;
        IcMessage header;
        bool match;

        if (icmsg_parse(packet, n, &header) < 0 || header.type != ICMSG_TYPE_NEGOTIATE ||
            header.body_size < AT_VERSIONS - ICMSG_HEADER_SIZE)
                return -EBADMSG;

        theirs_framework = get_u16(packet + AT_FRAMEWORK_COUNT);
        theirs_message = get_u16(packet + AT_MESSAGE_COUNT);
        if (theirs_framework > VERSIONS_MAX || theirs_message > VERSIONS_MAX ||
            header.body_size <
                    AT_VERSIONS - ICMSG_HEADER_SIZE + (theirs_framework + theirs_message) * VERSION_SIZE)
                return -EBADMSG;

        match = choose(packet + AT_VERSIONS, theirs_framework, frameworks, n_frameworks, &framework) &&
                choose(packet + AT_VERSIONS + theirs_framework * VERSION_SIZE, theirs_message, messages,
                       n_messages, &message);

        /* A match needs one version of each from the host, so there is room for the two we write. */
        put_u16(packet + AT_FRAMEWORK_COUNT, match);
        put_u16(packet + AT_MESSAGE_COUNT, match);
        put_u16(packet + AT_SIZE, MIN(NEGOTIATED_BODY_SIZE, n - ICMSG_HEADER_SIZE));
        if (match) {
                put_version(packet + AT_VERSIONS, framework);
                put_version(packet + AT_VERSIONS + VERSION_SIZE, message);
        }
        icmsg_answer(packet, match ? WIRE_STATUS_OK : no_match);
        if (!match)
                return 1;

        *ret_framework = framework;
        *ret_message = message;
        return 0;
}

static void put_header(uint8_t *packet, uint16_t type, IcVersion framework, IcVersion message,
                       uint8_t transaction, size_t n_body) {
        memset(packet, 0, ICMSG_HEADER_SIZE);
        put_u32(packet + AT_PIPE_FLAGS, PIPE_DATA);
        put_u32(packet + AT_PIPE_SIZE, (uint32_t)(ICMSG_HEADER_SIZE - PIPE_HEADER_SIZE + n_body));
        put_version(packet + AT_FRAMEWORK, framework);
        put_u16(packet + AT_TYPE, type);
        put_version(packet + AT_MESSAGE, message);
        put_u16(packet + AT_SIZE, (uint16_t)n_body);
        packet[AT_TRANSACTION] = transaction;
        packet[AT_FLAGS] = FLAG_TRANSACTION | FLAG_REQUEST;
}

size_t icmsg_request(uint8_t *packet, uint16_t type, IcVersion framework, IcVersion message,
                     uint8_t transaction, const void *body, size_t n_body) {
        g_assert(n_body <= UINT16_MAX);

        put_header(packet, type, framework, message, transaction, n_body);
        memcpy(packet + ICMSG_HEADER_SIZE, body, n_body);
        return ICMSG_HEADER_SIZE + n_body;
}

size_t icmsg_negotiation(uint8_t *packet, uint8_t transaction, const IcVersion *frameworks,
                         size_t n_frameworks, const IcVersion *messages, size_t n_messages) {
        size_t n_body = AT_VERSIONS - ICMSG_HEADER_SIZE + (n_frameworks + n_messages) * VERSION_SIZE;
        uint8_t *at = packet + AT_VERSIONS;

        put_header(packet, ICMSG_TYPE_NEGOTIATE, (IcVersion){}, (IcVersion){}, transaction, n_body);
        put_u16(packet + AT_FRAMEWORK_COUNT, (uint16_t)n_frameworks);
        put_u16(packet + AT_MESSAGE_COUNT, (uint16_t)n_messages);
        put_u32(packet + AT_MESSAGE_COUNT + 2, 0);
        for (size_t i = 0; i < n_frameworks; i++, at += VERSION_SIZE)
                put_version(at, frameworks[i]);
        for (size_t i = 0; i < n_messages; i++, at += VERSION_SIZE)
                put_version(at, messages[i]);

        return ICMSG_HEADER_SIZE + n_body;
}

int icmsg_parse_answer(const void *packet, size_t n, uint8_t transaction, WireStatus *ret_status) {
        const uint8_t *bytes = packet;
        IcMessage header;
        int r;

        r = icmsg_parse(packet, n, &header);
        if (r < 0)
                return r;
        if (header.transaction != transaction || bytes[AT_FLAGS] != (FLAG_TRANSACTION | FLAG_RESPONSE))
                return -EBADMSG;

        *ret_status = get_u32(bytes + AT_STATUS);
        return 0;
}
