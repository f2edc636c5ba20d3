/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/auto.h"

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace {

class Auto : public testing::Test {
      protected:
        Auto() {
                KvpFacts facts = { get, this };
                autos = kvp_auto_new(&facts);
        }

        ~Auto() override {
                kvp_auto_free(autos);
        }

        static const char *get(KvpFact fact, void *userdata) {
                return static_cast<Auto *>(userdata)->facts[fact].c_str();
        }

        std::string value(const char *key) {
                const char *value;
                return kvp_auto_get(autos, key, &value) < 0 ? "(none)" : value;
        }

        std::vector<std::string> refresh() {
                const char *keys[_KVP_FACT_MAX + 1];
                unsigned n = kvp_auto_refresh(autos, keys);
                EXPECT_EQ(keys[n], nullptr);
                return { keys, keys + n };
        }

        std::map<int, std::string> facts;
        KvpAuto *autos;
};

TEST_F(Auto, HasTheTenKeysInTheOrderOfTheOlderDaemon) {
        const char *const names[] = {
                "FullyQualifiedDomainName",
                "IntegrationServicesVersion",
                "NetworkAddressIPv4",
                "NetworkAddressIPv6",
                "OSBuildNumber",
                "OSName",
                "OSMajorVersion",
                "OSMinorVersion",
                "OSVersion",
                "ProcessorArchitecture",
        };
        const char *key, *value;

        for (uint32_t i = 0; i < 10; i++) {
                ASSERT_EQ(kvp_auto_get_record(autos, i, &key, &value), 0);
                EXPECT_STREQ(key, names[i]);
        }
        EXPECT_EQ(kvp_auto_get_record(autos, 10, &key, &value), -ENOENT);
        EXPECT_EQ(kvp_auto_get_record(autos, UINT32_C(0x80000000), &key, &value), -ENOENT);
        EXPECT_EQ(kvp_auto_get_record(autos, UINT32_MAX, &key, &value), -ENOENT);
}

TEST_F(Auto, ShowsAnUnknownFactEmpty) {
        EXPECT_EQ(value("FullyQualifiedDomainName"), "");
        EXPECT_EQ(value("NoSuchFact"), "(none)");
}

TEST_F(Auto, ShowsTheFactsOfTheirGivers) {
        facts[KVP_FACT_NAME] = "Debian GNU/Linux";
        kvp_auto_set_version(autos, "3.1");
        EXPECT_EQ(value("OSName"), "Debian GNU/Linux");
        EXPECT_EQ(value("IntegrationServicesVersion"), "3.1");
}

TEST_F(Auto, CutsListsBetweenAddresses) {
        for (int i = 0; i < 100; i++)
                facts[KVP_FACT_IPV4] += (i ? ";192.168.100." : "192.168.100.") + std::to_string(100 + i);

        std::string list = value("NetworkAddressIPv4");
        EXPECT_LE(list.size(), 1022u);
        EXPECT_GT(list.size(), 1022u - 16);
        EXPECT_EQ(facts[KVP_FACT_IPV4].compare(0, list.size(), list), 0);
        EXPECT_EQ(facts[KVP_FACT_IPV4][list.size()], ';') << "not in the middle of an address";
}

TEST_F(Auto, KeepsAListThatJustFits) {
        facts[KVP_FACT_IPV4] = std::string(1022, '1');
        EXPECT_EQ(value("NetworkAddressIPv4").size(), 1022u);
        facts[KVP_FACT_IPV4] = std::string(1022, '1') + ";2";
        EXPECT_EQ(value("NetworkAddressIPv4").size(), 1022u);
}

TEST_F(Auto, CutsOtherTextsBetweenCharacters) {
        for (int i = 0; i < 1021; i++)
                facts[KVP_FACT_NAME] += "x";
        facts[KVP_FACT_NAME] += "😀";
        EXPECT_EQ(value("OSName"), std::string(1021, 'x')) << "the last character needs two units";
}

TEST_F(Auto, NamesWhatChangedOnce) {
        EXPECT_TRUE(refresh().empty());
        facts[KVP_FACT_FQDN] = "vm.example.org";
        facts[KVP_FACT_IPV6] = "2001:db8::1";
        EXPECT_EQ(refresh(), (std::vector<std::string>{ "FullyQualifiedDomainName", "NetworkAddressIPv6" }));
        EXPECT_TRUE(refresh().empty());
}

TEST_F(Auto, CountsGenerations) {
        uint64_t before = kvp_auto_get_generation(autos);
        EXPECT_GE(before, 1u);
        refresh();
        EXPECT_EQ(kvp_auto_get_generation(autos), before);
        facts[KVP_FACT_FQDN] = "vm";
        refresh();
        EXPECT_EQ(kvp_auto_get_generation(autos), before + 1);
}

} // namespace
