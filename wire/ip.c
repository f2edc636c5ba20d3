/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/ip.h"

#include <errno.h>
#include <linux/hyperv.h>
#include <stdio.h>
#include <string.h>

#include "common/utf16.h"

/*
 * Text to values and back. The older daemon copies tokens of up to 2,048 bytes into 46 bytes of stack; here a
 * token is a pair of pointers into the field until inet_pton() has seen a bounded copy of it.
 */

#define AT(field)   (offsetof(struct hv_kvp_msg, body.kvp_ip_val) + offsetof(struct hv_kvp_ipaddr_value, field))
#define SIZE(field) (sizeof(((struct hv_kvp_ipaddr_value *)NULL)->field))

G_STATIC_ASSERT(sizeof(struct hv_kvp_msg) == KVP_MESSAGE_SIZE);
G_STATIC_ASSERT(AT(ip_addr) == 262 && AT(sub_net) == 2310 && AT(gate_way) == 4358 && AT(dns_addr) == 5382);

/* Units that reach the host, without the terminator (drivers/hv/hv_kvp.c, process_ib_ipinfo). */
#define LIST_UNITS_MAX    1023
#define GATEWAY_UNITS_MAX 511
#define ADAPTER_UNITS_MAX 127

/* The longest text that can be an address or a mask: INET6_ADDRSTRLEN and "/128". */
#define ITEM_MAX (INET6_ADDRSTRLEN + 4)

static const char *const ip_refusal_table[_IP_REFUSAL_MAX] = {
        [IP_REFUSAL_NONE] = "none",      [IP_REFUSAL_ADAPTER] = "adapter", [IP_REFUSAL_ADDRESS] = "address",
        [IP_REFUSAL_MASK] = "mask",      [IP_REFUSAL_GATEWAY] = "gateway", [IP_REFUSAL_DNS] = "dns",
        [IP_REFUSAL_TOO_MANY] = "count", [IP_REFUSAL_EMPTY] = "empty",     [IP_REFUSAL_TEXT] = "text",
};
DEFINE_STRING_TABLE_LOOKUP(ip_refusal, IpRefusal);

/* A field of the message as text: NUL-terminated inside its size, and UTF-8. */
static const char *field_text(const uint8_t *message, size_t offset, size_t size) {
        const char *text = (const char *)message + offset;
        size_t n = strnlen(text, size);

        return n < size && utf8_is_clean(text, n) ? text : NULL;
}

/* The next item of a list, blanks before it skipped; false at the end. An empty item (";;") is skipped, so is
 * the trailing ';'. */
static bool next_item(const char **cursor, const char **ret_item, size_t *ret_n) {
        const char *at = *cursor;
        size_t n;

        at += strspn(at, "; \t");
        if (!*at)
                return false;

        n = strcspn(at, ";");
        *cursor = at + n;
        while (n > 0 && g_ascii_isspace(at[n - 1]))
                n--;
        *ret_item = at;
        *ret_n = n;
        return true;
}

static void explain(char ret_item[64], const char *item, size_t n) {
        size_t used = utf8_prefix(item, n, 63, 63);

        for (size_t i = 0; i < used; i++)
                ret_item[i] = g_ascii_iscntrl(item[i]) ? '?' : item[i];
        ret_item[used] = '\0';
}

/* Any spelling of an address that inet_pton() knows. */
static bool parse_address(const char *item, size_t n, IpAddress *ret) {
        char text[ITEM_MAX + 1];

        if (n > ITEM_MAX)
                return false;
        memcpy(text, item, n);
        text[n] = '\0';

        *ret = (IpAddress){ .family = strchr(text, ':') ? AF_INET6 : AF_INET };
        return inet_pton(ret->family, text, ret->family == AF_INET6 ? (void *)&ret->in6 : (void *)&ret->in) ==
               1;
}

/* Something an interface, a router or a name server can be reached at. A loopback address is fine for a name
 * server only. */
