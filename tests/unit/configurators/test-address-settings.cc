/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <string>
#include <utility>
#include <vector>

#include "configurators/kernel-addresses.h"

using Addresses = std::vector<std::pair<std::string, unsigned>>;

static AddressSettings *settings_of(const Addresses &addresses, bool dhcp4 = false, unsigned families = 3) {
        AddressSettings *settings = address_settings_new();
        settings->dhcp4 = dhcp4;
        settings->families = families;
        for (const auto &[text, prefix] : addresses)
                EXPECT_EQ(address_settings_add_address(settings, text.c_str(), prefix), 0) << text;
        return settings;
}

static GArray *kernel_of(const Addresses &addresses, uint32_t flags = IFA_F_PERMANENT) {
        GArray *kernel = g_array_new(false, false, sizeof(KernelAddress));
        for (const auto &[text, prefix] : addresses) {
                KernelAddress address = {};
                EXPECT_EQ(host_address_parse(text.c_str(), &address.address), 0);
                address.address.prefix = (uint8_t) prefix;
                address.flags = flags;
                g_array_append_val(kernel, address);
        }
        return kernel;
}

static AddressVerdict compare(const AddressSettings *settings, const Addresses &now,
                              const Addresses &before = {}, uint32_t flags = IFA_F_PERMANENT,
                              bool carrier = true, const HostAddress *lease = nullptr) {
        g_autoptr(GArray) kernel = kernel_of(now, flags), old = kernel_of(before);
        return address_settings_compare(settings, kernel, old, lease, carrier);
}

TEST(AddressSettings, TakeOnlyAddressesThatAreOnes) {
        g_autoptr(AddressSettings) settings = address_settings_new();
        EXPECT_LT(address_settings_add_address(settings, "10.0.0.256", 24), 0);
        EXPECT_LT(address_settings_add_address(settings, "10.0.0.1", 0), 0);
        EXPECT_LT(address_settings_add_address(settings, "10.0.0.1", 33), 0);
        EXPECT_LT(address_settings_add_address(settings, "fd00::1", 129), 0);
        EXPECT_LT(address_settings_add_gateway(settings, ""), 0);
        EXPECT_LT(address_settings_add_dns(settings, "10.0.0.1/24"), 0);
        EXPECT_EQ(address_settings_add_address(settings, "fd00::1", 128), 0);
}

TEST(AddressSettings, NeedAnAddressOrDhcp) {
        g_autoptr(AddressSettings) nothing = settings_of({});
        g_autofree char *complaint = address_settings_complaint(nothing);
        EXPECT_NE(complaint, nullptr);
        g_autoptr(AddressSettings) dhcp = settings_of({}, true);
        EXPECT_EQ(address_settings_complaint(dhcp), nullptr);
        EXPECT_TRUE(address_settings_speak_about(dhcp, AF_INET));
        EXPECT_FALSE(address_settings_speak_about(dhcp, AF_INET6));
}

TEST(AddressSettings, ComplainAboutAGatewayThatNobodyReaches) {
        g_autoptr(AddressSettings) settings = settings_of({ { "10.1.0.5", 23 }, { "fd00::5", 61 } });
        for (const char *gateway : { "10.1.1.254", "fd00:0:0:7::1", "fe80::1" })
                EXPECT_EQ(address_settings_add_gateway(settings, gateway), 0);
        EXPECT_EQ(address_settings_complaint(settings), nullptr);

        address_settings_add_gateway(settings, "10.1.2.1");
        g_autofree char *complaint = address_settings_complaint(settings);
        ASSERT_NE(complaint, nullptr);
        EXPECT_NE(std::string(complaint).find("10.1.2.1"), std::string::npos);
}

