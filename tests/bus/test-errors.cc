/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cstring>
#include <gtest/gtest.h>
#include <string>

#include "common/cleanup.h"
#include "common/names.h"
#include "service/bus/errors.h"

struct Row {
        const char *name;
        int result;
        const char *error;
};

class Errors : public testing::TestWithParam<Row> {};

TEST_P(Errors, OutcomeHasItsNameAndASentence) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        KvpWish wish = { "guest", "Owner", "me", 0, "" };

        EXPECT_LT(bus_error_kvp(&error, GetParam().result, &wish), 0);
        EXPECT_STREQ(error.name, GetParam().error);
        ASSERT_NE(error.message, nullptr);
        EXPECT_GT(strlen(error.message), 10u);
}

INSTANTIATE_TEST_SUITE_P(All, Errors,
                         testing::Values(Row{ "NotFound", KVP_E_NOT_FOUND, HVUTILS_ERROR_NOT_FOUND },
                                         Row{ "Exists", KVP_E_EXISTS, HVUTILS_ERROR_EXISTS },
                                         Row{ "Changed", KVP_E_CHANGED, HVUTILS_ERROR_CHANGED },
                                         Row{ "Invalid", KVP_E_INVALID, HVUTILS_ERROR_INVALID },
                                         Row{ "KeyTooLong", KVP_E_KEY_TOO_LONG, HVUTILS_ERROR_KEY_TOO_LONG },
                                         Row{ "ValueTooLong", KVP_E_VALUE_TOO_LONG,
                                              HVUTILS_ERROR_VALUE_TOO_LONG },
                                         Row{ "ReadOnly", KVP_E_READ_ONLY, HVUTILS_ERROR_READ_ONLY },
                                         Row{ "Full", KVP_E_FULL, HVUTILS_ERROR_POOL_FULL },
                                         Row{ "Busy", KVP_E_BUSY, HVUTILS_ERROR_BUSY },
                                         Row{ "Frozen", KVP_E_FROZEN, HVUTILS_ERROR_FROZEN },
                                         Row{ "Storage", KVP_E_STORAGE, HVUTILS_ERROR_STORAGE },
                                         Row{ "DiskFull", -ENOSPC, HVUTILS_ERROR_STORAGE },
                                         Row{ "NoMemory", -ENOMEM, HVUTILS_ERROR_FAILED }),
                         [](const auto &info) { return info.param.name; });

TEST(ErrorSentence, CountsTheUnitsThatTheHostCounts) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        std::string value;
        for (int i = 0; i < 600; i++)
                value += "\xF0\x9F\x98\x80"; /* two units each */
        KvpWish wish = { "guest", "Owner", value.c_str(), 0, "" };

        bus_error_kvp(&error, KVP_E_VALUE_TOO_LONG, &wish);
        EXPECT_NE(std::string(error.message).find("1200 UTF-16 units"), std::string::npos) << error.message;
        EXPECT_NE(std::string(error.message).find("1022"), std::string::npos) << error.message;
}

TEST(ErrorSentence, CountsBytesWhenTheRecordIsTheLimit) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        std::string value(2048, 'x');
        KvpWish wish = { "guest", "Owner", value.c_str(), KVP_WRITE_LONG, "" };

        bus_error_kvp(&error, KVP_E_VALUE_TOO_LONG, &wish);
        EXPECT_NE(std::string(error.message).find("2048 bytes"), std::string::npos) << error.message;
}

TEST(ErrorSentence, NeverShowsAValue) {
        KvpWish wish = { "guest", "Owner", "secret-value", 0, "" };

        for (int outcome = KVP_E_NOT_FOUND; outcome < _KVP_OUTCOME_MAX; outcome++) {
                g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
                bus_error_kvp(&error, outcome, &wish);
                EXPECT_EQ(std::string(error.message).find("secret"), std::string::npos) << error.message;
        }
}

TEST(ErrorSentence, SaysWhatIsWrongWithThePool) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        KvpWish wish = { "guest", "Owner", "me", 0, "The file is gone." };

        bus_error_kvp(&error, KVP_E_STORAGE, &wish);
        EXPECT_NE(std::string(error.message).find("The file is gone."), std::string::npos);
}
