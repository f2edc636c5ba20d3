/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <string>

#include "configurators/networkd/network-file.h"

static const char *base =
        "# office\n[Match]\nName=eth*\n[Link]\nMTUBytes=1400\n[Network]\nDHCP=yes\nDNS=10.9.0.1\n"
        "DNS=fd09::1\nAddress=fd01::5/64\nDomains=office.example\n[Address]\nAddress=10.1.0.5/24\n"
        "[Route]\nDestination=10.99.0.0/16\nGateway=10.1.0.1\n[Route]\nGateway=10.1.0.254\n";

static std::string text_for(const AddressSettings *settings) {
        g_autofree char *text = network_file_text(base, "MACAddress=02:00:00:00:00:01\n", settings);
        return text;
}

static bool has(const std::string &text, const char *line) {
        return text.find(std::string("\n") + line + "\n") != std::string::npos;
}

TEST(NetworkFile, HasTheNewAddressesInsteadOfTheOldOnes) {
        g_autoptr(AddressSettings) settings = address_settings_new();
        settings->families = 1;
        address_settings_add_address(settings, "10.1.0.6", 24);
        address_settings_add_gateway(settings, "10.1.0.1");
        address_settings_add_dns(settings, "10.1.0.2");
        std::string text = text_for(settings);

        for (const char *line :
             { "MACAddress=02:00:00:00:00:01", "Address=10.1.0.6/24", "Gateway=10.1.0.1", "DNS=10.1.0.2",
               "MTUBytes=1400", "Domains=office.example", "Destination=10.99.0.0/16" })
                EXPECT_TRUE(has(text, line)) << line << " in\n" << text;
        for (const char *line : { "Name=eth*", "Address=10.1.0.5/24", "DNS=10.9.0.1", "Gateway=10.1.0.254" })
                EXPECT_FALSE(has(text, line)) << line << " in\n" << text;
}

TEST(NetworkFile, LeavesTheOtherFamilyAlone) {
        g_autoptr(AddressSettings) settings = address_settings_new();
        settings->families = 1;
        address_settings_add_address(settings, "10.1.0.6", 24);
        std::string text = text_for(settings);
        for (const char *line : { "Address=fd01::5/64", "DNS=fd09::1", "DHCP=ipv6" })
                EXPECT_TRUE(has(text, line)) << line << " in\n" << text;
        EXPECT_FALSE(has(text, "IPv6AcceptRA=no"));
}

TEST(NetworkFile, SaysDhcp) {
        g_autoptr(AddressSettings) settings = address_settings_new();
        settings->families = 1;
        settings->dhcp4 = true;
        std::string text = text_for(settings);
        EXPECT_TRUE(has(text, "DHCP=yes")) << text;
        EXPECT_TRUE(network_file_has_dhcp4(text.c_str()));
        EXPECT_FALSE(has(text, "Address=10.1.0.5/24"));
}

TEST(NetworkFile, OfAnInjectionIsTheBaseOfTheNext) {
        g_autoptr(AddressSettings) first = address_settings_new(), second = address_settings_new();
        first->families = second->families = 1;
        address_settings_add_address(first, "10.1.0.6", 24);
        address_settings_add_gateway(first, "10.1.0.1");
        address_settings_add_address(second, "10.1.0.7", 24);
        std::string text = text_for(first);
        g_autofree char *next = network_file_text(text.c_str(), "Name=eth0\n", second);
        EXPECT_FALSE(has(next, "Address=10.1.0.6/24"));
        EXPECT_FALSE(has(next, "\n[Route]\nGateway=10.1.0.1")) << next;
        EXPECT_TRUE(has(next, "Address=10.1.0.7/24"));
        EXPECT_TRUE(has(next, "Destination=10.99.0.0/16"));
}
