/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/ranges.h"

#include <errno.h>

void ranges_init(Ranges *ranges) {
        ranges->list = g_array_new(FALSE, FALSE, sizeof(Range));
        ranges->received = 0;
}

void ranges_done(Ranges *ranges) {
        g_clear_pointer(&ranges->list, g_array_unref);
}

static Range *range_at(const Ranges *ranges, guint index) {
        return &g_array_index(ranges->list, Range, index);
}

/* Merges with all that it touches: those from `first` up to the one before `last`. */
static int insert(Ranges *ranges, Range range) {
        guint first = 0, last;
        uint64_t known = 0;

        while (first < ranges->list->len && range_at(ranges, first)->end < range.start)
                first++;
        for (last = first; last < ranges->list->len && range_at(ranges, last)->start <= range.end; last++) {
                const Range *touched = range_at(ranges, last);

                known += touched->end - touched->start;
                range.start = MIN(range.start, touched->start);
                range.end = MAX(range.end, touched->end);
        }
        if (first == last && ranges->list->len >= RANGES_MAX)
                return -E2BIG;

        if (first < last)
                g_array_remove_range(ranges->list, first, last - first);
        g_array_insert_val(ranges->list, first, range);
        ranges->received += range.end - range.start - known;
        return 0;
}

int ranges_add(Ranges *ranges, uint64_t start, uint64_t end) {
        Range *last = ranges->list->len > 0 ? range_at(ranges, ranges->list->len - 1) : NULL;

        if (start >= end)
                return 0;
        if (last && start == last->end) {
                last->end = end;
                ranges->received += end - start;
                return 0;
        }
        return insert(ranges, (Range){ start, end });
}

bool ranges_cover(const Ranges *ranges, uint64_t size) {
        return ranges->received == size;
}
