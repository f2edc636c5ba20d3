/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "common/log.h"
#include "configurators/networkmanager/connection.h"

/* Above what people write by hand, so that the device comes up with our profile and not with an older one. */
#define AUTOCONNECT_PRIORITY 100

/* The first gateway is the profile's; each further one is a default route that is used when those before it are gone. */
#define FURTHER_GATEWAY_METRIC 1000

static bool speak_about(const AddressSettings *settings, int family) {
        return address_settings_speak_about(settings, family);
}

/* --- addresses --- */

static NMSettingIPConfig *get_ip_setting(NMConnection *connection, int family) {
        NMSettingIPConfig *ip = family == AF_INET ? nm_connection_get_setting_ip4_config(connection)
                                                  : nm_connection_get_setting_ip6_config(connection);

        if (!ip) {
                ip = NM_SETTING_IP_CONFIG(family == AF_INET ? nm_setting_ip4_config_new()
                                                            : nm_setting_ip6_config_new());
                nm_connection_add_setting(connection, NM_SETTING(ip));
        }
        return ip;
}

static const char *method_for(const AddressSettings *settings, int family) {
        if (family == AF_INET)
                return settings->dhcp4 ? NM_SETTING_IP4_CONFIG_METHOD_AUTO
                                       : NM_SETTING_IP4_CONFIG_METHOD_MANUAL;
        return NM_SETTING_IP6_CONFIG_METHOD_MANUAL;
}

static void set_addresses(NMSettingIPConfig *ip, const AddressSettings *settings, int family) {
        char text[INET6_ADDRSTRLEN];

        nm_setting_ip_config_clear_addresses(ip);
        if (family == AF_INET && settings->dhcp4)
                return;
        for (unsigned i = 0; i < settings->addresses->len; i++) {
                const HostAddress *address = &g_array_index(settings->addresses, HostAddress, i);
                if (address->family != family)
                        continue;
                NMIPAddress *item =
                        nm_ip_address_new(family, host_address_text(address, text), address->prefix, NULL);
                nm_setting_ip_config_add_address(ip, item);
                nm_ip_address_unref(item);
        }
}

static void set_dns(NMSettingIPConfig *ip, const AddressSettings *settings, int family) {
        char text[INET6_ADDRSTRLEN];
        bool any = false;

        nm_setting_ip_config_clear_dns(ip);
        for (unsigned i = 0; i < settings->dns->len; i++) {
                const HostAddress *server = &g_array_index(settings->dns, HostAddress, i);
                if (server->family == family)
                        any |= nm_setting_ip_config_add_dns(ip, host_address_text(server, text));
        }
        if (family == AF_INET && settings->dhcp4)
                g_object_set(ip, NM_SETTING_IP_CONFIG_IGNORE_AUTO_DNS, any, NULL);
}

static void remove_default_routes(NMSettingIPConfig *ip) {
        for (unsigned i = nm_setting_ip_config_get_num_routes(ip); i-- > 0;)
                if (nm_ip_route_get_prefix(nm_setting_ip_config_get_route(ip, (int) i)) == 0)
                        nm_setting_ip_config_remove_route(ip, (int) i);
}

static void add_default_route(NMSettingIPConfig *ip, int family, const char *gateway, unsigned n) {
        NMIPRoute *route = nm_ip_route_new(family, family == AF_INET ? "0.0.0.0" : "::", 0, gateway,
                                           FURTHER_GATEWAY_METRIC + n, NULL);

        nm_setting_ip_config_add_route(ip, route);
        nm_ip_route_unref(route);
}

static void set_gateways(NMSettingIPConfig *ip, const AddressSettings *settings, int family) {
        char text[INET6_ADDRSTRLEN];
        unsigned n = 0;

        g_object_set(ip, NM_SETTING_IP_CONFIG_GATEWAY, NULL, NULL);
        remove_default_routes(ip);
        if (family == AF_INET && settings->dhcp4)
                return;
        for (unsigned i = 0; i < settings->gateways->len; i++) {
                const HostAddress *gateway = &g_array_index(settings->gateways, HostAddress, i);
                if (gateway->family != family)
                        continue;
                if (n++ == 0)
                        g_object_set(ip, NM_SETTING_IP_CONFIG_GATEWAY, host_address_text(gateway, text),
                                     NULL);
                else
                        add_default_route(ip, family, host_address_text(gateway, text), n);
        }
}