static bool is_unicast(const IpAddress *address, bool allow_loopback) {
        uint32_t v4;

        if (address->family == AF_INET6)
                return !IN6_IS_ADDR_UNSPECIFIED(&address->in6) && !IN6_IS_ADDR_MULTICAST(&address->in6) &&
                       !IN6_IS_ADDR_V4MAPPED(&address->in6) &&
                       (allow_loopback || !IN6_IS_ADDR_LOOPBACK(&address->in6));

        v4 = ntohl(address->in.s_addr);
        return v4 >> 24 != 0 && v4 >> 28 < 0xe && (allow_loopback || v4 >> 24 != IN_LOOPBACKNET);
}

static int parse_number(const char *text, unsigned max) {
        unsigned value = 0;

        if (!*text || strlen(text) > 3)
                return -EINVAL;
        for (; *text; text++) {
                if (!g_ascii_isdigit(*text))
                        return -EINVAL;
                value = value * 10 + (unsigned)(*text - '0');
        }

        return value <= max ? (int)value : -EINVAL;
}

/* "255.255.255.0", "24", "/24" for IPv4; "64", "/64" for IPv6. A mask of no bits belongs to no interface. */
static int parse_prefix(const char *item, size_t n, int family) {
        char text[ITEM_MAX + 1];
        struct in_addr mask;
        uint32_t bits;
        int r;

        if (n > ITEM_MAX)
                return -EINVAL;
        memcpy(text, item, n);
        text[n] = '\0';

        if (family == AF_INET && inet_pton(AF_INET, text, &mask) == 1) {
                bits = ntohl(mask.s_addr);
                if (bits == 0 || (~bits & (~bits + 1)) != 0)
                        return -EINVAL;
                return __builtin_popcount(bits);
        }

        r = parse_number(*text == '/' ? text + 1 : text, family == AF_INET ? 32 : 128);
        return r == 0 ? -EINVAL : r;
}

/* Where a refusal is explained: one value instead of three parameters everywhere. */
typedef struct Complaint {
        char *item;
} Complaint;

static int refuse(Complaint *complaint, IpRefusal refusal, const char *item, size_t n) {
        explain(complaint->item, item, n);
        return refusal;
}

static int parse_list(const char *text, bool allow_loopback, IpRefusal refusal, IpAddress *ret, size_t max,
                      size_t *ret_n, Complaint *complaint) {
        const char *item;
        size_t n, count = 0;

        while (next_item(&text, &item, &n)) {
                if (count >= max)
                        return refuse(complaint, IP_REFUSAL_TOO_MANY, item, n);
                if (!parse_address(item, n, &ret[count]) || !is_unicast(&ret[count], allow_loopback))
                        return refuse(complaint, refusal, item, n);
                count++;
        }

        *ret_n = count;
        return 0;
}

static int parse_masks(const char *text, IpSettings *settings, Complaint *complaint) {
        const char *item;
        size_t n, count = 0;

        while (next_item(&text, &item, &n)) {
                int prefix;

                if (count >= settings->n_addresses)
                        return refuse(complaint, IP_REFUSAL_MASK, item, n);
                prefix = parse_prefix(item, n, settings->addresses[count].family);
                if (prefix < 0)
                        return refuse(complaint, IP_REFUSAL_MASK, item, n);
                settings->addresses[count++].prefix = (uint8_t)prefix;
        }

        return count == settings->n_addresses ? 0 : refuse(complaint, IP_REFUSAL_MASK, "(missing)", 9);
}

/* "{8C3F…}" or without braces, any case, to the sysfs spelling without braces. */
static bool parse_guid(const char *text, char ret[128]) {
        g_autofree char *bare = NULL;
        size_t n = strlen(text);

        if (n == 38 && text[0] == '{' && text[37] == '}')
                bare = g_strndup(text + 1, 36);
        else if (n == 36)
                bare = g_strdup(text);
        if (!bare || !g_uuid_string_is_valid(bare))
                return false;

        for (size_t i = 0; i <= 36; i++)
                ret[i] = g_ascii_tolower(bare[i]);
        return true;
}

