/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/engine.h"

#include <gtest/gtest.h>
#include <string>

namespace {

/* --- rights: every speaker and pool --- */

struct Rights {
        const char *name;
        KvpSpeaker speaker;
        KvpPool pool;
        unsigned rights;
};

const unsigned R = KVP_RIGHT_READ, W = KVP_RIGHT_WRITE;

const Rights rights[] = {
        { "HostExternal", KVP_SPEAKER_HOST, KVP_POOL_ID_EXTERNAL, R | W },
        { "HostGuest", KVP_SPEAKER_HOST, KVP_POOL_ID_GUEST, R },
        { "HostAuto", KVP_SPEAKER_HOST, KVP_POOL_ID_AUTO, R },
        { "HostAutoExternal", KVP_SPEAKER_HOST, KVP_POOL_ID_AUTO_EXTERNAL, R | W },
        { "HostAutoInternal", KVP_SPEAKER_HOST, KVP_POOL_ID_AUTO_INTERNAL, 0 },
        { "GuestExternal", KVP_SPEAKER_GUEST, KVP_POOL_ID_EXTERNAL, R | W },
        { "GuestGuest", KVP_SPEAKER_GUEST, KVP_POOL_ID_GUEST, R | W },
        { "GuestAuto", KVP_SPEAKER_GUEST, KVP_POOL_ID_AUTO, R },
        { "GuestAutoExternal", KVP_SPEAKER_GUEST, KVP_POOL_ID_AUTO_EXTERNAL, R | W },
        { "GuestAutoInternal", KVP_SPEAKER_GUEST, KVP_POOL_ID_AUTO_INTERNAL, R },
};

class EngineRights : public testing::TestWithParam<Rights> {};

TEST_P(EngineRights, AreThoseOfTheTable) {
        const Rights &row = GetParam();
        EXPECT_EQ(kvp_engine_rights(row.speaker, row.pool, true), row.rights);
}

TEST_P(EngineRights, LeaveTheGuestAloneButTakeWritingFromTheHostWithHostWritesNo) {
        const Rights &row = GetParam();
        unsigned expected = row.speaker == KVP_SPEAKER_HOST ? row.rights & ~W : row.rights;
        EXPECT_EQ(kvp_engine_rights(row.speaker, row.pool, false), expected);
}

TEST_P(EngineRights, DecideWhatIsPermitted) {
        const Rights &row = GetParam();
        KvpOutcome read = row.rights & R ? KVP_OK : KVP_E_NOT_FOUND;
        KvpOutcome write = row.rights & W ? KVP_OK : KVP_E_READ_ONLY;
        EXPECT_EQ(kvp_engine_permit(row.speaker, KVP_OPERATION_GET, row.pool, true), read);
        EXPECT_EQ(kvp_engine_permit(row.speaker, KVP_OPERATION_ENUMERATE, row.pool, true), read);
        EXPECT_EQ(kvp_engine_permit(row.speaker, KVP_OPERATION_SET, row.pool, true), write);
        EXPECT_EQ(kvp_engine_permit(row.speaker, KVP_OPERATION_REMOVE, row.pool, true), write);
}

INSTANTIATE_TEST_SUITE_P(, EngineRights, testing::ValuesIn(rights),
                         [](const testing::TestParamInfo<Rights> &info) { return info.param.name; });

/* --- decisions --- */

struct Case {
        const char *name;
        KvpOperation operation;
        const char *value, *expected;
        unsigned flags;
        const char *current;
        KvpOutcome outcome;
        KvpEffect effect;
};

const unsigned C = KVP_WRITE_CREATE_ONLY, E = KVP_WRITE_EXPECT;

const Case cases[] = {
        { "GetShowsWhatStandsThere", KVP_OPERATION_GET, nullptr, nullptr, 0, "v", KVP_OK, KVP_EFFECT_SHOW },
        { "GetOfAnEmptyValueShowsIt", KVP_OPERATION_GET, nullptr, nullptr, 0, "", KVP_OK, KVP_EFFECT_SHOW },
        { "GetOfNothingFindsNothing", KVP_OPERATION_GET, nullptr, nullptr, 0, nullptr, KVP_E_NOT_FOUND,
          KVP_EFFECT_NONE },
        { "EnumerateShows", KVP_OPERATION_ENUMERATE, nullptr, nullptr, 0, "v", KVP_OK, KVP_EFFECT_SHOW },
        { "EnumeratePastTheEnd", KVP_OPERATION_ENUMERATE, nullptr, nullptr, 0, nullptr, KVP_E_NOT_FOUND,
          KVP_EFFECT_NONE },
        { "SetOfANewKeyPuts", KVP_OPERATION_SET, "v", nullptr, 0, nullptr, KVP_OK, KVP_EFFECT_PUT },
        { "SetOfAnotherValuePuts", KVP_OPERATION_SET, "w", nullptr, 0, "v", KVP_OK, KVP_EFFECT_PUT },
        { "SetOfTheSameValueWritesNothing", KVP_OPERATION_SET, "v", nullptr, 0, "v", KVP_OK,
          KVP_EFFECT_NONE },
        { "SetOfAPrefixIsNotTheSame", KVP_OPERATION_SET, "v", nullptr, 0, "vv", KVP_OK, KVP_EFFECT_PUT },
        { "SetOfAnEmptyValueOnANewKeyPuts", KVP_OPERATION_SET, "", nullptr, 0, nullptr, KVP_OK,
          KVP_EFFECT_PUT },
        { "CreateOnlyOnANewKeyPuts", KVP_OPERATION_SET, "v", nullptr, C, nullptr, KVP_OK, KVP_EFFECT_PUT },
        { "CreateOnlyOnAKeyThatIsThere", KVP_OPERATION_SET, "v", nullptr, C, "v", KVP_E_EXISTS,
          KVP_EFFECT_NONE },
        { "ExpectedValuePuts", KVP_OPERATION_SET, "w", "v", E, "v", KVP_OK, KVP_EFFECT_PUT },
        { "UnexpectedValue", KVP_OPERATION_SET, "w", "x", E, "v", KVP_E_CHANGED, KVP_EFFECT_NONE },
        { "UnexpectedValueThoughTheNewOneStandsThere", KVP_OPERATION_SET, "w", "x", E, "w", KVP_E_CHANGED,
          KVP_EFFECT_NONE },
        { "ExpectedValueButNothing", KVP_OPERATION_SET, "w", "v", E, nullptr, KVP_E_NOT_FOUND,
          KVP_EFFECT_NONE },
        { "RemoveRemoves", KVP_OPERATION_REMOVE, nullptr, nullptr, 0, "v", KVP_OK, KVP_EFFECT_REMOVE },
        { "RemoveOfNothing", KVP_OPERATION_REMOVE, nullptr, nullptr, 0, nullptr, KVP_E_NOT_FOUND,
          KVP_EFFECT_NONE },
        { "RemoveOfTheExpected", KVP_OPERATION_REMOVE, nullptr, "v", E, "v", KVP_OK, KVP_EFFECT_REMOVE },
        { "RemoveOfTheUnexpected", KVP_OPERATION_REMOVE, nullptr, "x", E, "v", KVP_E_CHANGED,
          KVP_EFFECT_NONE },
};

class Engine : public testing::TestWithParam<Case> {};

TEST_P(Engine, Decides) {
        const Case &row = GetParam();
        KvpQuestion question = {};
        KvpView view = {};

        question.speaker = KVP_SPEAKER_GUEST;
        question.pool = KVP_POOL_ID_GUEST;
        question.operation = row.operation;
        question.value = row.value;
        question.value_size = row.value ? strlen(row.value) : 0;
        question.expected = row.expected;
        question.flags = row.flags;
        view.host_writes = true;
        view.current = row.current;
        view.current_size = row.current ? strlen(row.current) : 0;

        KvpDecision decision = kvp_engine_decide(&question, &view);
        EXPECT_EQ(decision.outcome, row.outcome);
        EXPECT_EQ(decision.effect, row.effect);
}

INSTANTIATE_TEST_SUITE_P(, Engine, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &info) { return info.param.name; });

