/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The IP information in a KVP message, struct hv_kvp_ipaddr_value: lists of text, checked into values and
 * back.
 *
 *      4 adapter_id[256]   260 u8 family (1 IPv4, 2 IPv6)   261 u8 dhcp   262 addresses[2048]   2310
 * masks[2048] 4358 gateways[1024]   5382 dns[2048]
 *
 * Declared as u16 arrays, but between driver and daemon they hold UTF-8. Items are separated by ';', a
 * trailing one is allowed, blanks before an item are skipped, IPv4 and IPv6 are mixed in one list; masks run
 * parallel to addresses: an IPv4 dotted mask (or a prefix length), an IPv6 prefix length with or without '/'.
 * The driver converts at most 127 units of the adapter and 1,023 (gateways 511) of a list on the way to the
 * host, and cuts anywhere: we cut between items.
 */

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/kvp.h"

G_BEGIN_DECLS

#define IP_ADDRESSES_MAX 64
#define IP_GATEWAYS_MAX  16
#define IP_DNS_MAX       64

typedef struct IpAddress {
        int family; /* AF_INET or AF_INET6 */
        union {
                struct in_addr in;
                struct in6_addr in6;
        };
        uint8_t prefix; /* addresses only */
} IpAddress;

/* A checked request of the host, and equally the answer to its question. */
typedef struct IpSettings {
        char adapter[128]; /* GUID, lower case, no braces (SET); MAC as the host wrote it (GET) */
        bool dhcp;         /* IPv4 */
        unsigned families; /* 1 IPv4, 2 IPv6, 3 both: those present */
        size_t n_addresses, n_gateways, n_dns;
        IpAddress addresses[IP_ADDRESSES_MAX];
        IpAddress gateways[IP_GATEWAYS_MAX];
        IpAddress dns[IP_DNS_MAX];
} IpSettings;

typedef enum IpRefusal {
        IP_REFUSAL_NONE,
        IP_REFUSAL_ADAPTER = 1, /* no GUID */
        IP_REFUSAL_ADDRESS,     /* not an address, or one that no interface can have (0.0.0.0, multicast,
                                   loopback, broadcast) */
        IP_REFUSAL_MASK,        /* not contiguous, missing, too many, 0 */
        IP_REFUSAL_GATEWAY,
        IP_REFUSAL_DNS,
        IP_REFUSAL_TOO_MANY,
        IP_REFUSAL_EMPTY, /* neither addresses nor DHCP */
        IP_REFUSAL_TEXT,  /* unterminated, not UTF-8, token too long */
        _IP_REFUSAL_MAX,
        _IP_REFUSAL_INVALID = -EINVAL,
} IpRefusal;
DECLARE_STRING_TABLE_LOOKUP(ip_refusal, IpRefusal);

/* SET_IP_INFO. message has KVP_MESSAGE_SIZE bytes. 0, or a positive IpRefusal with *ret_status (INVALID) and
 * *ret_item: the offending item, printable, at most 64 bytes. */
int ip_wire_parse_set(const uint8_t *message, IpSettings *ret, WireStatus *ret_status, char ret_item[64]);
/* GET_IP_INFO: the MAC as six bytes. -EBADMSG. */
int ip_wire_parse_get(const uint8_t *message, uint8_t ret_mac[6]);
/* The answer to GET_IP_INFO; adapter text is the request's. Whole items only. */
void ip_wire_reply_get(uint8_t reply[KVP_MESSAGE_SIZE], const char *adapter, const IpSettings *settings);

/* The driver's side. */
void ip_wire_request_get(uint8_t message[KVP_MESSAGE_SIZE], const char *mac);
void ip_wire_request_set(uint8_t message[KVP_MESSAGE_SIZE], const char *guid, unsigned family, bool dhcp,
                         const char *addresses, const char *masks, const char *gateways, const char *dns);
/* The raw lists of a GET reply, NUL-terminated pointers into message (-EBADMSG if one is not). */
typedef struct IpTexts {
        const char *adapter, *addresses, *masks, *gateways, *dns;
        unsigned family;
        bool dhcp;
} IpTexts;
int ip_wire_parse_texts(const uint8_t *message, IpTexts *ret);

G_END_DECLS
