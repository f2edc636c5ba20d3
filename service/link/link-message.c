/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/link/link.h"

/*
 * A message as it travels: eight bytes of header, then fields up to the end of the packet, each NAME '='
 * value NUL. The two ends are processes of one machine, so numbers have its byte order. The bytes of a
 * LinkMessage are well-formed always: they were either built here or passed link_message_parse().
 */

#define LINK_MAGIC "hvl1"

typedef struct LinkHeader {
        char magic[4];
        uint16_t version;
        uint16_t kind;
} LinkHeader;

G_STATIC_ASSERT(sizeof(LinkHeader) == 8);

static const char *const link_kind_table[_LINK_KIND_MAX] = {
        [LINK_HELLO] = "hello", [LINK_PREPARE] = "prepare", [LINK_READY] = "ready",
        [LINK_STATE] = "state", [LINK_REPORT] = "report",   [LINK_COMMAND] = "command",
};
DEFINE_STRING_TABLE_LOOKUP(link_kind, LinkKind);

void link_message_init(LinkMessage *message, LinkKind kind) {
        g_assert(kind >= 0 && kind < _LINK_KIND_MAX);

        LinkHeader header = { .version = LINK_VERSION, .kind = (uint16_t)kind };
        memcpy(header.magic, LINK_MAGIC, sizeof header.magic);

        message->kind = kind;
        message->size = sizeof header;
        memcpy(message->bytes, &header, sizeof header);
}

static bool is_name_character(char c) {
        return g_ascii_isupper(c) || g_ascii_isdigit(c) || c == '_';
}

/* How many of the n characters at the start of text may stand in a name. */
static size_t name_span(const char *text, size_t n) {
        size_t i = 0;

        while (i < n && is_name_character(text[i]))
                i++;
        return i;
}

/* The field after this one, starting with NULL; NULL at the end. */
static const char *field_next(const LinkMessage *message, const char *field) {
        const char *end = (const char *)message->bytes + message->size;
        const char *next =
                field ? field + strlen(field) + 1 : (const char *)message->bytes + sizeof(LinkHeader);

        return next < end ? next : NULL;
}

static size_t field_count(const LinkMessage *message) {
        size_t n = 0;

        for (const char *field = NULL; (field = field_next(message, field));)
                n++;
        return n;
}

int link_message_add(LinkMessage *message, const char *name, const char *value) {
        size_t name_size = strlen(name), value_size = strlen(value) + 1;

        if (name_size == 0 || name_span(name, name_size) != name_size)
                return -EINVAL;
        if (name_size + 1 + value_size > LINK_MESSAGE_MAX - message->size)
                return -EMSGSIZE;
        if (field_count(message) >= LINK_FIELDS_MAX)
                return -EMSGSIZE;

        uint8_t *p = message->bytes + message->size;
        memcpy(p, name, name_size);
        p[name_size] = '=';
        memcpy(p + name_size + 1, value, value_size);
        message->size += name_size + 1 + value_size;
        return 0;
}

int link_message_add_u64(LinkMessage *message, const char *name, uint64_t value) {
        char text[24];

        g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, value);
        return link_message_add(message, name, text);
}

int link_message_add_i64(LinkMessage *message, const char *name, int64_t value) {
        char text[24];

        g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, value);
        return link_message_add(message, name, text);
}

const char *link_message_get_nth(const LinkMessage *message, const char *name, size_t index) {
        size_t length = strlen(name);

        for (const char *field = NULL; (field = field_next(message, field));)
                if (strncmp(field, name, length) == 0 && field[length] == '=' && index-- == 0)
                        return field + length + 1;
        return NULL;
}

const char *link_message_get(const LinkMessage *message, const char *name) {
        return link_message_get_nth(message, name, 0);
}

int link_message_get_u64(const LinkMessage *message, const char *name, uint64_t *ret) {
        const char *text = link_message_get(message, name);
        guint64 value;

        if (!text)
                return -ENOENT;
        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, &value, NULL))
                return -EINVAL;

        *ret = value;
        return 0;
}

int link_message_get_i64(const LinkMessage *message, const char *name, int64_t *ret) {
        const char *text = link_message_get(message, name);
        gint64 value;

        if (!text)
                return -ENOENT;
        if (!g_ascii_string_to_signed(text, 10, INT64_MIN, INT64_MAX, &value, NULL))
                return -EINVAL;

        *ret = value;
        return 0;
}

static bool fields_are_valid(const char *bytes, size_t n) {
        size_t count = 0;

        while (n > 0) {
                size_t field = strnlen(bytes, n), name = name_span(bytes, field);
                if (field == n || name == 0 || bytes[name] != '=' || ++count > LINK_FIELDS_MAX)
                        return false;
                bytes += field + 1;
                n -= field + 1;
        }
        return true;
}

int link_message_parse(const void *bytes, size_t n, LinkMessage *ret) {
        LinkHeader header;

        if (n < sizeof header || n > LINK_MESSAGE_MAX)
                return -EBADMSG;

        memcpy(&header, bytes, sizeof header);
        if (memcmp(header.magic, LINK_MAGIC, sizeof header.magic) != 0)
                return -EBADMSG;
        if (header.version != LINK_VERSION)
                return -EPROTONOSUPPORT;
        if (header.kind >= _LINK_KIND_MAX)
                return -EBADMSG;
        if (!fields_are_valid((const char *)bytes + sizeof header, n - sizeof header))
                return -EBADMSG;

        ret->kind = (LinkKind)header.kind;
        ret->size = n;
        memcpy(ret->bytes, bytes, n);
        return 0;
}
