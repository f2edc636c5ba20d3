/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "configurators/networkmanager/request.h"
#include "configurators/networkmanager/failure.h"

static bool refuse(GError **error, const char *what, const char *item) {
        g_set_error(error, FAILURE, FAILURE_INVALID, "\"%s\" is not %s.", item, what);
        return false;
}

static bool read_addresses(GVariant *words, AddressSettings *settings, GError **error) {
        g_autoptr(GVariant) list = g_variant_lookup_value(words, "addresses", G_VARIANT_TYPE("a(su)"));
        GVariantIter iter;
        const char *text;
        unsigned prefix;

        if (!list)
                return true;
        g_variant_iter_init(&iter, list);
        while (g_variant_iter_next(&iter, "(&su)", &text, &prefix))
                if (address_settings_add_address(settings, text, prefix) < 0)
                        return refuse(error, "an address with a prefix length", text);
        return true;
}

static bool read_list(GVariant *words, const char *key, const char *what, AddressSettings *settings,
                      int (*add)(AddressSettings *settings, const char *text), GError **error) {
        g_autoptr(GVariant) list = g_variant_lookup_value(words, key, G_VARIANT_TYPE_STRING_ARRAY);
        GVariantIter iter;
        const char *text;

        if (!list)
                return true;
        g_variant_iter_init(&iter, list);
        while (g_variant_iter_next(&iter, "&s", &text))
                if (add(settings, text) < 0)
                        return refuse(error, what, text);
        return true;
}

AddressSettings *request_parse(GVariant *words, GError **error) {
        g_autoptr(AddressSettings) settings = address_settings_new();
        g_autofree char *complaint = NULL;
        gboolean dhcp4 = false;

        settings->families = FAMILY_IPV4 | FAMILY_IPV6;
        (void) g_variant_lookup(words, "families", "u", &settings->families);
        (void) g_variant_lookup(words, "dhcp4", "b", &dhcp4);
        settings->dhcp4 = dhcp4;
        if (!read_addresses(words, settings, error) ||
            !read_list(words, "gateways", "a gateway's address", settings, address_settings_add_gateway,
                       error) ||
            !read_list(words, "dns", "a name server's address", settings, address_settings_add_dns, error))
                return NULL;

        complaint = address_settings_complaint(settings);
        if (complaint) {
                g_set_error_literal(error, FAILURE, FAILURE_INVALID, complaint);
                return NULL;
        }
        return g_steal_pointer(&settings);
}
