/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "configurators/networkmanager/revert.h"
#include "configurators/networkmanager/connection.h"
#include "configurators/networkmanager/failure.h"

typedef struct Revert {
        NMClient *client;
        NMDevice *device;
        GPtrArray *profiles; /* NMRemoteConnection that still have to be reverted */
        bool any;
        RevertDone done;
        void *userdata;
} Revert;

static void revert_next(Revert *revert);

static void finish(Revert *revert, const char *what, const GError *error) {
        g_autoptr(GError) failure =
                error ? g_error_new(FAILURE, FAILURE_FAILED, "%s: %s", what, error->message) : NULL;

        revert->done(revert->any, failure, revert->userdata);
        g_ptr_array_unref(revert->profiles);
        g_object_unref(revert->device);
        g_object_unref(revert->client);
        g_free(revert);
}

/* --- one profile --- */

static void on_activated(GObject *client, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NMActiveConnection) active =
                nm_client_activate_connection_finish(NM_CLIENT(client), result, &error);

        if (!active)
                finish(userdata, "Cannot activate the old profile", error);
        else
                revert_next(userdata);
}

static bool is_active(const Revert *revert, NMRemoteConnection *profile) {
        NMActiveConnection *active = nm_device_get_active_connection(revert->device);

        return active && nm_active_connection_get_connection(active) == profile;
}

static void on_restored(GObject *profile, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) answer =
                nm_remote_connection_update2_finish(NM_REMOTE_CONNECTION(profile), result, &error);
        Revert *revert = userdata;

        if (!answer)
                finish(revert, "Cannot write the old profile", error);
        else if (is_active(revert, NM_REMOTE_CONNECTION(profile)))
                nm_client_activate_connection_async(revert->client, NM_CONNECTION(profile), revert->device,
                                                    NULL, NULL, on_activated, revert);
        else
                revert_next(revert);
}

/* NetworkManager takes the device down with the profile, and up with another one if there is one. */
static void on_deleted(GObject *profile, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;

        if (!nm_remote_connection_delete_finish(NM_REMOTE_CONNECTION(profile), result, &error))
                finish(userdata, "Cannot delete the profile", error);
        else
                revert_next(userdata);
}

static void revert_profile(Revert *revert, NMRemoteConnection *profile) {
        g_autoptr(NMConnection) old = connection_restored(NM_CONNECTION(profile));

        revert->any = true;
        if (old)
                nm_remote_connection_update2(profile, nm_connection_to_dbus(old, NM_CONNECTION_SERIALIZE_ALL),
                                             NM_SETTINGS_UPDATE2_FLAG_TO_DISK |
                                                     NM_SETTINGS_UPDATE2_FLAG_NO_REAPPLY,
                                             NULL, NULL, on_restored, revert);
        else
                nm_remote_connection_delete_async(profile, NULL, on_deleted, revert);
}

/* --- all of them --- */

static void revert_next(Revert *revert) {
        g_autoptr(NMRemoteConnection) profile = NULL;

        if (revert->profiles->len == 0) {
                finish(revert, NULL, NULL);
                return;
        }
        profile = g_ptr_array_steal_index(revert->profiles, 0);
        revert_profile(revert, profile);
}

static bool is_for(NMConnection *profile, NMDevice *device) {
        const char *interface = nm_connection_get_interface_name(profile);

        return g_strcmp0(interface, nm_device_get_iface(device)) == 0;
}

static bool has_something_of_ours(const Revert *revert, NMRemoteConnection *remote) {
        NMConnection *profile = NM_CONNECTION(remote);
        g_autoptr(NMConnection) old = NULL;

        if (!is_active(revert, remote) && !is_for(profile, revert->device))
                return false;
        if (connection_is_ours(profile))
                return true;
        old = connection_restored(profile);
        return old != NULL;
}

void revert_start(NMClient *client, NMDevice *device, RevertDone done, void *userdata) {
        const GPtrArray *all = nm_client_get_connections(client);
        Revert *revert = g_new0(Revert, 1);

        revert->client = g_object_ref(client);
        revert->device = g_object_ref(device);
        revert->profiles = g_ptr_array_new_with_free_func(g_object_unref);
        revert->done = done;
        revert->userdata = userdata;
        for (guint i = 0; i < all->len; i++)
                if (has_something_of_ours(revert, all->pdata[i]))
                        g_ptr_array_add(revert->profiles, g_object_ref(all->pdata[i]));
        revert_next(revert);
}
