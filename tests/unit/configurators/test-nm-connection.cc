/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtest/gtest.h>
#include <string>

#include "configurators/networkmanager/connection.h"

static AddressSettings *two_families() {
        AddressSettings *settings = address_settings_new();
        settings->families = 3;
        address_settings_add_address(settings, "10.1.0.20", 24);
        address_settings_add_address(settings, "10.1.0.10", 24);
        address_settings_add_address(settings, "fd01::20", 64);
        address_settings_add_gateway(settings, "10.1.0.1");
        address_settings_add_gateway(settings, "10.1.0.2");
        address_settings_add_dns(settings, "10.1.0.3");
        return settings;
}

static NMConnection *office() {
        g_autoptr(AddressSettings) settings = address_settings_new();
        settings->families = 1;
        settings->dhcp4 = true;
        NMConnection *connection = connection_new_for("eth0", settings);
        NMSettingIPConfig *ip = nm_connection_get_setting_ip4_config(connection);
        nm_setting_ip_config_add_dns_search(ip, "office.example");
        nm_connection_remove_setting(connection, NM_TYPE_SETTING_USER);
        return connection;
}

TEST(Connection, IsValidForNetworkManager) {
        g_autoptr(AddressSettings) settings = two_families();
        g_autoptr(NMConnection) connection = connection_new_for("eth0", settings);
        g_autoptr(GError) error = nullptr;
        EXPECT_TRUE(nm_connection_verify(connection, &error)) << error->message;
        EXPECT_TRUE(connection_is_ours(connection));
        EXPECT_FALSE(connection_is_opted_out(connection));
        EXPECT_FALSE(connection_has_dhcp4(connection));
}

TEST(Connection, KeepsTheOrderAndTheFurtherGateways) {
        g_autoptr(AddressSettings) settings = two_families();
        g_autoptr(NMConnection) connection = connection_new_for("eth0", settings);
        NMSettingIPConfig *ip = nm_connection_get_setting_ip4_config(connection);
        ASSERT_EQ(nm_setting_ip_config_get_num_addresses(ip), 2u);
        EXPECT_STREQ(nm_ip_address_get_address(nm_setting_ip_config_get_address(ip, 0)), "10.1.0.20");
        EXPECT_STREQ(nm_setting_ip_config_get_gateway(ip), "10.1.0.1");
        ASSERT_EQ(nm_setting_ip_config_get_num_routes(ip), 1u);
        EXPECT_STREQ(nm_ip_route_get_next_hop(nm_setting_ip_config_get_route(ip, 0)), "10.1.0.2");

        connection_set_addresses(connection, settings);
        EXPECT_EQ(nm_setting_ip_config_get_num_routes(ip), 1u) << "the second injection adds nothing";
}

TEST(Connection, RemembersWhatWasBeforeTheFirstInjection) {
        g_autoptr(NMConnection) before = office(), connection = nm_simple_connection_new_clone(before);
        EXPECT_EQ(connection_restored(connection), nullptr);
        g_autoptr(AddressSettings) settings = two_families();
        for (int i = 0; i < 2; i++) {
                connection_remember(connection, settings);
                connection_set_addresses(connection, settings);
        }
        EXPECT_FALSE(connection_has_dhcp4(connection));

        g_autoptr(NMConnection) restored = connection_restored(connection);
        ASSERT_NE(restored, nullptr);
        NMSettingIPConfig *ip = nm_connection_get_setting_ip4_config(restored);
        EXPECT_TRUE(connection_has_dhcp4(restored));
        EXPECT_EQ(nm_setting_ip_config_get_num_addresses(ip), 0u);
        EXPECT_STREQ(nm_setting_ip_config_get_dns_search(ip, 0), "office.example");
        EXPECT_TRUE(nm_setting_compare(NM_SETTING(ip),
                                       NM_SETTING(nm_connection_get_setting_ip4_config(before)),
                                       NM_SETTING_COMPARE_FLAG_EXACT));
}

TEST(Connection, SeesTheMarkOfTheAdministrator) {
        g_autoptr(NMConnection) connection = office();
        NMSetting *user = nm_setting_user_new();
        nm_connection_add_setting(connection, user);
        nm_setting_user_set_data(NM_SETTING_USER(user), CONNECTION_KEY_SKIP, "yes", nullptr);
        EXPECT_TRUE(connection_is_opted_out(connection));
        nm_setting_user_set_data(NM_SETTING_USER(user), CONNECTION_KEY_SKIP, "no", nullptr);
        EXPECT_FALSE(connection_is_opted_out(connection));
}
