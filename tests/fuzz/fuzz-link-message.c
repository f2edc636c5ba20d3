/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken can be read field by field, and is taken again as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        LinkMessage message, again;
        uint64_t u;
        int64_t i;

        if (link_message_parse(data, size, &message) < 0)
                return 0;

        g_assert_nonnull(link_kind_to_string(message.kind));
        (void) link_message_get_nth(&message, "A", 3);
        (void) link_message_get_u64(&message, "SERIAL", &u);
        (void) link_message_get_i64(&message, "RESULT", &i);
        g_assert_cmpint(link_message_parse(message.bytes, message.size, &again), ==, 0);
        g_assert_cmpmem(message.bytes, message.size, again.bytes, again.size);
        return 0;
}