static void set_family(NMConnection *connection, const AddressSettings *settings, int family) {
        NMSettingIPConfig *ip = get_ip_setting(connection, family);

        /* The addresses before the method: a manual setting without one is no setting, nor one with a gateway only. */
        set_addresses(ip, settings, family);
        set_gateways(ip, settings, family);
        set_dns(ip, settings, family);
        g_object_set(ip, NM_SETTING_IP_CONFIG_METHOD, method_for(settings, family), NULL);
}

void connection_set_addresses(NMConnection *connection, const AddressSettings *settings) {
        if (speak_about(settings, AF_INET))
                set_family(connection, settings, AF_INET);
        if (speak_about(settings, AF_INET6))
                set_family(connection, settings, AF_INET6);
}

/* --- marks --- */

static NMSettingUser *get_user_setting(NMConnection *connection) {
        NMSetting *user = nm_connection_get_setting(connection, NM_TYPE_SETTING_USER);

        if (!user) {
                user = nm_setting_user_new();
                nm_connection_add_setting(connection, user);
        }
        return NM_SETTING_USER(user);
}

static const char *get_mark(NMConnection *connection, const char *key) {
        NMSetting *user = nm_connection_get_setting(connection, NM_TYPE_SETTING_USER);

        return user ? nm_setting_user_get_data(NM_SETTING_USER(user), key) : NULL;
}

static void set_mark(NMConnection *connection, const char *key, const char *value) {
        g_autoptr(GError) error = NULL;

        if (!nm_setting_user_set_data(get_user_setting(connection), key, value, &error))
                log_notice("Cannot note %s in the profile %s (%s), it cannot be reverted.", key,
                           nm_connection_get_id(connection), error->message);
}

bool connection_is_ours(NMConnection *connection) {
        return g_strcmp0(get_mark(connection, CONNECTION_KEY_ORIGIN), CONNECTION_ORIGIN) == 0;
}

bool connection_is_opted_out(NMConnection *connection) {
        const char *skip = get_mark(connection, CONNECTION_KEY_SKIP);

        return skip && (g_ascii_strcasecmp(skip, "yes") == 0 || g_ascii_strcasecmp(skip, "true") == 0 ||
                        strcmp(skip, "1") == 0);
}

bool connection_has_dhcp4(NMConnection *connection) {
        NMSettingIPConfig *ip = nm_connection_get_setting_ip4_config(connection);

        return ip && g_strcmp0(nm_setting_ip_config_get_method(ip), NM_SETTING_IP4_CONFIG_METHOD_AUTO) == 0;
}

/* --- a profile of our own --- */

static void leave_alone(NMConnection *connection, int family) {
        g_object_set(get_ip_setting(connection, family), NM_SETTING_IP_CONFIG_METHOD,
                     family == AF_INET ? NM_SETTING_IP4_CONFIG_METHOD_DISABLED
                                       : NM_SETTING_IP6_CONFIG_METHOD_AUTO,
                     NULL);
}

NMConnection *connection_new_for(const char *interface, const AddressSettings *settings) {
        NMConnection *connection = nm_simple_connection_new();
        NMSetting *setting = nm_setting_connection_new();
        g_autofree char *uuid = nm_utils_uuid_generate(), *id = g_strdup_printf("Hyper-V %s", interface);

        g_object_set(setting, NM_SETTING_CONNECTION_ID, id, NM_SETTING_CONNECTION_UUID, uuid,
                     NM_SETTING_CONNECTION_TYPE, NM_SETTING_WIRED_SETTING_NAME,
                     NM_SETTING_CONNECTION_INTERFACE_NAME, interface,
                     NM_SETTING_CONNECTION_AUTOCONNECT_PRIORITY, AUTOCONNECT_PRIORITY, NULL);
        nm_connection_add_setting(connection, setting);
        nm_connection_add_setting(connection, nm_setting_wired_new());
        leave_alone(connection, AF_INET);
        leave_alone(connection, AF_INET6);
        connection_set_addresses(connection, settings);
        set_mark(connection, CONNECTION_KEY_ORIGIN, CONNECTION_ORIGIN);
        return connection;
}

/* --- what was there before --- */

