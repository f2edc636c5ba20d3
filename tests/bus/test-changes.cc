/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "service/bus/fqdn.h"
#include "service/bus/pool-changes.h"

class Changes : public testing::Test {
      protected:
        void SetUp() override {
                change_set_init(&set_);
        }
        void TearDown() override {
                change_set_done(&set_);
        }
        void add(KvpOrigin origin, const std::vector<std::string> &keys,
                 const std::vector<std::string> &removed = {}, bool all = false) {
                std::vector<const char *> k, r;
                for (const auto &key : keys)
                        k.push_back(key.c_str());
                for (const auto &key : removed)
                        r.push_back(key.c_str());
                k.push_back(nullptr);
                r.push_back(nullptr);
                KvpChange change = { KVP_POOL_ID_GUEST, origin, k.data(), r.data(), all, true };
                change_set_add(&set_, &change);
        }
        /* "+" set, "-" removed, "" not there */
        std::string state(KvpOrigin origin, const char *key) const {
                gpointer removed;
                if (!g_hash_table_lookup_extended(set_.names[origin], key, nullptr, &removed))
                        return "";
                return removed ? "-" : "+";
        }
        ChangeSet set_;
};

TEST_F(Changes, BeginsEmpty) {
        EXPECT_TRUE(change_set_is_empty(&set_));
        add(KVP_ORIGIN_HOST, { "a" });
        EXPECT_FALSE(change_set_is_empty(&set_));
        change_set_clear(&set_);
        EXPECT_TRUE(change_set_is_empty(&set_));
}

TEST_F(Changes, KeepsWhatHappenedLastToAName) {
        add(KVP_ORIGIN_HOST, { "a" });
        add(KVP_ORIGIN_HOST, {}, { "a" });
        EXPECT_EQ(state(KVP_ORIGIN_HOST, "a"), "-");
        add(KVP_ORIGIN_HOST, { "a" });
        EXPECT_EQ(state(KVP_ORIGIN_HOST, "a"), "+");
}

TEST_F(Changes, NameBelongsToTheOriginThatTouchedItLast) {
        add(KVP_ORIGIN_BUS, {}, { "a" });
        add(KVP_ORIGIN_HOST, { "a" });
        EXPECT_EQ(state(KVP_ORIGIN_BUS, "a"), "");
        EXPECT_EQ(state(KVP_ORIGIN_HOST, "a"), "+");
}

TEST_F(Changes, TwoHundredFiftySevenNamesBecomeAll) {
        std::vector<std::string> keys;
        for (int i = 0; i < KVP_CHANGE_NAMES_MAX; i++)
                keys.push_back("k" + std::to_string(i));
        add(KVP_ORIGIN_HOST, keys);
        EXPECT_FALSE(set_.all[KVP_ORIGIN_HOST]);
        add(KVP_ORIGIN_HOST, { "one-more" });
        EXPECT_TRUE(set_.all[KVP_ORIGIN_HOST]);
        EXPECT_EQ(g_hash_table_size(set_.names[KVP_ORIGIN_HOST]), 0u);
}

TEST_F(Changes, AllStaysAll) {
        add(KVP_ORIGIN_HOST, {}, {}, true);
        add(KVP_ORIGIN_HOST, { "a" });
        EXPECT_TRUE(set_.all[KVP_ORIGIN_HOST]);
        EXPECT_EQ(state(KVP_ORIGIN_HOST, "a"), "");
}

TEST_F(Changes, NamesAreMended) {
        add(KVP_ORIGIN_FILE, { "a\xff" });
        EXPECT_EQ(state(KVP_ORIGIN_FILE, "a\xEF\xBF\xBD"), "+");
}

TEST(Fqdn, PrefersTheFullOneOfTwoNames) {
        EXPECT_STREQ(fqdn_choose("a.example.org", "b.example.org"), "a.example.org");
        EXPECT_STREQ(fqdn_choose("a", "b.example.org"), "b.example.org");
        EXPECT_EQ(fqdn_choose("a", "b"), nullptr);
        EXPECT_EQ(fqdn_choose(nullptr, nullptr), nullptr);
        EXPECT_EQ(fqdn_choose(".", "a."), nullptr);
}
