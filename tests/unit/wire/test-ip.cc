/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/ip.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr const char *guid = "{8C3F0A1E-5B7D-4E21-9F3A-0123456789AB}";
constexpr size_t at_ip = 262, at_masks = 2310;

struct Set {
        std::string adapter = guid, addresses, masks, gateways, dns;
        bool dhcp = false;
};

struct Outcome {
        int refusal;
        WireStatus status = WIRE_STATUS_OK;
        IpSettings settings = {};
        std::string item;
};

Outcome parse(const uint8_t *message) {
        Outcome outcome = {};
        char item[64];
        outcome.refusal = ip_wire_parse_set(message, &outcome.settings, &outcome.status, item);
        outcome.item = item;
        return outcome;
}

Outcome parse(const Set &set) {
        std::vector<uint8_t> message(KVP_MESSAGE_SIZE);
        ip_wire_request_set(message.data(), set.adapter.c_str(), 3, set.dhcp, set.addresses.c_str(),
                            set.masks.c_str(), set.gateways.c_str(), set.dns.c_str());
        return parse(message.data());
}

Outcome addresses(const std::string &list, const std::string &masks) {
        Set set;
        set.addresses = list;
        set.masks = masks;
        return parse(set);
}

std::string text(const IpAddress &address) {
        char buffer[INET6_ADDRSTRLEN];
        inet_ntop(address.family, address.family == AF_INET6 ? (const void *)&address.in6 : &address.in,
                  buffer, sizeof buffer);
        return buffer;
}

} // namespace

TEST(IpSet, ReadsBothFamiliesInTheHostsOrder) {
        Set set;
        set.addresses = "10.0.0.5;fd00::5; 10.0.0.6;";
        set.masks = "255.255.255.0;64;255.255.0.0";
        set.gateways = "10.0.0.1;fd00::1";
        set.dns = "10.0.0.2;10.0.0.3;fd00::53;";
        Outcome o = parse(set);
        ASSERT_EQ(o.refusal, 0) << o.item;
        EXPECT_STREQ(o.settings.adapter, "8c3f0a1e-5b7d-4e21-9f3a-0123456789ab");
        ASSERT_EQ(o.settings.n_addresses, 3u);
        EXPECT_EQ(text(o.settings.addresses[0]), "10.0.0.5");
        EXPECT_EQ(o.settings.addresses[0].prefix, 24);
        EXPECT_EQ(text(o.settings.addresses[1]), "fd00::5");
        EXPECT_EQ(o.settings.addresses[1].prefix, 64);
        EXPECT_EQ(o.settings.addresses[2].prefix, 16);
        EXPECT_EQ(o.settings.n_gateways, 2u);
        EXPECT_EQ(o.settings.n_dns, 3u);
        EXPECT_EQ(o.settings.families, 3u);
        EXPECT_FALSE(o.settings.dhcp);
}

TEST(IpSet, AcceptsPrefixesWithAndWithoutSlash) {
        EXPECT_EQ(addresses("10.0.0.5;fd00::5", "24;/64").settings.addresses[1].prefix, 64);
        EXPECT_EQ(addresses("10.0.0.5", "/24").settings.addresses[0].prefix, 24);
        EXPECT_EQ(addresses("10.0.0.5", "32").settings.addresses[0].prefix, 32);
        EXPECT_EQ(addresses("fd00::5", "128").settings.addresses[0].prefix, 128);
}

TEST(IpSet, TakesDhcpAloneAndDhcpWithStaticIpv6) {
        Set set;
        set.dhcp = true;
        EXPECT_EQ(parse(set).refusal, 0);
        EXPECT_EQ(parse(set).settings.families, 1u);
        set.addresses = "fd00::5";
        set.masks = "64";
        EXPECT_EQ(parse(set).settings.families, 3u);
}

struct RefusalRow {
        const char *name;
        Set set;
        IpRefusal refusal;
};

class IpSetRefuses : public testing::TestWithParam<RefusalRow> {};

static std::string repeat(const std::string &item, size_t n) {
        std::string list;
        for (size_t i = 0; i < n; i++)
                list += item + ";";
        return list;
}

TEST_P(IpSetRefuses, WithInvalidArgument) {
        Outcome o = parse(GetParam().set);
        EXPECT_EQ(o.refusal, GetParam().refusal)
                << ip_refusal_to_string((IpRefusal)o.refusal) << " " << o.item;
        EXPECT_EQ(o.status, WIRE_STATUS_INVALID);
        EXPECT_LT(o.item.size(), 64u);
}

