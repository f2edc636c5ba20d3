/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/string-table.h"

#include <string.h>

int string_table_find(const char *const *table, size_t n, const char *word) {
        if (!word)
                return -EINVAL;

        for (size_t i = 0; i < n; i++)
                if (table[i] && strcmp(table[i], word) == 0)
                        return (int) i;

        return -EINVAL;
}