/* The setting without the older spellings of what it says a second time. */
static char *setting_text(NMConnection *connection, const char *name) {
        g_autoptr(GVariant) all = nm_connection_to_dbus(connection, NM_CONNECTION_SERIALIZE_ALL);
        g_autoptr(GVariant) setting = g_variant_lookup_value(all, name, NM_VARIANT_TYPE_SETTING);
        g_auto(GVariantDict) words = G_VARIANT_DICT_INIT(setting);
        g_autoptr(GVariant) short_form = NULL;

        g_variant_dict_remove(&words, "addresses");
        g_variant_dict_remove(&words, "routes");
        short_form = g_variant_ref_sink(g_variant_dict_end(&words));
        return g_variant_print(short_form, true);
}

static void remember_family(NMConnection *connection, const char *setting, const char *key) {
        g_autofree char *text = NULL;

        if (get_mark(connection, key))
                return;
        text = setting_text(connection, setting);
        set_mark(connection, key, text);
}

void connection_remember(NMConnection *connection, const AddressSettings *settings) {
        if (connection_is_ours(connection))
                return;
        if (speak_about(settings, AF_INET))
                remember_family(connection, NM_SETTING_IP4_CONFIG_SETTING_NAME, CONNECTION_KEY_BEFORE_IPV4);
        if (speak_about(settings, AF_INET6))
                remember_family(connection, NM_SETTING_IP6_CONFIG_SETTING_NAME, CONNECTION_KEY_BEFORE_IPV6);
}

static GVariant *parse_mark(NMConnection *connection, const char *key) {
        g_autoptr(GError) error = NULL;
        const char *text = get_mark(connection, key);
        GVariant *setting = text ? g_variant_parse(NM_VARIANT_TYPE_SETTING, text, NULL, NULL, &error) : NULL;

        if (error)
                log_warning("The profile %s does not say what was before, in %s: %s",
                            nm_connection_get_id(connection), key, error->message);
        return setting;
}

static bool put_back(GVariantDict *all, NMConnection *connection, const char *setting, const char *key) {
        g_autoptr(GVariant) words = parse_mark(connection, key);

        if (!words)
                return false;
        g_variant_dict_insert_value(all, setting, words);
        return true;
}

static NMConnection *connection_of_words(GVariantDict *words) {
        g_auto(GVariantBuilder) all = G_VARIANT_BUILDER_INIT(NM_VARIANT_TYPE_CONNECTION);
        g_autoptr(GVariant) dict = g_variant_ref_sink(g_variant_dict_end(words)), connection = NULL;
        g_autoptr(GError) error = NULL;
        GVariantIter iter;
        const char *name;
        GVariant *setting;

        g_variant_iter_init(&iter, dict);
        while (g_variant_iter_loop(&iter, "{&sv}", &name, &setting))
                g_variant_builder_add(&all, "{s@a{sv}}", name, setting);
        connection = g_variant_ref_sink(g_variant_builder_end(&all));

        NMConnection *restored = nm_simple_connection_new_from_dbus(connection, &error);
        if (!restored)
                log_warning("What was before is no profile: %s", error->message);
        return restored;
}

NMConnection *connection_restored(NMConnection *connection) {
        g_autoptr(GVariant) now = nm_connection_to_dbus(connection, NM_CONNECTION_SERIALIZE_ALL);
        g_auto(GVariantDict) words = { 0 };
        g_autoptr(NMConnection) restored = NULL;
        GVariantIter iter;
        const char *name;
        GVariant *setting;
        bool any = false;

        g_variant_dict_init(&words, NULL);
        g_variant_iter_init(&iter, now);
        while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &name, &setting))
                g_variant_dict_insert_value(&words, name, setting);
        any |= put_back(&words, connection, NM_SETTING_IP4_CONFIG_SETTING_NAME, CONNECTION_KEY_BEFORE_IPV4);
        any |= put_back(&words, connection, NM_SETTING_IP6_CONFIG_SETTING_NAME, CONNECTION_KEY_BEFORE_IPV6);
        if (!any || !(restored = connection_of_words(&words)))
                return NULL;
        set_mark(restored, CONNECTION_KEY_BEFORE_IPV4, NULL);
        set_mark(restored, CONNECTION_KEY_BEFORE_IPV6, NULL);
        return g_steal_pointer(&restored);
}
