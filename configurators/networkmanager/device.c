/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "configurators/interface.h"
#include "configurators/networkmanager/connection.h"
#include "configurators/networkmanager/device.h"

const char *probe_result_to_string(ProbeResult result) {
        static const char *const words[_PROBE_MAX] = { "yes", "no", "refused", "absent" };

        return words[result];
}

/* --- probe --- */

/* Each question returns its result and reason, or PROBE_YES to go on. */

static ProbeResult probe_managed(NMDevice *device, char **ret_reason) {
        g_autofree char *networkd = NULL;

        if (nm_device_get_state(device) != NM_DEVICE_STATE_UNMANAGED)
                return PROBE_YES;
        networkd = interface_networkd_state(nm_device_get_iface(device));
        if (networkd && strcmp(networkd, "unmanaged") != 0) {
                *ret_reason = g_strdup("systemd-networkd manages it");
                return PROBE_NO;
        }
        *ret_reason = g_strdup("unmanaged by the administrator");
        return PROBE_REFUSED;
}

static ProbeResult probe_master(NMDevice *device, char **ret_reason) {
        g_autofree char *master = interface_master(nm_device_get_iface(device));
        NMActiveConnection *active = nm_device_get_active_connection(device);
        NMDevice *planned = active ? nm_active_connection_get_master(active) : NULL;

        if (!master && planned)
                master = g_strdup(nm_device_get_iface(planned));
        if (!master)
                return PROBE_YES;
        *ret_reason = g_strdup_printf("is a port of %s", master);
        return PROBE_REFUSED;
}

static ProbeResult probe_profile(NMDevice *device, char **ret_reason) {
        NMActiveConnection *active = nm_device_get_active_connection(device);
        NMRemoteConnection *profile = active ? nm_active_connection_get_connection(active) : NULL;

        if (!profile || !connection_is_opted_out(NM_CONNECTION(profile)))
                return PROBE_YES;
        *ret_reason = g_strdup_printf("profile %s has the opt-out mark",
                                      nm_connection_get_id(NM_CONNECTION(profile)));
        return PROBE_REFUSED;
}

static bool is_covered(NMCheckpoint *checkpoint, NMDevice *device) {
        const GPtrArray *devices = nm_checkpoint_get_devices(checkpoint);

        for (guint i = 0; i < devices->len; i++)
                if (devices->pdata[i] == device)
                        return true;
        return false;
}

static ProbeResult probe_checkpoints(NMClient *client, NMDevice *device, char **ret_reason) {
        const GPtrArray *checkpoints = nm_client_get_checkpoints(client);

        for (guint i = 0; i < checkpoints->len; i++)
                if (is_covered(checkpoints->pdata[i], device)) {
                        *ret_reason = g_strdup("busy: checkpoint");
                        return PROBE_REFUSED;
                }
        return PROBE_YES;
}

static ProbeResult probe_device(NMClient *client, NMDevice *device, char **ret_reason) {
        ProbeResult result = probe_managed(device, ret_reason);

        if (result == PROBE_YES)
                result = probe_master(device, ret_reason);
        if (result == PROBE_YES)
                result = probe_profile(device, ret_reason);
        if (result == PROBE_YES)
                result = probe_checkpoints(client, device, ret_reason);
        if (result == PROBE_YES)
                *ret_reason = g_strdup("");
        return result;
}

ProbeResult device_probe(NMClient *client, const char *interface, char **ret_reason) {
        NMDevice *device = nm_client_get_device_by_iface(client, interface);

        if (!nm_client_get_nm_running(client)) {
                *ret_reason = g_strdup("NetworkManager is not running");
                return PROBE_ABSENT;
        }
        if (!device) {
                *ret_reason = g_strdup("NetworkManager does not know it");
                return PROBE_NO;
        }
        return probe_device(client, device, ret_reason);
}

/* --- describe --- */

static void add_servers(GVariantBuilder *servers, NMIPConfig *config) {
        const char *const *names = config ? nm_ip_config_get_nameservers(config) : NULL;

        for (; names && *names; names++)
                g_variant_builder_add(servers, "s", *names);
}

static bool has_dhcp4(NMDevice *device) {
        NMActiveConnection *active = nm_device_get_active_connection(device);
        NMRemoteConnection *profile = active ? nm_active_connection_get_connection(active) : NULL;

        return nm_device_get_dhcp4_config(device) ||
               (profile && connection_has_dhcp4(NM_CONNECTION(profile)));
}

GVariant *device_describe(NMClient *client, NMDevice *device) {
        g_auto(GVariantBuilder) servers = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_STRING_ARRAY);
        g_auto(GVariantDict) words = G_VARIANT_DICT_INIT(NULL);
        NMActiveConnection *active = nm_device_get_active_connection(device);

        add_servers(&servers, nm_device_get_ip4_config(device));
        add_servers(&servers, nm_device_get_ip6_config(device));
        g_variant_dict_insert(&words, "dhcp4", "b", has_dhcp4(device));
        g_variant_dict_insert_value(&words, "dns", g_variant_builder_end(&servers));
        g_variant_dict_insert(&words, "profile", "s", active ? nm_active_connection_get_id(active) : "");
        g_variant_dict_insert(&words, "managed", "b",
                              nm_device_get_state(device) != NM_DEVICE_STATE_UNMANAGED);
        return g_variant_dict_end(&words);
}