static const RefusalRow refusals[] = {
        { "GuidMissing", { "", "10.0.0.5", "24" }, IP_REFUSAL_ADAPTER },
        { "GuidTooShort", { "8c3f0a1e-5b7d-4e21-9f3a-0123456789a", "10.0.0.5", "24" }, IP_REFUSAL_ADAPTER },
        { "GuidHalfBraced",
          { "{8c3f0a1e-5b7d-4e21-9f3a-0123456789ab", "10.0.0.5", "24" },
          IP_REFUSAL_ADAPTER },
        { "GuidWithPath", { "../../../../../../etc/passwd/././././", "10.0.0.5", "24" }, IP_REFUSAL_ADAPTER },
        { "Nothing", {}, IP_REFUSAL_EMPTY },
        { "AddressWord", { guid, "ra", "24" }, IP_REFUSAL_ADDRESS },
        { "AddressZero", { guid, "0.0.0.0", "24" }, IP_REFUSAL_ADDRESS },
        { "AddressLoopback", { guid, "127.0.0.1", "8" }, IP_REFUSAL_ADDRESS },
        { "AddressMulticast", { guid, "224.0.0.1", "24" }, IP_REFUSAL_ADDRESS },
        { "AddressBroadcast", { guid, "255.255.255.255", "24" }, IP_REFUSAL_ADDRESS },
        { "AddressV6Loopback", { guid, "::1", "64" }, IP_REFUSAL_ADDRESS },
        { "AddressV6Multicast", { guid, "ff02::1", "64" }, IP_REFUSAL_ADDRESS },
        { "AddressV4Mapped", { guid, "::ffff:10.0.0.1", "64" }, IP_REFUSAL_ADDRESS },
        { "AddressZone", { guid, "fe80::1%eth0", "64" }, IP_REFUSAL_ADDRESS },
        { "AddressPrefix", { guid, "10.0.0.5/24", "24" }, IP_REFUSAL_ADDRESS },
        { "MaskMissing", { guid, "10.0.0.5;10.0.0.6", "24" }, IP_REFUSAL_MASK },
        { "MaskTooMany", { guid, "10.0.0.5", "24;24" }, IP_REFUSAL_MASK },
        { "MaskHoles", { guid, "10.0.0.5", "255.0.255.0" }, IP_REFUSAL_MASK },
        { "MaskZero", { guid, "10.0.0.5", "0.0.0.0" }, IP_REFUSAL_MASK },
        { "Mask33", { guid, "10.0.0.5", "33" }, IP_REFUSAL_MASK },
        { "MaskZeroPrefix", { guid, "fd00::5", "0" }, IP_REFUSAL_MASK },
        { "Mask129", { guid, "fd00::5", "129" }, IP_REFUSAL_MASK },
        { "MaskHuge", { guid, "fd00::5", "99999999999" }, IP_REFUSAL_MASK },
        { "MaskSlashOnly", { guid, "fd00::5", "/" }, IP_REFUSAL_MASK },
        { "GatewayWord", { guid, "10.0.0.5", "24", "default" }, IP_REFUSAL_GATEWAY },
        { "GatewayMulticast", { guid, "10.0.0.5", "24", "224.0.0.1" }, IP_REFUSAL_GATEWAY },
        { "DnsWord", { guid, "10.0.0.5", "24", "", "dns.example" }, IP_REFUSAL_DNS },
        { "TooManyGateways", { guid, "10.0.0.5", "24", repeat("10.0.0.1", 17) }, IP_REFUSAL_TOO_MANY },
        { "TooManyAddresses", { guid, repeat("10.0.0.5", 65), repeat("24", 65) }, IP_REFUSAL_TOO_MANY },
};
INSTANTIATE_TEST_SUITE_P(, IpSetRefuses, testing::ValuesIn(refusals),
                         [](const auto &info) { return info.param.name; });

/* The token that overflows 46 bytes of the older daemon's stack. */
TEST(IpSet, RefusesA2048ByteTokenByItsFirstBytes) {
        Outcome o = addresses(std::string(2047, '1'), "24");
        EXPECT_EQ(o.refusal, IP_REFUSAL_ADDRESS);
        EXPECT_EQ(o.item, std::string(63, '1'));
        EXPECT_EQ(addresses("10.0.0.5", std::string(2047, '2')).refusal, IP_REFUSAL_MASK);
}

TEST(IpSet, RefusesAFieldWithoutTerminatorAndOtherEncodings) {
        std::vector<uint8_t> message(KVP_MESSAGE_SIZE);
        ip_wire_request_set(message.data(), guid, 1, false, "10.0.0.5", "24", "", "");
        ASSERT_EQ(parse(message.data()).refusal, 0);

        auto unterminated = message;
        memset(unterminated.data() + at_ip, '1', 2048);
        EXPECT_EQ(parse(unterminated.data()).refusal, IP_REFUSAL_TEXT);

        auto utf16 = message;
        memcpy(utf16.data() + at_ip, "1\0000\0.\0", 6);
        utf16[at_ip + 1] = 0xff;
        EXPECT_EQ(parse(utf16.data()).refusal, IP_REFUSAL_TEXT);
}

TEST(IpSet, ShowsNoControlCharactersInItsComplaint) {
        EXPECT_EQ(addresses("10.0\n\x1b[31m", "24").item, "10.0??[31m");
}