TEST(EngineDecision, RefusesBeforeItLooks) {
        KvpQuestion question = {};
        KvpView view = {};

        question.speaker = KVP_SPEAKER_HOST;
        question.pool = KVP_POOL_ID_AUTO;
        question.operation = KVP_OPERATION_REMOVE;
        EXPECT_EQ(kvp_engine_decide(&question, &view).outcome, KVP_E_READ_ONLY);
}

/* --- texts --- */

KvpOutcome check(const std::string &key, const std::string &value, unsigned flags, size_t *count = nullptr) {
        return kvp_engine_check_text(key.c_str(), value.c_str(), flags, count);
}

TEST(EngineText, TakesWhatReachesTheHost) {
        EXPECT_EQ(check("k", "", 0), KVP_OK);
        EXPECT_EQ(check(std::string(254, 'k'), std::string(1022, 'v'), 0), KVP_OK);
}

TEST(EngineText, NamesTheUnitsOfWhatIsTooLong) {
        size_t count = 0;
        EXPECT_EQ(check(std::string(255, 'k'), "v", 0, &count), KVP_E_KEY_TOO_LONG);
        EXPECT_EQ(count, 255u);
        EXPECT_EQ(check("k", std::string(1023, 'v'), 0, &count), KVP_E_VALUE_TOO_LONG);
        EXPECT_EQ(count, 1023u);
}

