/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "service/bus/limit.h"

class Limits : public testing::Test {
      protected:
        void TearDown() override {
                for (BusCharge *charge : held_)
                        bus_charge_free(charge);
                bus_limits_free(limits_);
        }
        bool take(BusLimit limit, const std::string &sender) {
                BusCharge *charge = bus_charge_new(limits_, limit, sender.c_str());
                if (charge)
                        held_.push_back(charge);
                return charge != nullptr;
        }
        void give() {
                bus_charge_free(held_.back());
                held_.pop_back();
        }
        BusLimits *limits_ = bus_limits_new();
        std::vector<BusCharge *> held_;
};

TEST_F(Limits, OneSenderHasFourQuestions) {
        for (int i = 0; i < 4; i++)
                EXPECT_TRUE(take(BUS_LIMIT_QUESTIONS, ":1.1"));
        EXPECT_FALSE(take(BUS_LIMIT_QUESTIONS, ":1.1"));
        EXPECT_TRUE(take(BUS_LIMIT_QUESTIONS, ":1.2"));
}

TEST_F(Limits, AllTogetherHaveThirtyTwoQuestions) {
        for (int i = 0; i < 32; i++)
                EXPECT_TRUE(take(BUS_LIMIT_QUESTIONS, ":1." + std::to_string(i)));
        EXPECT_FALSE(take(BUS_LIMIT_QUESTIONS, ":1.99"));
}

TEST_F(Limits, WhatIsGivenBackCanBeTakenAgain) {
        for (int i = 0; i < 4; i++)
                EXPECT_TRUE(take(BUS_LIMIT_QUESTIONS, ":1.1"));
        give();
        EXPECT_TRUE(take(BUS_LIMIT_QUESTIONS, ":1.1"));
}

TEST_F(Limits, OneLimitDoesNotEatAnother) {
        for (int i = 0; i < 128; i++)
                EXPECT_TRUE(take(BUS_LIMIT_CALLS, ":1.1"));
        EXPECT_FALSE(take(BUS_LIMIT_CALLS, ":1.2"));
        EXPECT_TRUE(take(BUS_LIMIT_LISTINGS, ":1.1"));
        EXPECT_FALSE(take(BUS_LIMIT_LISTINGS, ":1.1"));
}

TEST_F(Limits, EachLimitIsNamed) {
        for (int limit = 0; limit < _BUS_LIMIT_MAX; limit++)
                EXPECT_NE(bus_limit_description((BusLimit)limit), nullptr);
}