TEST(IpGet, ReadsTheMacInBothSpellings) {
        std::vector<uint8_t> message(KVP_MESSAGE_SIZE);
        uint8_t mac[6] = {};
        ip_wire_request_get(message.data(), "00:15:5D:01:02:0a");
        ASSERT_EQ(ip_wire_parse_get(message.data(), mac), 0);
        EXPECT_EQ(memcmp(mac, "\x00\x15\x5d\x01\x02\x0a", 6), 0);
        ip_wire_request_get(message.data(), "00-15-5D-01-02-0A");
        EXPECT_EQ(ip_wire_parse_get(message.data(), mac), 0);
        for (const char *bad :
             { "", "00:15:5D:01:02", "00:15:5D:01:02:0a:", "0g:15:5D:01:02:0a", "00:15:5D:01:02.0a" }) {
                ip_wire_request_get(message.data(), bad);
                EXPECT_EQ(ip_wire_parse_get(message.data(), mac), -EBADMSG) << bad;
        }
}

/* A round trip of what SET brought through what GET reports, for generated configurations. */
TEST(IpGet, ReportsWhatWasSetForGeneratedConfigurations) {
        std::mt19937 random(20261124);
        auto upto = [&](unsigned n) { return (unsigned)(random() % (n + 1)); };

        for (int round = 0; round < 500; round++) {
                IpSettings in = {};
                in.n_addresses = 1 + upto(7);
                in.n_gateways = upto(4);
                in.n_dns = upto(6);
                in.dhcp = upto(1);
                in.families = in.dhcp ? 1 : 0;
                auto fill = [&](IpAddress *list, size_t n) {
                        for (size_t i = 0; i < n; i++) {
                                list[i].family = upto(1) ? AF_INET : AF_INET6;
                                if (list[i].family == AF_INET)
                                        list[i].in.s_addr = htonl(0x0a000000 | (random() & 0xffffff) | 1);
                                else {
                                        for (auto &byte : list[i].in6.s6_addr)
                                                byte = (uint8_t)random();
                                        list[i].in6.s6_addr[0] = 0xfd;
                                }
                        }
                };
                fill(in.addresses, in.n_addresses);
                fill(in.gateways, in.n_gateways);
                fill(in.dns, in.n_dns);
                for (size_t i = 0; i < in.n_addresses; i++) {
                        in.addresses[i].prefix =
                                (uint8_t)(1 + upto(in.addresses[i].family == AF_INET ? 31 : 127));
                        in.families |= in.addresses[i].family == AF_INET ? 1 : 2;
                }

                std::vector<uint8_t> reply(KVP_MESSAGE_SIZE), set(KVP_MESSAGE_SIZE);
                ip_wire_reply_get(reply.data(), "00:15:5D:01:02:03", &in);
                IpTexts texts;
                ASSERT_EQ(ip_wire_parse_texts(reply.data(), &texts), 0);
                ip_wire_request_set(set.data(), guid, texts.family, texts.dhcp, texts.addresses, texts.masks,
                                    texts.gateways, texts.dns);
                Outcome o = parse(set.data());
                ASSERT_EQ(o.refusal, 0) << o.item;
                ASSERT_EQ(o.settings.n_addresses, in.n_addresses);
                ASSERT_EQ(o.settings.n_gateways, in.n_gateways);
                ASSERT_EQ(o.settings.n_dns, in.n_dns);
                EXPECT_EQ(o.settings.families, in.families);
                EXPECT_EQ(o.settings.dhcp, in.dhcp);
                for (size_t i = 0; i < in.n_addresses; i++) {
                        EXPECT_EQ(text(o.settings.addresses[i]), text(in.addresses[i]));
                        EXPECT_EQ(o.settings.addresses[i].prefix, in.addresses[i].prefix);
                }
        }
}

TEST(IpGet, LeavesOutWholeItemsThatWouldNotReachTheHost) {
        IpSettings in = {};
        in.n_addresses = IP_ADDRESSES_MAX;
        in.n_gateways = IP_GATEWAYS_MAX;
        auto widest = [](IpAddress &a, size_t i) {
                a.family = AF_INET6;
                inet_pton(AF_INET6, "fd12:3456:789a:bcde:f012:3456:789a:bcde", &a.in6);
                a.in6.s6_addr[15] = (uint8_t)i;
                a.prefix = 128;
        };
        for (size_t i = 0; i < in.n_addresses; i++)
                widest(in.addresses[i], i);
        for (size_t i = 0; i < in.n_gateways; i++)
                widest(in.gateways[i], i);

        std::vector<uint8_t> reply(KVP_MESSAGE_SIZE, 0xee);
        ip_wire_reply_get(reply.data(), "00:15:5D:01:02:03", &in);
        IpTexts texts;
        ASSERT_EQ(ip_wire_parse_texts(reply.data(), &texts), 0);
        EXPECT_LE(strlen(texts.addresses), 1023u);
        EXPECT_LE(strlen(texts.gateways), 511u);
        std::string list = texts.addresses, masks = texts.masks;
        EXPECT_EQ(std::count(list.begin(), list.end(), ';'), std::count(masks.begin(), masks.end(), ';'));
        EXPECT_NE(list.back(), ';');
        EXPECT_EQ((size_t)std::count(list.begin(), list.end(), ';') + 1, 1023 / (list.find(';') + 1));
        EXPECT_EQ(reply[at_masks + 2047], 0);
}
