/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>
#include <net/if.h>

#include "common/log.h"
#include "configurators/networkmanager/apply.h"
#include "configurators/networkmanager/connection.h"
#include "configurators/networkmanager/failure.h"
#include "configurators/networkmanager/recovery.h"
#include "configurators/networkmanager/verification.h"

/* NetworkManager rolls back by itself after so long. */
#define CHECKPOINT_SEC 15
/* What is left of it when we give up ourselves. */
#define CHECKPOINT_MARGIN_SEC 2

/* Another program changed what is applied between our reading and our writing: as often as nm-cloud-setup does it. */
#define REAPPLY_TRIES 5

/* Reapply returns when NetworkManager has spoken to the kernel, 2 to 15 ms; an activation takes 10 to 60 ms, and seconds if
 * the machine is busy with starting. */
#define SETTLE_REAPPLIED_USEC (G_USEC_PER_SEC / 2)
#define SETTLE_ACTIVATED_USEC (5 * G_USEC_PER_SEC)

typedef enum ApplyStep {
        APPLY_PREPARING,
        APPLY_CHANGING,
        APPLY_VERIFYING,
        APPLY_PERSISTING, /* the point of no return */
        APPLY_RECOVERING,
        APPLY_DONE,
} ApplyStep;

struct Apply {
        unsigned n_references;
        NMClient *client;
        NMDevice *device;
        char *interface;
        AddressSettings *settings;
        uint64_t timeout_usec;
        double time_scale;
        ApplyDone done;
        void *userdata;

        ApplyStep step;
        GCancellable *cancellable;
        guint deadline_source;
        gulong running_handler;
        GError *error; /* why we are going back */

        GArray *before;    /* the kernel's addresses */
        NMConnection *old; /* the profile that was active, as it was; NULL: the device was idle */
        char *checkpoint;
        NMConnection *wanted; /* what is applied, or made */
        NMActiveConnection *active;
        unsigned n_reapplied;
        bool activated; /* not merely reapplied */
        Verification *verification;
        Recovery *recovery;
};

/* --- the end, either way --- */

static void finish(Apply *apply) {
        apply_ref(apply);
        apply->step = APPLY_DONE;
        g_clear_handle_id(&apply->deadline_source, g_source_remove);
        g_clear_signal_handler(&apply->running_handler, apply->client);
        g_clear_pointer(&apply->verification, verification_free);
        apply->done(apply, apply->error, apply->userdata);
        apply_unref(apply); /* the function's */
        apply_unref(apply); /* the sequence's own, from apply_start() */
}

static void on_recovered(bool restored, void *userdata) {
        Apply *apply = userdata;

        if (restored)
                log_info("%s has its old addresses back.", apply->interface);
        finish(apply);
}

static void go_back(Apply *apply) {
        RecoveryPoint point = {
                .interface = apply->interface,
                .checkpoint = apply->checkpoint,
                .uuid = apply->old ? nm_connection_get_uuid(apply->old) : NULL,
                .volatile_uuid = !apply->old && apply->wanted ? nm_connection_get_uuid(apply->wanted) : NULL,
                .profile = apply->old,
                .addresses = apply->before,
        };

        apply->step = APPLY_RECOVERING;
        g_clear_pointer(&apply->verification, verification_free);
        g_clear_handle_id(&apply->deadline_source, g_source_remove);
        apply->recovery = recovery_new(apply->client, &point, on_recovered, apply);
}

static bool is_stack_gone(const Apply *apply, const GError *error) {
        return !nm_client_get_nm_running(apply->client) ||
               g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
               g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
               g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER);
}

/* A call has failed, possibly because apply_cancel() or the deadline wanted it to; then the reason stands already. */
static void fail_call(Apply *apply, const char *what, const GError *error) {
        if (!apply->error && is_stack_gone(apply, error))
                apply->error = g_error_new(FAILURE, FAILURE_UNAVAILABLE, "NetworkManager went away.");
        if (!apply->error)
                apply->error = g_error_new(FAILURE, FAILURE_FAILED, "%s: %s", what, error->message);
        if (apply->checkpoint)
                go_back(apply);
        else
                finish(apply);
}

