/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/message-text.h"

#include <errno.h>
#include <string.h>

#include "emulator/words.h"

/* KIND@OFFSET[+COUNT]=VALUE */
typedef struct Field {
        const char *word;
        size_t kind_size;
        size_t offset, count;
        const char *value;
} Field;

static int parse_size(const char **p, size_t *ret) {
        char *end;
        guint64 number = g_ascii_strtoull(*p, &end, 0);

        if (end == *p || number > UINT16_MAX)
                return -EINVAL;

        *p = end;
        *ret = (size_t) number;
        return 0;
}

static int field_parse(const char *word, Field *ret) {
        const char *p = strchr(word, '@');
        Field field = { .word = word };

        if (!p)
                return -EINVAL;
        field.kind_size = (size_t) (p++ - word);
        if (parse_size(&p, &field.offset) < 0)
                return -EINVAL;
        if (*p == '+') {
                p++;
                if (parse_size(&p, &field.count) < 0)
                        return -EINVAL;
        }
        if (*p != '=')
                return -EINVAL;

        field.value = p + 1;
        *ret = field;
        return 0;
}

static bool field_is(const Field *field, const char *kind) {
        return strlen(kind) == field->kind_size && memcmp(field->word, kind, field->kind_size) == 0;
}

static int parse_number(const Field *field, guint64 *ret) {
        char *end;

        *ret = g_ascii_strtoull(field->value, &end, 0);
        return end == field->value || *end != '\0' ? -EINVAL : 0;
}

static int put_number(const Field *field, size_t width, uint8_t *message, size_t size) {
        guint64 number;

        if (parse_number(field, &number) < 0 || (width < 8 && number >> (8 * width) != 0))
                return -EINVAL;
        if (field->offset + width > size)
                return -ERANGE;

        number = GUINT64_TO_LE(number);
        memcpy(message + field->offset, &number, width);
        return 0;
}

static int put_text(const Field *field, uint8_t *message, size_t size) {
        size_t n = strlen(field->value);

        if (field->offset + n > size)
                return -ERANGE;

        memcpy(message + field->offset, field->value, n);
        return 0;
}

static int put_fill(const Field *field, uint8_t *message, size_t size) {
        guint64 byte;

        if (parse_number(field, &byte) < 0 || byte > UINT8_MAX)
                return -EINVAL;
        if (field->offset + field->count > size)
                return -ERANGE;

        memset(message + field->offset, (int) byte, field->count);
        return 0;
}

static int put_hex(const Field *field, uint8_t *message, size_t size) {
        size_t n;
        int r;

        if (field->offset > size)
                return -ERANGE;

        r = hex_to_bytes(field->value, message + field->offset, size - field->offset, &n);
        return r == -E2BIG ? -ERANGE : r;
}

static int put_field(const Field *field, uint8_t *message, size_t size) {
        static const struct {
                const char *kind;
                size_t width;
        } numbers[] = { { "u8", 1 }, { "u16", 2 }, { "u32", 4 }, { "u64", 8 } };

        for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
                if (field_is(field, numbers[i].kind))
                        return put_number(field, numbers[i].width, message, size);
        if (field_is(field, "text"))
                return put_text(field, message, size);
        if (field_is(field, "fill"))
                return put_fill(field, message, size);
        if (field_is(field, "hex"))
                return put_hex(field, message, size);
        return -EINVAL;
}

static int apply_word(const char *word, uint8_t *message, size_t size, size_t *n) {
        Field field;

        if (g_str_has_prefix(word, "size=")) {
                const char *p = word + strlen("size=");

                return parse_size(&p, n) < 0 || *p != '\0' ? -EINVAL : *n > size ? -ERANGE : 0;
        }
        if (field_parse(word, &field) < 0)
                return -EINVAL;

        return put_field(&field, message, size);
}

int message_from_words(char *const *words, size_t default_size, uint8_t *message, size_t size, size_t *ret_n,
                       const char **ret_bad) {
        size_t n = default_size;

        memset(message, 0, size);
        for (; *words; words++) {
                int r = apply_word(*words, message, size, &n);

                if (r < 0) {
                        *ret_bad = *words;
                        return r;
                }
        }

        *ret_n = n;
        return 0;
}
