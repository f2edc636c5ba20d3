/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the driver's conversion of strings lets through. */

#include "emulator/kvp-host.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

class KvpHost : public testing::Test {
      protected:
        /* The host's view of a reply in the enumerate view, fields filled by hand. */
        KvpView *view(KvpOperation operation, const std::string &key, const std::string &value) {
                std::vector<uint8_t> reply(KVP_MESSAGE_SIZE);

                memcpy(&reply[20], key.data(), key.size());
                memcpy(&reply[532], value.data(), value.size());
                kvp_view_done(&v);
                kvp_view_init(&v, operation, WIRE_STATUS_OK, reply.data(), reply.size());
                return &v;
        }

        KvpView *enumerated(const std::string &key, const std::string &value) {
                return view(KVP_OPERATION_ENUMERATE, key, value);
        }

        void TearDown() override {
                kvp_view_done(&v);
        }

        static std::string repeat(const std::string &text, size_t n) {
                std::string all;
                while (n-- > 0)
                        all += text;
                return all;
        }

        KvpView v{};
        uint8_t message[KVP_MESSAGE_SIZE];
};

TEST_F(KvpHost, ReadsKeyAndValueOfAnEnumeration) {
        enumerated("Name", "gäst");
        EXPECT_EQ(v.status, WIRE_STATUS_OK);
        EXPECT_STREQ(v.key, "Name");
        EXPECT_STREQ(v.value, "gäst");
}

TEST_F(KvpHost, ReadsTheAnswerToGetInTheEnumerateView) {
        std::vector<uint8_t> reply(KVP_MESSAGE_SIZE);

        memcpy(&reply[528], "ABCDEFGH", 8);
        kvp_view_init(&v, KVP_OPERATION_GET, WIRE_STATUS_OK, reply.data(), reply.size());
        EXPECT_STREQ(v.value, "EFGH");
        EXPECT_EQ(v.key, nullptr);
}

TEST_F(KvpHost, CutsTheKeyAt254UnitsAndTheValueAt1022) {
        enumerated(repeat("k", 300), repeat("v", 1500));
        EXPECT_EQ(strlen(v.key), 254u);
        EXPECT_EQ(strlen(v.value), 1022u);
}

TEST_F(KvpHost, NeverSplitsASurrogatePair) {
        enumerated("k" + repeat("\U0001F600", 127), "v");
        EXPECT_EQ(strlen(v.key), 1 + 4 * 126u);
}

TEST_F(KvpHost, FailsTheAnswerForInvalidUtf8) {
        EXPECT_EQ(enumerated("k\xff", "v")->status, WIRE_STATUS_FAIL);
        EXPECT_EQ(v.key, nullptr);
        EXPECT_EQ(v.value, nullptr);
        EXPECT_EQ(enumerated("k", "\xc3")->status, WIRE_STATUS_FAIL);
        EXPECT_EQ(view(KVP_OPERATION_GET, "", "\xed\xa0\x80")->status, WIRE_STATUS_FAIL);
}

TEST_F(KvpHost, DoesNotLookBehindTheCut) {
        EXPECT_EQ(enumerated(repeat("k", 254) + "\xff", "v")->status, WIRE_STATUS_OK);
        EXPECT_EQ(enumerated(repeat("k", 253) + "\xff", "v")->status, WIRE_STATUS_FAIL);
}

TEST_F(KvpHost, GoesOnIntoTheNextFieldIfTheKeyHasNoEnd) {
        /* 512 bytes of key in 256 characters of two bytes: cut before the end of the field; in 171 of three:
         * beyond it. */
        EXPECT_EQ(std::string(enumerated(repeat("ä", 256), "v")->key), repeat("ä", 254));
        EXPECT_EQ(std::string(enumerated(repeat("€", 170) + "xy", "value")->key),
                  repeat("€", 170) + "xyvalue");
}

TEST_F(KvpHost, GetsNothingButTheStatusOfARefusal) {
        std::vector<uint8_t> reply(KVP_MESSAGE_SIZE, 'x');

        kvp_view_init(&v, KVP_OPERATION_ENUMERATE, WIRE_STATUS_NO_MORE, reply.data(), reply.size());
        EXPECT_EQ(v.status, WIRE_STATUS_NO_MORE);
        EXPECT_EQ(v.key, nullptr);
        kvp_view_init(&v, KVP_OPERATION_GET, WIRE_STATUS_FAIL, nullptr, 0);
        EXPECT_EQ(v.value, nullptr);
}

TEST_F(KvpHost, CutsWhatTheDaemonGetsBetweenCharacters) {
        std::string key = repeat("€", 200);
        KvpRequest request;
        WireStatus status;

        ASSERT_EQ(kvp_host_request(message, KVP_OPERATION_SET, 0, 0, key.c_str(), "v"), 0);
        ASSERT_EQ(kvp_wire_parse(message, sizeof(message), &request, &status), 0);
        EXPECT_EQ(request.key, repeat("€", 170)); /* 510 of 511 bytes */
}

TEST_F(KvpHost, RefusesWhatItsOwnFieldCannotHold) {
        EXPECT_EQ(kvp_host_request(message, KVP_OPERATION_SET, 0, 0, repeat("k", 255).c_str(), "v"), 0);
        EXPECT_EQ(kvp_host_request(message, KVP_OPERATION_SET, 0, 0, repeat("k", 256).c_str(), "v"), -E2BIG);
        EXPECT_EQ(kvp_host_request(message, KVP_OPERATION_SET, 0, 0, "k", repeat("v", 1023).c_str()), 0);
        EXPECT_EQ(kvp_host_request(message, KVP_OPERATION_SET, 0, 0, "k", repeat("v", 1024).c_str()), -E2BIG);
        EXPECT_EQ(kvp_host_request(message, KVP_OPERATION_GET, 0, 0, "\xff", nullptr), -EILSEQ);
}
