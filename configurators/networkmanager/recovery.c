/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <net/if.h>

#include "common/log.h"
#include "configurators/networkmanager/recovery.h"

/* How often it is looked whether the addresses, or NetworkManager, are back; and for how long. */
#define LOOK_MSEC     20
#define RESTORED_USEC (5 * G_USEC_PER_SEC)
#define RETURN_USEC   (60 * G_USEC_PER_SEC)

struct Recovery {
        NMClient *client;
        RecoveryPoint point;
        RecoveryDone done;
        void *userdata;
        GCancellable *cancellable;
        guint source;
        gint64 until;
};

static void end_with(Recovery *recovery, bool restored) {
        recovery->done(restored, recovery->userdata);
}

static void look_every(Recovery *recovery, GSourceFunc look, gint64 limit_usec) {
        g_clear_handle_id(&recovery->source, g_source_remove);
        recovery->until = g_get_monotonic_time() + limit_usec;
        recovery->source = g_timeout_add(LOOK_MSEC, look, recovery);
}

static bool is_over(const Recovery *recovery) {
        return g_get_monotonic_time() >= recovery->until;
}

/* --- the addresses --- */

static gboolean look_for_addresses(gpointer userdata) {
        Recovery *recovery = userdata;
        g_autoptr(GArray) now = NULL;
        bool back = kernel_addresses_read((int) if_nametoindex(recovery->point.interface), &now) >= 0 &&
                    kernel_addresses_equal(now, recovery->point.addresses);

        if (!back && !is_over(recovery))
                return G_SOURCE_CONTINUE;
        recovery->source = 0;
        if (!back)
                log_warning("%s has not its old addresses back after %d s.", recovery->point.interface,
                            (int) (RESTORED_USEC / G_USEC_PER_SEC));
        end_with(recovery, back);
        return G_SOURCE_REMOVE;
}

static void wait_for_addresses(Recovery *recovery) {
        look_every(recovery, look_for_addresses, RESTORED_USEC);
}

/* --- NetworkManager was away --- */

static NMRemoteConnection *find_profile(const Recovery *recovery, const char *uuid) {
        return uuid ? nm_client_get_connection_by_uuid(recovery->client, uuid) : NULL;
}

static bool was_cancelled(const GError *error) {
        return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void on_activated(GObject *client, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NMActiveConnection) active =
                nm_client_activate_connection_finish(NM_CLIENT(client), result, &error);

        if (was_cancelled(error))
                return;
        if (!active)
                log_warning("Cannot activate the old profile: %s", error->message);
        wait_for_addresses(userdata);
}

static void activate_old(Recovery *recovery) {
        NMRemoteConnection *profile = find_profile(recovery, recovery->point.uuid);
        NMDevice *device = nm_client_get_device_by_iface(recovery->client, recovery->point.interface);

        if (profile && device)
                nm_client_activate_connection_async(recovery->client, NM_CONNECTION(profile), device, NULL,
                                                    recovery->cancellable, on_activated, recovery);
        else
                wait_for_addresses(recovery);
}

static void on_written_back(GObject *profile, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) answer =
                nm_remote_connection_update2_finish(NM_REMOTE_CONNECTION(profile), result, &error);

        if (was_cancelled(error))
                return;
        if (!answer)
                log_warning("Cannot write the old profile back: %s", error->message);
        activate_old(userdata);
}

static void write_back(Recovery *recovery) {
        NMRemoteConnection *profile = find_profile(recovery, recovery->point.uuid);
        NMConnection *old = recovery->point.profile;

        if (profile && old &&
            !nm_connection_compare(NM_CONNECTION(profile), old, NM_SETTING_COMPARE_FLAG_EXACT))
                nm_remote_connection_update2(profile, nm_connection_to_dbus(old, NM_CONNECTION_SERIALIZE_ALL),
                                             NM_SETTINGS_UPDATE2_FLAG_TO_DISK |
                                                     NM_SETTINGS_UPDATE2_FLAG_NO_REAPPLY,
                                             NULL, recovery->cancellable, on_written_back, recovery);
        else
                activate_old(recovery);
}

static void on_disconnected(GObject *device, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;

        (void) nm_device_disconnect_finish(NM_DEVICE(device), result, &error);
        if (!was_cancelled(error))
                wait_for_addresses(userdata);
}

