/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/record.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

TEST(Pool, HasAWordForEachNumberAndBack) {
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                EXPECT_EQ(kvp_pool_from_string(kvp_pool_to_string(static_cast<KvpPool>(pool))), pool);

        EXPECT_STREQ(kvp_pool_to_string(KVP_POOL_ID_AUTO_EXTERNAL), "auto_external");
        EXPECT_EQ(kvp_pool_to_string(_KVP_POOL_ID_MAX), nullptr);
        EXPECT_EQ(kvp_pool_to_string(_KVP_POOL_ID_INVALID), nullptr);
}

TEST(Pool, IsFoundByWhatAPersonTypes) {
        EXPECT_EQ(kvp_pool_from_argument("guest"), KVP_POOL_ID_GUEST);
        EXPECT_EQ(kvp_pool_from_argument("host"), KVP_POOL_ID_AUTO_EXTERNAL);
        EXPECT_EQ(kvp_pool_from_argument("0"), KVP_POOL_ID_EXTERNAL);
        EXPECT_EQ(kvp_pool_from_argument("4"), KVP_POOL_ID_AUTO_INTERNAL);
}

TEST(Pool, RefusesOtherWords) {
        for (const char *word : { "", "5", "-1", "00", "1 ", "Guest", "none" })
                EXPECT_EQ(kvp_pool_from_argument(word), -EINVAL) << word;
        EXPECT_EQ(kvp_pool_from_argument(nullptr), -EINVAL);
}

TEST(Pool, HasTheFileNameOfTheOlderDaemons) {
        EXPECT_STREQ(kvp_pool_file_name(KVP_POOL_ID_EXTERNAL), ".kvp_pool_0");
        EXPECT_STREQ(kvp_pool_file_name(KVP_POOL_ID_GUEST), ".kvp_pool_1");
        EXPECT_STREQ(kvp_pool_file_name(KVP_POOL_ID_AUTO), ".kvp_pool_2");
        EXPECT_STREQ(kvp_pool_file_name(KVP_POOL_ID_AUTO_EXTERNAL), ".kvp_pool_3");
        EXPECT_STREQ(kvp_pool_file_name(KVP_POOL_ID_AUTO_INTERNAL), ".kvp_pool_4");
}

TEST(Record, EndsAFieldAtItsFirstNulOrItsSize) {
        EXPECT_EQ(record_field_length("abc\0def", 8), 3u);
        EXPECT_EQ(record_field_length("abcdefgh", 8), 8u);
        EXPECT_EQ(record_field_length("\0bcdefgh", 8), 0u);
}

TEST(Record, IsPaddedWithZeroesWhateverStoodThere) {
        std::array<uint8_t, RECORD_SIZE> record;
        record.fill(0xAA);

        record_encode(record.data(), "Owner", 5, "me", 2);

        std::array<uint8_t, RECORD_SIZE> expected = {};
        memcpy(expected.data(), "Owner", 5);
        memcpy(expected.data() + 512, "me", 2);
        EXPECT_EQ(record, expected);
}

TEST(Record, TakesFieldsThatAreFullWithoutANul) {
        std::array<uint8_t, RECORD_SIZE> record;
        std::string key(RECORD_KEY_SIZE, 'k'), value(RECORD_VALUE_SIZE, 'v');

        record_encode(record.data(), key.data(), key.size(), value.data(), value.size());

        EXPECT_EQ(std::string(record.begin(), record.begin() + 512), key);
        EXPECT_EQ(std::string(record.begin() + 512, record.end()), value);
        EXPECT_EQ(record_field_length(record.data(), RECORD_KEY_SIZE), 512u);
}

TEST(Record, MayHaveAnEmptyValue) {
        std::array<uint8_t, RECORD_SIZE> record;
        record.fill(0xAA);

        record_encode(record.data(), "k", 1, nullptr, 0);

        EXPECT_EQ(record_field_length(record.data() + 512, RECORD_VALUE_SIZE), 0u);
        EXPECT_EQ(record.back(), 0);
}

TEST(Record, IsPaddedIfOnlyZerosFollowAKeyAndAValue) {
        std::array<uint8_t, RECORD_SIZE> record;
        std::string key(RECORD_KEY_SIZE, 'k'), value(RECORD_VALUE_SIZE, 'v');

        record_encode(record.data(), key.data(), key.size(), value.data(), value.size());
        EXPECT_TRUE(record_is_padded(record.data()));
        record_encode(record.data(), "k", 1, "v", 1);
        EXPECT_TRUE(record_is_padded(record.data()));

        for (size_t garbage : { 2, RECORD_KEY_SIZE - 1, RECORD_KEY_SIZE + 2, RECORD_SIZE - 1 }) {
                record[garbage] = 1;
                EXPECT_FALSE(record_is_padded(record.data())) << garbage;
                record[garbage] = 0;
        }
}

TEST(RecordDeathTest, IsNeverOverrun) {
        std::array<uint8_t, RECORD_SIZE> record;
        std::string text(RECORD_KEY_SIZE + 1, 'k');

        EXPECT_DEATH(record_encode(record.data(), text.data(), text.size(), "", 0), "n <= size");
}