TEST(EngineText, CountsUnitsNotBytes) {
        std::string value;
        for (int i = 0; i < 1022; i++)
                value += "ä";
        EXPECT_EQ(check("k", value, 0), KVP_OK) << "1022 units, 2044 bytes";
}

TEST(EngineText, CountsBytesToo) {
        std::string value;
        size_t count = 0;
        for (int i = 0; i < 700; i++)
                value += "€";
        EXPECT_EQ(check("k", value, 0, &count), KVP_E_VALUE_TOO_LONG)
                << "700 units, but 2100 bytes do not fit a record";
        EXPECT_EQ(count, 2100u);
}

TEST(EngineText, TakesMoreWhenAskedTo) {
        EXPECT_EQ(check(std::string(511, 'k'), std::string(2047, 'v'), KVP_WRITE_LONG), KVP_OK);
        EXPECT_EQ(check(std::string(512, 'k'), "v", KVP_WRITE_LONG), KVP_E_KEY_TOO_LONG);
        EXPECT_EQ(check("k", std::string(2048, 'v'), KVP_WRITE_LONG), KVP_E_VALUE_TOO_LONG);
}

TEST(EngineText, RefusesEmptyKeysAndWhatIsNotUtf8) {
        EXPECT_EQ(check("", "v", 0), KVP_E_INVALID);
        EXPECT_EQ(check("k\xff", "v", 0), KVP_E_INVALID);
        EXPECT_EQ(check("k", "\xc3", 0), KVP_E_INVALID);
}

TEST(EngineText, LetsAnOverlongKeyBeRemoved) {
        EXPECT_EQ(kvp_engine_check_text(std::string(400, 'k').c_str(), nullptr, 0, nullptr), KVP_OK);
}

/* --- answers --- */

TEST(EngineStatus, SaysNoMoreOnlyWhenThereIsNothing) {
        EXPECT_EQ(kvp_engine_status(KVP_OK), WIRE_STATUS_OK);
        EXPECT_EQ(kvp_engine_status(KVP_E_NOT_FOUND), WIRE_STATUS_NO_MORE);
        for (int outcome = KVP_E_EXISTS; outcome < _KVP_OUTCOME_MAX; outcome++)
                EXPECT_EQ(kvp_engine_status(outcome), WIRE_STATUS_FAIL) << outcome;
        EXPECT_EQ(kvp_engine_status(-EIO), WIRE_STATUS_FAIL);
}

TEST(EngineStatus, NamesTheErrorsOfTheStore) {
        EXPECT_EQ(kvp_engine_outcome_of_errno(-ENOENT), KVP_E_NOT_FOUND);
        EXPECT_EQ(kvp_engine_outcome_of_errno(-EDQUOT), KVP_E_FULL);
        EXPECT_EQ(kvp_engine_outcome_of_errno(-EROFS), KVP_E_FROZEN);
        EXPECT_EQ(kvp_engine_outcome_of_errno(-EAGAIN), KVP_E_BUSY);
        EXPECT_EQ(kvp_engine_outcome_of_errno(-ENOSPC), KVP_E_STORAGE);
}

} // namespace
