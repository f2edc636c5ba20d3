/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A host that keeps to no rule, and pools full of what it must not see. Every byte of a record is '#' (or follows a
 * key's first letter), every byte of a request that says nothing is '%', 0xa5 or 0xff: an answer may hold the record
 * that was asked for, zeroes, and not one byte else.
 */

#include "tests/integration/daemon/daemon-world.hh"

namespace {

constexpr unsigned records_of_a_pool = 3;

std::string key_of(unsigned pool, unsigned index) {
        return std::string(1, static_cast<char>('a' + index)) + std::string(1 + pool, '#');
}

std::string value_of(unsigned pool, unsigned index) {
        return std::string(1000 - 100 * pool - index, '#');
}

class Hostile : public DaemonTest {
      protected:
        void SetUp() override {
                DaemonTest::SetUp();
                for (unsigned pool = 0; pool < 5; pool++)
                        for (unsigned i = 0; i < records_of_a_pool; i++)
                                append(pool, marked(key_of(pool, i), value_of(pool, i)));
                for (unsigned pool = 0; pool < 5; pool++)
                        files.push_back(read_file(pool_file(pool)));
        }

        void TearDown() override {
                EXPECT_TRUE(is_alive());
                EXPECT_EQ(daemon->errors().find("######"), std::string::npos) << "a value was logged";
                for (unsigned pool = 0; pool < 5; pool++)
                        EXPECT_TRUE(read_file(pool_file(pool)) == files[pool]) << "pool " << pool;
                DaemonTest::TearDown();
        }

        /* As the older daemon leaves records: old bytes behind the NUL. */
        static std::string marked(const std::string &key, const std::string &value) {
                std::string bytes(RECORD_SIZE, '#');
                bytes.replace(0, key.size() + 1, key.c_str(), key.size() + 1);
                bytes.replace(RECORD_KEY_SIZE, value.size() + 1, value.c_str(), value.size() + 1);
                return bytes;
        }

        /* A message whose every byte is filler, but for operation and pool. */
        static std::string message(unsigned operation, unsigned pool, char filler) {
                std::string bytes(KVP_MESSAGE_SIZE, filler);
                bytes[0] = static_cast<char>(operation);
                bytes[1] = static_cast<char>(pool);
                return bytes;
        }

        static void put(std::string &bytes, size_t at, uint32_t number) {
                for (size_t i = 0; i < 4; i++)
                        bytes[at + i] = static_cast<char>(number >> (8 * i));
        }

        static void put(std::string &bytes, size_t at, const std::string &text) {
                bytes.replace(at, text.size() + 1, text.c_str(), text.size() + 1);
        }

        static uint32_t status_of(const std::string &answer) {
                uint32_t status = 0;
                memcpy(&status, answer.data(), sizeof status);
                return status;
        }

        /* Says it and returns the status; what stands beyond the status must be zero. */
        uint32_t ask_bare(const std::string &bytes) {
                std::string answer = ask_whole(bytes);
                EXPECT_EQ(answer.find_first_not_of('\0', 4), std::string::npos)
                        << "operation " << int(uint8_t(bytes[0])) << " pool " << int(uint8_t(bytes[1]));
                return status_of(answer);
        }

        std::string ask_whole(const std::string &bytes) {
                EXPECT_TRUE(driver.say(bytes.data(), bytes.size()));
                std::string answer(KVP_MESSAGE_SIZE, '\0');
                EXPECT_TRUE(driver.hear_bytes(reinterpret_cast<uint8_t *>(answer.data())));
                return answer;
        }

        /* The answer that holds this pair and nothing else. */
        static void expect_pair(const std::string &answer, const std::string &key, const std::string &value) {
                uint8_t expected[KVP_MESSAGE_SIZE];
                kvp_wire_reply_pair(expected, key.data(), key.size(), value.data(), value.size());
                EXPECT_EQ(status_of(answer), WIRE_STATUS_OK);
                EXPECT_TRUE(memcmp(answer.data(), expected, sizeof expected) == 0) << key;
        }

        std::vector<std::string> files;
};

const char fillers[] = { '%', '\xa5', '\xff' };
const uint32_t key_claims[] = { 0, 1, 2, 511, 512, 513, 2048, 0x7fffffff, 0x80000000, 0xffffffff };
const uint32_t value_claims[] = { 0, 1, 2047, 2048, 2049, 0x80000000, 0xffffffff };

TEST_F(Hostile, ClaimsOfSizeGetNoByteOfAnything) {
        start();
        for (char filler : fillers)
                for (unsigned operation : { 0, 1 })
                        for (unsigned pool : { 0, 1, 3, 4, 5, 200 })
                                for (uint32_t key_claim : key_claims)
                                        for (uint32_t value_claim : value_claims) {
                                                std::string bytes = message(operation, pool, filler);
                                                put(bytes, 8, key_claim);
                                                put(bytes, 12, value_claim);
                                                EXPECT_NE(ask_bare(bytes), WIRE_STATUS_OK);
                                        }
}

TEST_F(Hostile, RemovalsGetNoByteOfAnything) {
        start();
        for (char filler : fillers)
                for (unsigned pool : { 0, 1, 2, 3, 4, 5, 255 })
                        for (uint32_t claim : key_claims) {
                                std::string bytes = message(2, pool, filler);
                                put(bytes, 4, claim);
                                EXPECT_NE(ask_bare(bytes), WIRE_STATUS_OK);
                        }
}

/* Beyond what it asks with, the message is full of something else; so are field and record behind their NUL. */
TEST_F(Hostile, QuestionsGetTheRecordAndNothingElse) {
        start();
        for (char filler : fillers)
                for (unsigned pool : { 0, 1, 3 })
                        for (unsigned i = 0; i < records_of_a_pool; i++) {
                                std::string key = key_of(pool, i), value = value_of(pool, i);
                                std::string get = message(0, pool, filler), step = message(3, pool, filler);
                                put(get, 8, uint32_t(key.size() + 1));
                                put(get, 16, key);
                                expect_pair(ask_whole(get), key, value);
                                put(step, 4, i);
                                expect_pair(ask_whole(step), key, value);
                        }
}

TEST_F(Hostile, IndicesPastTheEndGetNoByteOfAnything) {
        start();
        for (char filler : fillers)
                for (unsigned pool : { 0, 1, 2, 3, 4, 5, 128, 255 })
                        for (uint32_t index : { 10u, 0x7fffffffu, 0x80000000u, 0xffffffffu }) {
                                std::string bytes = message(3, pool, filler);
                                put(bytes, 4, index);
                                EXPECT_NE(ask_bare(bytes), WIRE_STATUS_OK);
                        }
}

TEST_F(Hostile, PoolsOfTheGuestAloneGetNoByteOfAnything) {
        start();
        for (uint32_t i = 0; i < records_of_a_pool; i++) {
                std::string get = message(0, internal, '%'), step = message(3, internal, '%');
                put(get, 8, uint32_t(key_of(internal, i).size() + 1));
                put(get, 16, key_of(internal, i));
                EXPECT_NE(ask_bare(get), WIRE_STATUS_OK);
                put(step, 4, i);
                EXPECT_NE(ask_bare(step), WIRE_STATUS_OK);
        }
}

TEST_F(Hostile, FactsComeAloneAndNotFromTheFile) {
        start();
        for (uint32_t i = 0; i < 10; i++) {
                std::string step = message(3, automatic, '%');
                put(step, 4, i);
                std::string answer = ask_whole(step);
                expect_pair(answer, answer.c_str() + 20, answer.c_str() + 532);
                EXPECT_EQ(answer.find_first_of("#%"), std::string::npos);
        }
}

TEST_F(Hostile, OperationsThatDoNotExistGetNoByteOfAnything) {
        start();
        for (char filler : fillers)
                for (unsigned operation = 4; operation < 256; operation++)
                        EXPECT_NE(ask_bare(message(operation, 0, filler)), WIRE_STATUS_OK) << operation;
}

/* What is no UTF-8, or has no end, is written nowhere and comes back from nowhere. */
TEST_F(Hostile, TextsThatAreNoneGetNoByteOfAnything) {
        start();
        for (const char *text :
             { "\xff", "\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "k\xe2\x82" })
                for (size_t at : { 16, 528 }) {
                        std::string bytes = message(1, external, '%');
                        put(bytes, 8, 32);
                        put(bytes, 12, 32);
                        put(bytes, 16, std::string("key"));
                        put(bytes, 528, std::string("value"));
                        put(bytes, at, std::string(text));
                        EXPECT_EQ(ask_bare(bytes), WIRE_STATUS_FAIL) << text;
                }
}

TEST_F(Hostile, WritesAreAnsweredWithoutWhatTheyWrote) {
        start();
        for (char filler : fillers) {
                std::string set = message(1, external, filler), remove = message(2, external, filler);
                put(set, 8, 4);
                put(set, 12, 6);
                put(set, 16, std::string("new"));
                put(set, 528, std::string("value"));
                EXPECT_EQ(ask_bare(set), WIRE_STATUS_OK);
                EXPECT_TRUE(read_file(pool_file(external)) == files[external] + record("new", "value"));
                put(remove, 4, 4);
                put(remove, 8, std::string("new"));
                EXPECT_EQ(ask_bare(remove), WIRE_STATUS_OK);
        }
}

TEST_F(Hostile, MessagesOfAnotherLengthGetNoAnswer) {
        start();
        for (size_t length : { 1, 4, KVP_MESSAGE_SIZE - 1, KVP_MESSAGE_SIZE + 1 }) {
                std::string bytes(length, '%');
                ASSERT_TRUE(driver.say(bytes.data(), bytes.size()));
                EXPECT_TRUE(driver.hears_the_end()) << length;
                ASSERT_TRUE(driver.register_daemon()) << length;
                std::string step = message(3, guest, '%');
                put(step, 4, uint32_t(0));
                expect_pair(ask_whole(step), key_of(guest, 0), value_of(guest, 0));
        }
}

} // namespace
