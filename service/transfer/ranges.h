/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which bytes of a file have come: disjoint ranges in ascending order. Hosts send one after the other, so that
 * there is one range that grows; anything else is allowed as long as it does not get out of hand. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define RANGES_MAX 1024 /* apart from each other */

typedef struct Range {
        uint64_t start, end;
} Range;

typedef struct Ranges {
        GArray *list;      /* Range */
        uint64_t received; /* bytes, each counted once */
} Ranges;

void ranges_init(Ranges *ranges);
void ranges_done(Ranges *ranges);
/* -E2BIG beyond RANGES_MAX; then nothing changed. */
int ranges_add(Ranges *ranges, uint64_t start, uint64_t end);
bool ranges_cover(const Ranges *ranges, uint64_t size);

G_END_DECLS
