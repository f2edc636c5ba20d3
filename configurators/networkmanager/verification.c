/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib-unix.h>
#include <net/if.h>

#include "common/cleanup.h"
#include "configurators/networkmanager/verification.h"

/* The detection takes a random delay of up to 1 s and one probe of 1 s; see ipv6/conf/…/dad_transmits. */
#define DUPLICATE_DETECTION_USEC (3 * G_USEC_PER_SEC)

/* The kernel's events come at once; what NetworkManager says about a lease or a carrier may come after them. */
#define TICK_MSEC 50

struct Verification {
        NMDevice *device;
        NMActiveConnection *active;
        const AddressSettings *settings;
        const GArray *before;
        gint64 settle_until, detect_until; /* monotonic; 0: no limit */
        VerificationDone done;
        void *userdata;
        int watch;
        guint watch_source, tick_source;
        gulong state_handler;
};

static void end_with(Verification *verification, AddressVerdict verdict, const char *reason) {
        VerificationDone done = verification->done;

        g_clear_handle_id(&verification->watch_source, g_source_remove);
        g_clear_handle_id(&verification->tick_source, g_source_remove);
        g_clear_signal_handler(&verification->state_handler, verification->device);
        verification->done = NULL;
        if (done)
                done(verdict, reason, verification->userdata);
}

/* --- what is there --- */

static bool get_lease(NMDevice *device, HostAddress *ret) {
        NMDhcpConfig *dhcp = nm_device_get_dhcp4_config(device);
        const char *address = dhcp ? nm_dhcp_config_get_one_option(dhcp, "ip_address") : NULL;

        return address && host_address_parse(address, ret) >= 0;
}

/* Read from the kernel, like the addresses: NetworkManager waits some seconds before it believes in a lost carrier. */
static bool has_carrier(const char *interface) {
        g_autofree char *path = g_strdup_printf("/sys/class/net/%s/carrier", interface), *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) && text[0] == '1';
}

static AddressVerdict look(Verification *verification) {
        const char *interface = nm_device_get_iface(verification->device);
        bool carrier = has_carrier(interface);
        g_autoptr(GArray) kernel = NULL;
        HostAddress lease;

        if (carrier &&
            nm_active_connection_get_state(verification->active) != NM_ACTIVE_CONNECTION_STATE_ACTIVATED)
                return ADDRESSES_DIFFERENT;
        if (kernel_addresses_read((int) if_nametoindex(interface), &kernel) < 0)
                return ADDRESSES_DIFFERENT;
        return address_settings_compare(verification->settings, kernel, verification->before,
                                        get_lease(verification->device, &lease) ? &lease : NULL, carrier);
}

static void judge(Verification *verification) {
        gint64 now = g_get_monotonic_time();

        switch (look(verification)) {
        case ADDRESSES_AS_ASKED:
                return end_with(verification, ADDRESSES_AS_ASKED, NULL);
        case ADDRESSES_DUPLICATE:
                return end_with(verification, ADDRESSES_DUPLICATE,
                                "Another machine has one of the IPv6 addresses.");
        case ADDRESSES_TENTATIVE:
                if (now >= verification->detect_until)
                        end_with(verification, ADDRESSES_TENTATIVE,
                                 "The duplicate detection of IPv6 does not end.");
                return;
        case ADDRESSES_DIFFERENT:
                if (verification->settle_until && now >= verification->settle_until)
                        end_with(verification, ADDRESSES_DIFFERENT,
                                 "The kernel has not the addresses that were asked for.");
                return;
        }
}

/* --- when to look --- */

static gboolean on_tick(gpointer userdata) {
        Verification *verification = userdata;

        /* end_with() removes the source; the answer keeps GLib from removing it a second time. */
        judge(verification);
        return G_SOURCE_CONTINUE;
}

static gboolean on_kernel_event(gint fd, GIOCondition condition, gpointer userdata) {
        kernel_addresses_drain(fd);
        judge(userdata);
        return G_SOURCE_CONTINUE;
}

static void on_state_changed(NMDevice *device, guint state, guint old_state, guint reason,
                             gpointer userdata) {
        Verification *verification = userdata;
        bool ipv6 = address_settings_speak_about(verification->settings, AF_INET6);

        if (state == NM_DEVICE_STATE_FAILED)
                end_with(verification, ADDRESSES_DUPLICATE,
                         ipv6 && old_state == NM_DEVICE_STATE_ACTIVATED
                                 ? "Another machine has one of the IPv6 addresses."
                                 : "NetworkManager could not activate the device.");
        else
                judge(verification);
}

/* --- life --- */

static gboolean on_first_look(gpointer userdata) {
        Verification *verification = userdata;

        verification->tick_source = g_timeout_add(TICK_MSEC, on_tick, verification);
        judge(verification);
        return G_SOURCE_REMOVE;
}

Verification *verification_new(NMDevice *device, NMActiveConnection *active, const AddressSettings *settings,
                               const GArray *before, uint64_t settle_usec, VerificationDone done,
                               void *userdata) {
        Verification *verification = g_new0(Verification, 1);
        gint64 now = g_get_monotonic_time();

        verification->device = g_object_ref(device);
        verification->active = g_object_ref(active);
        verification->settings = settings;
        verification->before = before;
        verification->settle_until = settle_usec ? now + (gint64) settle_usec : 0;
        verification->detect_until = now + DUPLICATE_DETECTION_USEC + (gint64) settle_usec;
        verification->done = done;
        verification->userdata = userdata;
        verification->watch = kernel_addresses_watch();
        if (verification->watch >= 0)
                verification->watch_source =
                        g_unix_fd_add(verification->watch, G_IO_IN | G_IO_ERR, on_kernel_event, verification);
        verification->state_handler =
                g_signal_connect(device, "state-changed", G_CALLBACK(on_state_changed), verification);
        verification->tick_source = g_idle_add(on_first_look, verification);
        return verification;
}

Verification *verification_free(Verification *verification) {
        if (!verification)
                return NULL;
        verification->done = NULL;
        end_with(verification, ADDRESSES_DIFFERENT, NULL);
        cleanup_fd(&verification->watch);
        g_object_unref(verification->device);
        g_object_unref(verification->active);
        g_free(verification);
        return NULL;
}
