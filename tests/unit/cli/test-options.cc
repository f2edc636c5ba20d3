/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/options.h"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "common/units.h"

struct Parsed {
        Options options = {};
        Failure failure = {};
        ExitStatus status;

        explicit Parsed(std::vector<const char *> words) {
                words.insert(words.begin(), "hvctl");
                words.push_back(nullptr);
                status = options_parse(&options, (int) words.size() - 1,
                                       const_cast<char *const *>(words.data()), &failure);
        }
        ~Parsed() {
                options_done(&options);
                failure_done(&failure);
        }
};

TEST(Options, MayStandAnywhere) {
        Parsed parsed({ "--json=short", "kvp", "-p", "host", "get", "--timeout", "5s", "Owner" });
        ASSERT_EQ(parsed.status, EXIT_STATUS_OK);
        EXPECT_EQ(parsed.options.json, JSON_SHORT);
        EXPECT_EQ(parsed.options.pool, KVP_POOL_ID_AUTO_EXTERNAL);
        EXPECT_EQ(parsed.options.timeout_usec, 5 * USEC_PER_SEC);
        ASSERT_EQ(g_strv_length(parsed.options.arguments), 3u);
        EXPECT_STREQ(parsed.options.arguments[2], "Owner");
}

TEST(Options, EndAtTwoDashes) {
        Parsed parsed({ "kvp", "set", "--", "--pool", "-1" });
        ASSERT_EQ(parsed.status, EXIT_STATUS_OK);
        ASSERT_EQ(g_strv_length(parsed.options.arguments), 4u);
        EXPECT_STREQ(parsed.options.arguments[2], "--pool");
        EXPECT_STREQ(parsed.options.arguments[3], "-1");
}

TEST(Options, ASingleDashIsAWord) {
        Parsed parsed({ "kvp", "set", "Owner", "-" });
        ASSERT_EQ(parsed.status, EXIT_STATUS_OK);
        EXPECT_STREQ(parsed.options.arguments[3], "-");
}

TEST(Options, BytesThatAreNoTextReachTheVerb) {
        Parsed parsed({ "kvp", "set", "Owner", "\xff\xfe", "--expect", "\xfd" });
        ASSERT_EQ(parsed.status, EXIT_STATUS_OK);
        EXPECT_STREQ(parsed.options.arguments[3], "\xff\xfe");
        EXPECT_STREQ(parsed.options.expect, "\xfd");
}

TEST(Options, WithoutAnyAreEmpty) {
        Parsed parsed({});
        ASSERT_EQ(parsed.status, EXIT_STATUS_OK);
        EXPECT_EQ(parsed.options.given, 0u);
        EXPECT_EQ(parsed.options.arguments[0], nullptr);
        EXPECT_EQ(parsed.options.timeout_usec, USEC_INFINITY);
        EXPECT_EQ(parsed.options.since, OPTIONS_SINCE_NONE);
}

TEST(Options, RefuseArgumentsThatMakeNoSense) {
        for (const char *word : { "--pool=nothing", "--pool=5", "--json=yes", "--timeout=soon", "--since=-1",
                                  "--since=yesterday", "--root=", "--nonsense" }) {
                Parsed parsed({ "kvp", "list", word });
                EXPECT_EQ(parsed.status, EXIT_STATUS_USAGE) << word;
                ASSERT_NE(parsed.failure.cause, nullptr) << word;
                EXPECT_FALSE(g_ascii_isupper(parsed.failure.cause[0])) << parsed.failure.cause;
        }
}

TEST(Options, HaveNamesThatDiffer) {
        std::set<std::string> names;
        std::set<char> letters;
        for (const auto &row : option_rows) {
                EXPECT_TRUE(names.insert(row.name).second) << row.name;
                EXPECT_TRUE(!row.short_name || letters.insert(row.short_name).second) << row.name;
                EXPECT_EQ(row.argument == OPTION_ARGUMENT_NONE, row.argument_name == nullptr) << row.name;
        }
}

TEST(JsonMode, HasAWordForEachAndBack) {
        for (int i = 0; i < _JSON_MODE_MAX; i++)
                EXPECT_EQ(json_mode_from_string(json_mode_to_string((JsonMode) i)), i);
        EXPECT_LT(json_mode_from_string("long"), 0);
}