static void fail(Apply *apply, Failure failure, const char *reason) {
        if (!apply->error)
                apply->error = g_error_new_literal(FAILURE, (int) failure, reason);
        go_back(apply);
}

/* --- persisting --- */

static void on_checkpoint_gone(GObject *client, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        Apply *apply = userdata;

        if (!nm_client_checkpoint_destroy_finish(NM_CLIENT(client), result, &error))
                fail_call(apply, "Cannot end the checkpoint", error);
        else
                finish(apply);
}

static void on_persisted(GObject *profile, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) answered =
                nm_remote_connection_update2_finish(NM_REMOTE_CONNECTION(profile), result, &error);
        Apply *apply = userdata;

        if (!answered)
                fail_call(apply, "Cannot write the profile", error);
        else
                nm_client_checkpoint_destroy(apply->client, apply->checkpoint, NULL, on_checkpoint_gone,
                                             apply);
}

/* The profile with our addresses: of the file when there was one, since what is applied may have been changed for the moment
 * by somebody else; the whole new one otherwise. */
static NMConnection *profile_to_write(Apply *apply) {
        NMConnection *profile;

        if (!apply->old)
                return g_object_ref(apply->wanted);
        profile = nm_simple_connection_new_clone(apply->old);
        connection_remember(profile, apply->settings);
        connection_set_addresses(profile, apply->settings);
        return profile;
}

static bool write_profile(Apply *apply, GAsyncReadyCallback callback) {
        NMRemoteConnection *remote = nm_active_connection_get_connection(apply->active);
        g_autoptr(NMConnection) profile = NULL;

        if (!remote)
                return false;
        profile = profile_to_write(apply);
        nm_remote_connection_update2(remote, nm_connection_to_dbus(profile, NM_CONNECTION_SERIALIZE_ALL),
                                     NM_SETTINGS_UPDATE2_FLAG_TO_DISK | NM_SETTINGS_UPDATE2_FLAG_NO_REAPPLY,
                                     NULL, NULL, callback, apply);
        return true;
}

static void persist(Apply *apply) {
        apply->step = APPLY_PERSISTING;
        g_clear_handle_id(&apply->deadline_source, g_source_remove);
        if (!write_profile(apply, on_persisted))
                fail(apply, FAILURE_FAILED, "The profile is gone.");
}

/* --- verifying --- */

static void on_verified(AddressVerdict verdict, const char *reason, void *userdata);

static void verify(Apply *apply) {
        uint64_t settle = apply->activated ? SETTLE_ACTIVATED_USEC : SETTLE_REAPPLIED_USEC;

        apply->step = APPLY_VERIFYING;
        apply->verification = verification_new(apply->device, apply->active, apply->settings, apply->before,
                                               apply->settings->dhcp4 ? 0 : settle, on_verified, apply);
}

static void on_activated(GObject *client, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        NMActiveConnection *active = nm_client_activate_connection_finish(NM_CLIENT(client), result, &error);
        Apply *apply = userdata;

        if (!active) {
                fail_call(apply, "Cannot activate the profile", error);
                return;
        }
        g_set_object(&apply->active, active);
        g_object_unref(active);
        verify(apply);
}

static void on_written_to_activate(GObject *profile, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) answered =
                nm_remote_connection_update2_finish(NM_REMOTE_CONNECTION(profile), result, &error);
        Apply *apply = userdata;

        if (!answered)
                fail_call(apply, "Cannot write the profile", error);
        else
                nm_client_activate_connection_async(apply->client, NM_CONNECTION(profile), apply->device,
                                                    NULL, apply->cancellable, on_activated, apply);
}

/* Here the file is written before it is verified; the checkpoint covers it as long as NetworkManager lives, and after that
 * the recovery. */
static void activate_profile(Apply *apply) {
        apply->step = APPLY_CHANGING;
        apply->activated = true;
        if (!write_profile(apply, on_written_to_activate))
                fail(apply, FAILURE_FAILED, "The profile is gone.");
}

static void on_verified(AddressVerdict verdict, const char *reason, void *userdata) {
        Apply *apply = userdata;

        g_clear_pointer(&apply->verification, verification_free);
        if (verdict == ADDRESSES_AS_ASKED) {
                persist(apply);
        } else if (verdict == ADDRESSES_DIFFERENT && !apply->activated) {
                log_info("%s has not got what was reapplied, activating the profile.", apply->interface);
                activate_profile(apply);
        } else {
                fail(apply, FAILURE_FAILED, reason);
        }
}

