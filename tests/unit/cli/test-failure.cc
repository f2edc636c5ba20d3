/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cerrno>
#include <gtest/gtest.h>
#include <string>

#include "cli/client.h"
#include "cli/complain.h"
#include "cli/kvp.h"
#include "common/cleanup.h"
#include "common/names.h"

struct ErrorRow {
        const char *name;
        ExitStatus status;
};

class BusErrorStatus : public testing::TestWithParam<ErrorRow> {};

TEST_P(BusErrorStatus, IsTheDocumentedNumber) {
        g_auto(Failure) failure = {};
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        sd_bus_error_set(&error, GetParam().name, "A sentence.");
        EXPECT_EQ(client_failure(&failure, &error), GetParam().status);
        ASSERT_NE(failure.cause, nullptr);
        EXPECT_EQ(std::string(failure.cause).find("org."), std::string::npos) << failure.cause;
}

static const ErrorRow error_rows[] = {
        { HVUTILS_ERROR_NOT_FOUND, EXIT_STATUS_NOT_FOUND },
        { HVUTILS_ERROR_EXISTS, EXIT_STATUS_REFUSED },
        { HVUTILS_ERROR_CHANGED, EXIT_STATUS_REFUSED },
        { HVUTILS_ERROR_KEY_TOO_LONG, EXIT_STATUS_INVALID },
        { HVUTILS_ERROR_VALUE_TOO_LONG, EXIT_STATUS_INVALID },
        { HVUTILS_ERROR_INVALID, EXIT_STATUS_INVALID },
        { HVUTILS_ERROR_READ_ONLY, EXIT_STATUS_DENIED },
        { HVUTILS_ERROR_NOT_AUTHORIZED, EXIT_STATUS_DENIED },
        { HVUTILS_ERROR_BUSY, EXIT_STATUS_TIMEOUT },
        { HVUTILS_ERROR_FROZEN, EXIT_STATUS_REFUSED },
        { HVUTILS_ERROR_UNAVAILABLE, EXIT_STATUS_UNAVAILABLE },
        { HVUTILS_ERROR_STORAGE, EXIT_STATUS_ERROR },
        { HVUTILS_ERROR_POOL_FULL, EXIT_STATUS_ERROR },
        { HVUTILS_ERROR_PREFIX "Unheard", EXIT_STATUS_ERROR },
        { SD_BUS_ERROR_SERVICE_UNKNOWN, EXIT_STATUS_UNAVAILABLE },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, EXIT_STATUS_UNAVAILABLE },
        { SD_BUS_ERROR_NO_REPLY, EXIT_STATUS_TIMEOUT },
        { SD_BUS_ERROR_ACCESS_DENIED, EXIT_STATUS_DENIED },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, EXIT_STATUS_DENIED },
};

INSTANTIATE_TEST_SUITE_P(Names, BusErrorStatus, testing::ValuesIn(error_rows),
                         [](const auto &row) { return std::string(strrchr(row.param.name, '.') + 1); });

TEST(Failure, OfTheBusItselfHasItsNumber) {
        g_auto(Failure) failure = {};
        EXPECT_EQ(client_failure_errno(&failure, -ETIMEDOUT), EXIT_STATUS_TIMEOUT);
        EXPECT_EQ(client_failure_errno(&failure, -ECONNRESET), EXIT_STATUS_UNAVAILABLE);
}

TEST(Failure, IsPrintedWithItsHint) {
        g_auto(Failure) failure = {};
        failure_set(&failure, EXIT_STATUS_ERROR, "first");
        failure_set_hint(&failure, "stale");
        failure_set(&failure, EXIT_STATUS_INVALID, "value is %d UTF-16 units", 1400);
        failure_set_hint(&failure, "use --long");
        testing::internal::CaptureStderr();
        EXPECT_EQ(complain(EXIT_STATUS_INVALID, &failure, "cannot set '%s'", "Owner"), EXIT_STATUS_INVALID);
        EXPECT_EQ(testing::internal::GetCapturedStderr(),
                  "hvctl: cannot set 'Owner': value is 1400 UTF-16 units\nHint: use --long\n");
}

static std::string value_cause(const std::string &value, unsigned flags, ExitStatus expected) {
        g_auto(Failure) failure = {};
        EXPECT_EQ(kvp_check_value(value.c_str(), flags, &failure), expected);
        return failure.cause ? failure.cause : "";
}

TEST(ValueCheck, CountsWhatTheHostCounts) {
        EXPECT_EQ(value_cause(std::string(1022, 'v'), 0, EXIT_STATUS_OK), "");
        EXPECT_EQ(value_cause(std::string(1400, 'v'), 0, EXIT_STATUS_INVALID),
                  "value is 1400 UTF-16 units, the host reads at most 1022");
        std::string pairs;
        for (int i = 0; i < 511; i++)
                pairs += "😀";
        EXPECT_EQ(value_cause(pairs, 0, EXIT_STATUS_OK), "");
        EXPECT_EQ(value_cause(pairs + "x", 0, EXIT_STATUS_INVALID),
                  "value is 1023 UTF-16 units, the host reads at most 1022");
}

TEST(ValueCheck, LetsLongOnesThroughUpToTheRecord) {
        EXPECT_EQ(value_cause(std::string(2047, 'v'), KVP_SET_LONG, EXIT_STATUS_OK), "");
        EXPECT_EQ(value_cause(std::string(2048, 'v'), KVP_SET_LONG, EXIT_STATUS_INVALID),
                  "value is 2048 bytes, a record holds at most 2047");
}

TEST(ValueCheck, RefusesWhatIsNoText) {
        EXPECT_EQ(value_cause("\xff", 0, EXIT_STATUS_INVALID), "value is not valid UTF-8");
}

TEST(KeyCheck, HasLimitsOfItsOwn) {
        g_auto(Failure) failure = {};
        EXPECT_EQ(kvp_check_key("", 0, &failure), EXIT_STATUS_INVALID);
        EXPECT_EQ(kvp_check_key(std::string(254, 'k').c_str(), 0, &failure), EXIT_STATUS_OK);
        EXPECT_EQ(kvp_check_key(std::string(255, 'k').c_str(), 0, &failure), EXIT_STATUS_INVALID);
        EXPECT_EQ(kvp_check_key(std::string(511, 'k').c_str(), KVP_SET_LONG, &failure), EXIT_STATUS_OK);
        EXPECT_EQ(kvp_check_key(std::string(512, 'k').c_str(), KVP_SET_LONG, &failure), EXIT_STATUS_INVALID);
}
