/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/temporary-directory.hh"

#include <cstdlib>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <string>

using Names = std::set<std::string>;

static Names matches(const std::string &file, const char *expression) {
        std::string      text = read_file(std::string(getenv("HVUTILS_SOURCE_DIR")) + "/" + file);
        const std::regex pattern(expression);
        Names            names;

        for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern); match != std::sregex_iterator(); ++match)
                EXPECT_TRUE(names.insert((*match)[1]).second) << file << " has " << (*match)[1] << " twice";
        EXPECT_FALSE(names.empty()) << file;
        return names;
}

TEST(Names, GiveEachMessageAnEntryInTheCatalog) {
        EXPECT_EQ(matches("common/names.h", "HVUTILS_MESSAGE_\\w+ +\"([0-9a-f]{32})\""),
                  matches("data/hvutils.catalog", "(?:^|\n)-- ([0-9a-f]{32})(?=\n)"));
}