/* --- changing --- */

static void on_added(GObject *client, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) details = NULL;
        Apply *apply = userdata;
        NMActiveConnection *active =
                nm_client_add_and_activate_connection2_finish(NM_CLIENT(client), result, &details, &error);

        if (!active) {
                fail_call(apply, "Cannot activate a new profile", error);
                return;
        }
        g_set_object(&apply->active, active);
        g_object_unref(active);
        verify(apply);
}

static void add_and_activate(Apply *apply) {
        g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);

        apply->activated = true;
        apply->wanted = connection_new_for(apply->interface, apply->settings);
        g_variant_dict_insert(&options, "persist", "s", "volatile");
        nm_client_add_and_activate_connection2(apply->client, apply->wanted, apply->device, NULL,
                                               g_variant_dict_end(&options), apply->cancellable, on_added,
                                               apply);
}

static void read_applied(Apply *apply);

static void on_reapplied(GObject *device, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        Apply *apply = userdata;

        if (nm_device_reapply_finish(NM_DEVICE(device), result, &error))
                verify(apply);
        else if (g_error_matches(error, NM_DEVICE_ERROR, NM_DEVICE_ERROR_VERSION_ID_MISMATCH) &&
                 apply->n_reapplied < REAPPLY_TRIES)
                read_applied(apply);
        else
                fail_call(apply, "Cannot reapply", error);
}

static void on_applied_read(GObject *device, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        guint64 version = 0;
        Apply *apply = userdata;
        NMConnection *applied =
                nm_device_get_applied_connection_finish(NM_DEVICE(device), result, &version, &error);

        if (!applied) {
                fail_call(apply, "Cannot read what is applied", error);
                return;
        }
        g_clear_object(&apply->wanted);
        apply->wanted = applied;
        apply->n_reapplied++;
        connection_set_addresses(applied, apply->settings);
        nm_device_reapply_async(apply->device, applied, version, 0, apply->cancellable, on_reapplied, apply);
}

static void read_applied(Apply *apply) {
        nm_device_get_applied_connection_async(apply->device, 0, apply->cancellable, on_applied_read, apply);
}

/* --- preparing --- */

static void change(Apply *apply) {
        apply->step = APPLY_CHANGING;
        if (!apply->old)
                add_and_activate(apply);
        else if (nm_device_get_state(apply->device) == NM_DEVICE_STATE_ACTIVATED)
                read_applied(apply);
        else
                activate_profile(apply);
}

static void on_checkpoint(GObject *client, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NMCheckpoint) checkpoint =
                nm_client_checkpoint_create_finish(NM_CLIENT(client), result, &error);
        Apply *apply = userdata;

        if (!checkpoint) {
                if (!is_stack_gone(apply, error) && !apply->error)
                        apply->error =
                                g_error_new(FAILURE, FAILURE_BUSY, "busy: checkpoint (%s)", error->message);
                fail_call(apply, "Cannot make a checkpoint", error);
                return;
        }
        apply->checkpoint = g_strdup(nm_object_get_path(NM_OBJECT(checkpoint)));
        if (apply->error) /* cancelled meanwhile */
                go_back(apply);
        else
                change(apply);
}

static uint32_t checkpoint_seconds(const Apply *apply) {
        double seconds = CHECKPOINT_SEC * apply->time_scale;

        /* A lease may take as long as the caller waits. */
        if (apply->settings->dhcp4)
                seconds = MAX(seconds, (double) apply->timeout_usec / G_USEC_PER_SEC + CHECKPOINT_MARGIN_SEC);
        return MAX((uint32_t) ceil(seconds), CHECKPOINT_MARGIN_SEC + 1);
}

/* No cancellable: a checkpoint whose path we never learn would stand in everybody's way until it ends. */
static void make_checkpoint(Apply *apply) {
        g_autoptr(GPtrArray) devices = g_ptr_array_new();

        g_ptr_array_add(devices, apply->device);
        nm_client_checkpoint_create(apply->client, devices, checkpoint_seconds(apply),
                                    NM_CHECKPOINT_CREATE_FLAG_NONE, NULL, on_checkpoint, apply);
}

