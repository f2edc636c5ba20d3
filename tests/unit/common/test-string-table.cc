/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/string-table.h"

#include <gtest/gtest.h>

static const char *const colours[] = { "red", nullptr, "blue" };

TEST(StringTable, FindsTheIndexOfAWord) {
        EXPECT_EQ(string_table_find(colours, 3, "red"), 0);
        EXPECT_EQ(string_table_find(colours, 3, "blue"), 2);
}

TEST(StringTable, RefusesWhatIsNotInTheTable) {
        EXPECT_EQ(string_table_find(colours, 3, "green"), -EINVAL);
        EXPECT_EQ(string_table_find(colours, 3, ""), -EINVAL);
        EXPECT_EQ(string_table_find(colours, 3, nullptr), -EINVAL);
}