static unsigned families_of(const IpSettings *settings) {
        unsigned families = settings->dhcp ? ADDR_FAMILY_IPV4 : 0;

        for (size_t i = 0; i < settings->n_addresses; i++)
                families |= settings->addresses[i].family == AF_INET ? ADDR_FAMILY_IPV4 : ADDR_FAMILY_IPV6;
        return families;
}

static int parse_settings(const IpTexts *texts, IpSettings *settings, Complaint *complaint) {
        int r;

        if (!parse_guid(texts->adapter, settings->adapter))
                return refuse(complaint, IP_REFUSAL_ADAPTER, texts->adapter, strlen(texts->adapter));
        settings->dhcp = texts->dhcp;

        r = parse_list(texts->addresses, false, IP_REFUSAL_ADDRESS, settings->addresses, IP_ADDRESSES_MAX,
                       &settings->n_addresses, complaint);
        if (r == 0)
                r = parse_masks(texts->masks, settings, complaint);
        if (r == 0)
                r = parse_list(texts->gateways, false, IP_REFUSAL_GATEWAY, settings->gateways,
                               IP_GATEWAYS_MAX, &settings->n_gateways, complaint);
        if (r == 0)
                r = parse_list(texts->dns, true, IP_REFUSAL_DNS, settings->dns, IP_DNS_MAX, &settings->n_dns,
                               complaint);
        if (r != 0)
                return r;

        settings->families = families_of(settings);
        return settings->families ? 0 : refuse(complaint, IP_REFUSAL_EMPTY, "", 0);
}

int ip_wire_parse_texts(const uint8_t *message, IpTexts *ret) {
        IpTexts texts = {
                .adapter = field_text(message, AT(adapter_id), SIZE(adapter_id)),
                .addresses = field_text(message, AT(ip_addr), SIZE(ip_addr)),
                .masks = field_text(message, AT(sub_net), SIZE(sub_net)),
                .gateways = field_text(message, AT(gate_way), SIZE(gate_way)),
                .dns = field_text(message, AT(dns_addr), SIZE(dns_addr)),
                .family = message[AT(addr_family)],
                .dhcp = message[AT(dhcp_enabled)] != 0,
        };

        if (!texts.adapter || !texts.addresses || !texts.masks || !texts.gateways || !texts.dns)
                return -EBADMSG;

        *ret = texts;
        return 0;
}

int ip_wire_parse_set(const uint8_t *message, IpSettings *ret, WireStatus *ret_status, char ret_item[64]) {
        Complaint complaint = { .item = ret_item };
        IpSettings settings = {};
        IpTexts texts;
        int r;

        ret_item[0] = '\0';
        r = ip_wire_parse_texts(message, &texts) < 0 ? IP_REFUSAL_TEXT
                                                     : parse_settings(&texts, &settings, &complaint);
        if (r != 0) {
                *ret_status = WIRE_STATUS_INVALID;
                return r;
        }

        *ret = settings;
        return 0;
}

int ip_wire_parse_get(const uint8_t *message, uint8_t ret_mac[6]) {
        const char *text = field_text(message, AT(adapter_id), SIZE(adapter_id));
        uint8_t mac[6];

        /* 00:15:5D:01:02:03, and with dashes, as Windows tools spell it. */
        if (!text || strlen(text) != 17)
                return -EBADMSG;
        for (size_t i = 0; i < 6; i++) {
                int high = g_ascii_xdigit_value(text[i * 3]), low = g_ascii_xdigit_value(text[i * 3 + 1]);

                if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-'))
                        return -EBADMSG;
                mac[i] = (uint8_t)(high << 4 | low);
        }

        memcpy(ret_mac, mac, sizeof(mac));
        return 0;
}

/* Appends ";item" to the list at field if it still reaches the host whole; what does not is left out, with
 * all after it. */
static bool append_item(char *field, size_t units_max, const char *item) {
        size_t used = strlen(field), n = strlen(item), separator = used > 0;

        if (used + separator + n > units_max)
                return false;
        if (separator)
                field[used++] = ';';
        memcpy(field + used, item, n + 1);
        return true;
}