TEST(Verdict, WantsEveryAddressWithItsPrefix) {
        g_autoptr(AddressSettings) settings = settings_of({ { "10.1.0.5", 24 }, { "10.1.0.6", 24 } });
        EXPECT_EQ(compare(settings, { { "10.1.0.5", 24 }, { "10.1.0.6", 24 } }), ADDRESSES_AS_ASKED);
        EXPECT_EQ(compare(settings, { { "10.1.0.5", 24 } }), ADDRESSES_DIFFERENT);
        EXPECT_EQ(compare(settings, { { "10.1.0.5", 24 }, { "10.1.0.6", 25 } }), ADDRESSES_DIFFERENT);
}

TEST(Verdict, WantsTheFirstOneToBePrimary) {
        g_autoptr(AddressSettings) settings = settings_of({ { "10.1.0.5", 24 }, { "10.1.0.6", 24 } });
        EXPECT_EQ(compare(settings, { { "10.1.0.6", 24 }, { "10.1.0.5", 24 } }), ADDRESSES_DIFFERENT);
}

TEST(Verdict, WantsTheOldOnesGoneAndLeavesStrangersAlone) {
        g_autoptr(AddressSettings) settings = settings_of({ { "10.1.0.6", 24 } });
        EXPECT_EQ(compare(settings, { { "10.1.0.6", 24 }, { "10.1.0.5", 24 } }, { { "10.1.0.5", 24 } }),
                  ADDRESSES_DIFFERENT);
        EXPECT_EQ(compare(settings, { { "10.1.0.6", 24 }, { "10.1.0.9", 24 } }, { { "10.1.0.5", 24 } }),
                  ADDRESSES_AS_ASKED);
        EXPECT_EQ(compare(settings, { { "10.1.0.6", 24 }, { "fd00::5", 64 } }, { { "fd00::5", 64 } }),
                  ADDRESSES_AS_ASKED)
                << "the other family was not spoken about";
}

TEST(Verdict, WaitsForTheDuplicateDetectionButNotWithoutACarrier) {
        g_autoptr(AddressSettings) settings = settings_of({ { "fd00::6", 64 } });
        const Addresses now = { { "fd00::6", 64 } };
        EXPECT_EQ(compare(settings, now, {}, IFA_F_PERMANENT | IFA_F_TENTATIVE), ADDRESSES_TENTATIVE);
        EXPECT_EQ(compare(settings, now, {}, IFA_F_PERMANENT | IFA_F_TENTATIVE, false), ADDRESSES_AS_ASKED);
        EXPECT_EQ(compare(settings, now, {}, IFA_F_TENTATIVE | IFA_F_DADFAILED), ADDRESSES_DUPLICATE);
}

TEST(Verdict, WantsTheLeaseInTheKernel) {
        g_autoptr(AddressSettings) settings = settings_of({}, true, 1);
        HostAddress lease = {};
        ASSERT_EQ(host_address_parse("10.1.0.101", &lease), 0);
        EXPECT_EQ(compare(settings, { { "10.1.0.101", 24 } }, {}, 0, true, &lease), ADDRESSES_AS_ASKED);
        EXPECT_EQ(compare(settings, { { "10.1.0.101", 24 } }), ADDRESSES_DIFFERENT) << "no lease";
        EXPECT_EQ(compare(settings, {}, {}, 0, true, &lease), ADDRESSES_DIFFERENT) << "not in the kernel";
        EXPECT_EQ(compare(settings, { { "10.1.0.101", 24 }, { "10.1.0.5", 24 } }, { { "10.1.0.5", 24 } }, 0,
                          true, &lease),
                  ADDRESSES_DIFFERENT)
                << "the old static address is still there";
        EXPECT_EQ(compare(settings, {}, {}, 0, false), ADDRESSES_AS_ASKED) << "no carrier";
}

TEST(KernelAddresses, OfTheLoopbackDeviceAreRead) {
        g_autoptr(GArray) found = nullptr, same = nullptr;
        ASSERT_EQ(kernel_addresses_read(1, &found), 0);
        ASSERT_EQ(kernel_addresses_read(1, &same), 0);
        EXPECT_TRUE(kernel_addresses_equal(found, same));
        g_autoptr(GArray) other = kernel_of({ { "10.1.0.5", 24 } });
        EXPECT_FALSE(kernel_addresses_equal(other, same));
}
