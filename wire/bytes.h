/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Little-endian numbers at unaligned places: every integer on VMBus is one. */

#include <glib.h>
#include <stdint.h>
#include <string.h>

static inline void put_u16(uint8_t *at, uint16_t value) {
        value = GUINT16_TO_LE(value);
        memcpy(at, &value, sizeof(value));
}

static inline void put_u32(uint8_t *at, uint32_t value) {
        value = GUINT32_TO_LE(value);
        memcpy(at, &value, sizeof(value));
}

static inline void put_u64(uint8_t *at, uint64_t value) {
        value = GUINT64_TO_LE(value);
        memcpy(at, &value, sizeof(value));
}

static inline uint16_t get_u16(const uint8_t *at) {
        uint16_t value;

        memcpy(&value, at, sizeof(value));
        return GUINT16_FROM_LE(value);
}

static inline uint32_t get_u32(const uint8_t *at) {
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return GUINT32_FROM_LE(value);
}

static inline uint64_t get_u64(const uint8_t *at) {
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return GUINT64_FROM_LE(value);
}