static const char *format_address(const IpAddress *address, char buffer[INET6_ADDRSTRLEN]) {
        return inet_ntop(address->family,
                         address->family == AF_INET6 ? (const void *)&address->in6
                                                     : (const void *)&address->in,
                         buffer, INET6_ADDRSTRLEN);
}

/* An IPv4 mask goes out dotted, an IPv6 one as "/64", as the older daemon does and Hyper-V expects. */
static const char *format_mask(const IpAddress *address, char buffer[INET6_ADDRSTRLEN]) {
        struct in_addr mask;

        if (address->family == AF_INET6) {
                snprintf(buffer, INET6_ADDRSTRLEN, "/%u", address->prefix);
                return buffer;
        }

        mask.s_addr = htonl(address->prefix ? UINT32_MAX << (32 - MIN(address->prefix, 32)) : 0);
        return inet_ntop(AF_INET, &mask, buffer, INET6_ADDRSTRLEN);
}

static void append_addresses(char *field, size_t units_max, const IpAddress *addresses, size_t n) {
        char text[INET6_ADDRSTRLEN];

        for (size_t i = 0; i < n; i++)
                if (!append_item(field, units_max, format_address(&addresses[i], text)))
                        return;
}

void ip_wire_reply_get(uint8_t reply[KVP_MESSAGE_SIZE], const char *adapter, const IpSettings *settings) {
        char *addresses = (char *)reply + AT(ip_addr), *masks = (char *)reply + AT(sub_net);
        char address[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];

        kvp_wire_reply_status(reply, WIRE_STATUS_OK);
        memcpy(reply + AT(adapter_id), adapter,
               utf8_prefix(adapter, strlen(adapter), ADAPTER_UNITS_MAX, SIZE(adapter_id) - 1));
        reply[AT(addr_family)] = (uint8_t)settings->families;
        reply[AT(dhcp_enabled)] = settings->dhcp;

        /* The two lists are parallel: the first that is full ends both. A mask is at most as long as its
         * address was short. */
        for (size_t i = 0; i < settings->n_addresses; i++) {
                format_address(&settings->addresses[i], address);
                format_mask(&settings->addresses[i], mask);
                if (strlen(masks) + 1 + strlen(mask) > LIST_UNITS_MAX ||
                    !append_item(addresses, LIST_UNITS_MAX, address))
                        break;
                append_item(masks, LIST_UNITS_MAX, mask);
        }

        append_addresses((char *)reply + AT(gate_way), GATEWAY_UNITS_MAX, settings->gateways,
                         settings->n_gateways);
        append_addresses((char *)reply + AT(dns_addr), LIST_UNITS_MAX, settings->dns, settings->n_dns);
}

static void put_text(uint8_t *message, size_t offset, size_t size, const char *text) {
        memcpy(message + offset, text, MIN(strlen(text), size - 1));
}

void ip_wire_request_get(uint8_t message[KVP_MESSAGE_SIZE], const char *mac) {
        memset(message, 0, KVP_MESSAGE_SIZE);
        message[0] = KVP_OP_GET_IP_INFO;
        put_text(message, AT(adapter_id), MAX_ADAPTER_ID_SIZE, mac);
        message[AT(addr_family)] = ADDR_FAMILY_IPV4 | ADDR_FAMILY_IPV6;
}

void ip_wire_request_set(uint8_t message[KVP_MESSAGE_SIZE], const char *guid, unsigned family, bool dhcp,
                         const char *addresses, const char *masks, const char *gateways, const char *dns) {
        memset(message, 0, KVP_MESSAGE_SIZE);
        message[0] = KVP_OP_SET_IP_INFO;
        put_text(message, AT(adapter_id), MAX_ADAPTER_ID_SIZE, guid);
        message[AT(addr_family)] = (uint8_t)family;
        message[AT(dhcp_enabled)] = dhcp;
        put_text(message, AT(ip_addr), SIZE(ip_addr), addresses);
        put_text(message, AT(sub_net), SIZE(sub_net), masks);
        put_text(message, AT(gate_way), SIZE(gate_way), gateways);
        put_text(message, AT(dns_addr), SIZE(dns_addr), dns);
}