static void remember_old(Apply *apply) {
        NMActiveConnection *active = nm_device_get_active_connection(apply->device);
        NMRemoteConnection *profile = active ? nm_active_connection_get_connection(active) : NULL;

        if (!profile)
                return;
        apply->old = nm_simple_connection_new_clone(NM_CONNECTION(profile));
        apply->active = g_object_ref(active);
}

/* --- what comes from outside --- */

static void abort_with(Apply *apply, Failure failure, const char *reason) {
        if (apply->error || apply->step >= APPLY_PERSISTING)
                return;
        apply->error = g_error_new_literal(FAILURE, (int) failure, reason);
        if (apply->step == APPLY_VERIFYING)
                go_back(apply);
        else
                g_cancellable_cancel(apply->cancellable);
}

void apply_cancel(Apply *apply, const char *reason) {
        abort_with(apply, FAILURE_BUSY, reason);
}

static gboolean on_deadline(gpointer userdata) {
        Apply *apply = userdata;

        apply->deadline_source = 0;
        abort_with(apply, FAILURE_FAILED,
                   apply->settings->dhcp4 ? "No DHCP server answered in time."
                                          : "It did not come about in time.");
        return G_SOURCE_REMOVE;
}

static void on_running_changed(GObject *client, GParamSpec *property, gpointer userdata) {
        if (!nm_client_get_nm_running(NM_CLIENT(client)))
                abort_with(userdata, FAILURE_UNAVAILABLE, "NetworkManager went away.");
}

/* --- life --- */

Apply *apply_new(NMClient *client, NMDevice *device, AddressSettings *settings, uint64_t timeout_usec,
                 double time_scale, ApplyDone done, void *userdata) {
        Apply *apply = g_new0(Apply, 1);

        apply->n_references = 1;
        apply->client = g_object_ref(client);
        apply->device = g_object_ref(device);
        apply->interface = g_strdup(nm_device_get_iface(device));
        apply->settings = settings;
        apply->timeout_usec = timeout_usec;
        apply->time_scale = time_scale;
        apply->done = done;
        apply->userdata = userdata;
        apply->cancellable = g_cancellable_new();
        return apply;
}

static uint64_t deadline_msec(const Apply *apply) {
        uint64_t checkpoint = (checkpoint_seconds(apply) - CHECKPOINT_MARGIN_SEC) * G_TIME_SPAN_MILLISECOND;

        return MIN(apply->timeout_usec / G_TIME_SPAN_MILLISECOND, checkpoint);
}

void apply_start(Apply *apply) {
        int r = kernel_addresses_read((int) if_nametoindex(apply->interface), &apply->before);

        apply_ref(apply); /* until finish() */
        if (r < 0) {
                apply->error =
                        g_error_new(FAILURE, FAILURE_FAILED, "Cannot read the addresses: %s", g_strerror(-r));
                finish(apply);
                return;
        }
        remember_old(apply);
        apply->deadline_source = g_timeout_add((guint) deadline_msec(apply), on_deadline, apply);
        apply->running_handler = g_signal_connect(apply->client, "notify::" NM_CLIENT_NM_RUNNING,
                                                  G_CALLBACK(on_running_changed), apply);
        make_checkpoint(apply);
}

Apply *apply_ref(Apply *apply) {
        apply->n_references++;
        return apply;
}

static void apply_free(Apply *apply) {
        g_clear_pointer(&apply->recovery, recovery_free);
        g_clear_pointer(&apply->before, g_array_unref);
        g_clear_object(&apply->old);
        g_clear_object(&apply->wanted);
        g_clear_object(&apply->active);
        g_clear_error(&apply->error);
        g_object_unref(apply->cancellable);
        g_object_unref(apply->device);
        g_object_unref(apply->client);
        address_settings_free(apply->settings);
        g_free(apply->checkpoint);
        g_free(apply->interface);
        g_free(apply);
}

void apply_unref(Apply *apply) {
        if (--apply->n_references == 0)
                apply_free(apply);
}

const char *apply_interface(const Apply *apply) {
        return apply->interface;
}