/* The device was idle: what it has now are our addresses, in a volatile profile or in one that NetworkManager made up for
 * what it found. Disconnecting takes the addresses and either profile away. */
static void make_idle(Recovery *recovery) {
        NMDevice *device = nm_client_get_device_by_iface(recovery->client, recovery->point.interface);

        nm_device_disconnect_async(device, recovery->cancellable, on_disconnected, recovery);
}

static void on_deleted(GObject *profile, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;

        (void) nm_remote_connection_delete_finish(NM_REMOTE_CONNECTION(profile), result, &error);
        if (!was_cancelled(error))
                make_idle(userdata);
}

static void put_back(Recovery *recovery) {
        NMRemoteConnection *made = find_profile(recovery, recovery->point.volatile_uuid);

        if (made)
                nm_remote_connection_delete_async(made, recovery->cancellable, on_deleted, recovery);
        else if (recovery->point.profile)
                write_back(recovery);
        else
                make_idle(recovery);
}

static bool is_ready(Recovery *recovery) {
        NMDevice *device =
                nm_client_get_nm_running(recovery->client) && !nm_client_get_startup(recovery->client)
                        ? nm_client_get_device_by_iface(recovery->client, recovery->point.interface)
                        : NULL;

        return device && nm_device_get_state(device) > NM_DEVICE_STATE_UNMANAGED;
}

static gboolean look_for_networkmanager(gpointer userdata) {
        Recovery *recovery = userdata;
        bool ready = is_ready(recovery);

        if (!ready && !is_over(recovery))
                return G_SOURCE_CONTINUE;
        recovery->source = 0;
        if (ready)
                put_back(recovery);
        else
                end_with(recovery, false);
        return G_SOURCE_REMOVE;
}

static void wait_for_networkmanager(Recovery *recovery) {
        log_notice("NetworkManager went away while %s was being configured; waiting for it.",
                   recovery->point.interface);
        look_every(recovery, look_for_networkmanager, RETURN_USEC);
}

/* --- the checkpoint --- */

static void on_rolled_back(GObject *client, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GHashTable) devices =
                nm_client_checkpoint_rollback_finish(NM_CLIENT(client), result, &error);
        Recovery *recovery = userdata;

        if (was_cancelled(error))
                return;
        if (!devices && error->domain == G_DBUS_ERROR) {
                wait_for_networkmanager(recovery);
                return;
        }
        /* One that has timed out has been rolled back by itself. */
        if (!devices)
                log_notice("Cannot roll %s back, waiting for its addresses: %s", recovery->point.interface,
                           error->message);
        wait_for_addresses(recovery);
}

static void begin(Recovery *recovery) {
        if (!nm_client_get_nm_running(recovery->client))
                wait_for_networkmanager(recovery);
        else if (recovery->point.checkpoint)
                nm_client_checkpoint_rollback(recovery->client, recovery->point.checkpoint,
                                              recovery->cancellable, on_rolled_back, recovery);
        else
                wait_for_addresses(recovery);
}

/* --- life --- */

Recovery *recovery_new(NMClient *client, const RecoveryPoint *point, RecoveryDone done, void *userdata) {
        Recovery *recovery = g_new0(Recovery, 1);

        recovery->client = g_object_ref(client);
        recovery->point.interface = g_strdup(point->interface);
        recovery->point.checkpoint = g_strdup(point->checkpoint);
        recovery->point.uuid = g_strdup(point->uuid);
        recovery->point.volatile_uuid = g_strdup(point->volatile_uuid);
        recovery->point.profile = point->profile ? g_object_ref(point->profile) : NULL;
        recovery->point.addresses = g_array_ref(point->addresses);
        recovery->cancellable = g_cancellable_new();
        recovery->done = done;
        recovery->userdata = userdata;
        begin(recovery);
        return recovery;
}

Recovery *recovery_free(Recovery *recovery) {
        if (!recovery)
                return NULL;
        g_cancellable_cancel(recovery->cancellable);
        g_clear_handle_id(&recovery->source, g_source_remove);
        g_object_unref(recovery->cancellable);
        g_free((char *) recovery->point.interface);
        g_free((char *) recovery->point.checkpoint);
        g_free((char *) recovery->point.uuid);
        g_free((char *) recovery->point.volatile_uuid);
        g_clear_object(&recovery->point.profile);
        g_array_unref(recovery->point.addresses);
        g_object_unref(recovery->client);
        g_free(recovery);
        return NULL;
}
