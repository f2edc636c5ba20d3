/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "configurators/interface.h"
#include "configurators/kernel-addresses.h"
#include "configurators/networkd/apply.h"
#include "configurators/networkd/file-store.h"
#include "configurators/networkd/network-file.h"
#include "configurators/networkd/reload.h"

/* The kernel speaks at once, networkd writes down its own state a moment later. */
#define LOOK_USEC     (20 * G_TIME_SPAN_MILLISECOND)
#define SETTLE_USEC   (5 * G_USEC_PER_SEC) /* with duplicate detection, which takes up to 2 s */
#define RESTORED_USEC (5 * G_USEC_PER_SEC)

struct Apply {
        sd_bus *bus;
        char *interface, *path;
        AddressSettings *settings;
        uint64_t timeout_usec, until;
        ApplyDone done;
        void *userdata;

        GArray *before;
        sd_bus_slot *call;
        sd_event_source *timer;
        const char *error; /* why we are going back */
        char *sentence;
        bool changed;
};

static void finish(Apply *apply) {
        g_clear_pointer(&apply->call, sd_bus_slot_unref);
        g_clear_pointer(&apply->timer, sd_event_source_disable_unref);
        apply->done(apply, apply->error, apply->sentence, apply->userdata);
}

static void set_error(Apply *apply, const char *error, const char *sentence) {
        if (apply->error)
                return;
        apply->error = error;
        apply->sentence = g_strdup(sentence);
}

static void look_every(Apply *apply, sd_event_time_handler_t look, uint64_t limit_usec) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        g_clear_pointer(&apply->timer, sd_event_source_disable_unref);
        apply->until = now + limit_usec;
        (void) sd_event_add_time_relative(sd_bus_get_event(apply->bus), &apply->timer, CLOCK_MONOTONIC, 0,
                                          1000, look, apply);
}

static int look_again(Apply *apply) {
        int r = sd_event_source_set_time_relative(apply->timer, LOOK_USEC);

        return r < 0 ? r : sd_event_source_set_enabled(apply->timer, SD_EVENT_ONESHOT);
}

static bool is_over(const Apply *apply) {
        return now_usec(CLOCK_MONOTONIC) >= apply->until;
}

/* --- going back --- */

static int look_for_old(sd_event_source *source, uint64_t usec, void *userdata) {
        Apply *apply = userdata;
        g_autoptr(GArray) now = NULL;
        bool back = kernel_addresses_read((int) if_nametoindex(apply->interface), &now) >= 0 &&
                    kernel_addresses_equal(now, apply->before);

        if (!back && !is_over(apply))
                return look_again(apply);
        if (!back)
                log_warning("%s has not its old addresses back.", apply->interface);
        finish(apply);
        return 0;
}

static int on_reloaded_old(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Apply *apply = userdata;

        if (sd_bus_message_is_method_error(reply, NULL))
                log_warning("networkd does not reload: %s", sd_bus_message_get_error(reply)->message);
        look_every(apply, look_for_old, RESTORED_USEC);
        return 0;
}

static void go_back(Apply *apply) {
        int r;

        g_clear_pointer(&apply->call, sd_bus_slot_unref);
        g_clear_pointer(&apply->timer, sd_event_source_disable_unref);
        r = apply->changed ? file_store_restore(apply->path) : 0;
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot put %s back", apply->path);
        if (!apply->changed || networkd_reload(apply->bus, &apply->call, on_reloaded_old, apply) < 0)
                look_every(apply, look_for_old, apply->changed ? RESTORED_USEC : 0);
}

static void fail(Apply *apply, const char *error, const char *sentence) {
        set_error(apply, error, sentence);
        go_back(apply);
}

/* --- verifying --- */

static bool has_carrier(const Apply *apply) {
        g_autofree char *path = g_strdup_printf("/sys/class/net/%s/carrier", apply->interface), *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) && text[0] == '1';
}

static AddressVerdict look(const Apply *apply) {
        g_autofree char *lease_text = interface_networkd_lease(apply->interface),
                        *state = interface_networkd_state(apply->interface);
        bool carrier = has_carrier(apply);
        g_autoptr(GArray) kernel = NULL;
        HostAddress lease;
        bool has_lease = lease_text && host_address_parse(lease_text, &lease) >= 0;

        if (carrier && g_strcmp0(state, "configured") != 0)
                return ADDRESSES_DIFFERENT;
        if (kernel_addresses_read((int) if_nametoindex(apply->interface), &kernel) < 0)
                return ADDRESSES_DIFFERENT;
        return address_settings_compare(apply->settings, kernel, apply->before, has_lease ? &lease : NULL,
                                        carrier);
}

static void commit(Apply *apply) {
        int r = file_store_commit(apply->path);

        if (r < 0)
                fail(apply, HVUTILS_ERROR_FAILED, "Cannot end the change.");
        else
                finish(apply);
}

static int look_for_new(sd_event_source *source, uint64_t usec, void *userdata) {
        Apply *apply = userdata;

        switch (look(apply)) {
        case ADDRESSES_AS_ASKED:
                commit(apply);
                return 0;
        case ADDRESSES_DUPLICATE:
                fail(apply, HVUTILS_ERROR_FAILED, "Another machine has one of the IPv6 addresses.");
                return 0;
        case ADDRESSES_TENTATIVE:
        case ADDRESSES_DIFFERENT:
                break;
        }
        if (!is_over(apply))
                return look_again(apply);
        fail(apply, HVUTILS_ERROR_FAILED,
             apply->settings->dhcp4 ? "No DHCP server answered in time."
                                    : "The kernel has not the addresses that were asked for.");
        return 0;
}

static int on_reloaded_new(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Apply *apply = userdata;
        uint64_t limit = apply->settings->dhcp4 ? apply->timeout_usec : MIN(apply->timeout_usec, SETTLE_USEC);

        if (sd_bus_message_is_method_error(reply, NULL))
                fail(apply, HVUTILS_ERROR_UNAVAILABLE, sd_bus_message_get_error(reply)->message);
        else
                look_every(apply, look_for_new, limit);
        return 0;
}

/* --- changing --- */

static void append_file(GString *text, const char *path) {
        g_autofree char *contents = NULL;

        if (path && path[0] && g_file_get_contents(path, &contents, NULL, NULL))
                g_string_append_printf(text, "%s\n", contents);
}

/* What is in use now: the file that networkd names, then its drop-ins. */
static char *read_base(const char *interface) {
        g_autofree char *file = interface_networkd_word(interface, "NETWORK_FILE"),
                        *words = interface_networkd_word(interface, "NETWORK_FILE_DROPINS");
        g_auto(GStrv) dropins = words ? g_strsplit_set(words, " :\"", -1) : NULL;
        GString *text = g_string_new(NULL);

        append_file(text, file);
        for (char **dropin = dropins; dropin && *dropin; dropin++)
                append_file(text, *dropin);
        return g_string_free(text, false);
}

static int write_new(Apply *apply) {
        g_autofree char *base = read_base(apply->interface), *match = NULL, *text = NULL;
        int r = file_store_identify(apply->interface, &match, &apply->path);

        if (r < 0)
                return r;
        text = network_file_text(base, match, apply->settings);
        apply->changed = true;
        return file_store_begin(apply->path, text);
}

static int on_begin(sd_event_source *source, uint64_t usec, void *userdata) {
        Apply *apply = userdata;
        int r = kernel_addresses_read((int) if_nametoindex(apply->interface), &apply->before);

        if (r >= 0)
                r = write_new(apply);
        if (r >= 0)
                r = networkd_reload(apply->bus, &apply->call, on_reloaded_new, apply);
        if (r >= 0)
                return 0;
        set_error(apply, HVUTILS_ERROR_FAILED, g_strerror(-r));
        if (apply->before)
                go_back(apply);
        else
                finish(apply);
        return 0;
}

/* --- life --- */

Apply *apply_new(sd_bus *bus, const char *interface, AddressSettings *settings, uint64_t timeout_usec,
                 ApplyDone done, void *userdata) {
        Apply *apply = g_new0(Apply, 1);

        apply->bus = sd_bus_ref(bus);
        apply->interface = g_strdup(interface);
        apply->settings = settings;
        apply->timeout_usec = timeout_usec;
        apply->done = done;
        apply->userdata = userdata;
        return apply;
}

void apply_start(Apply *apply) {
        look_every(apply, on_begin, 0);
}

void apply_cancel(Apply *apply, const char *sentence) {
        if (apply->error)
                return;
        set_error(apply, HVUTILS_ERROR_BUSY, sentence);
        if (apply->before)
                go_back(apply);
        else
                finish(apply);
}

Apply *apply_free(Apply *apply) {
        if (!apply)
                return NULL;
        g_clear_pointer(&apply->call, sd_bus_slot_unref);
        g_clear_pointer(&apply->timer, sd_event_source_disable_unref);
        g_clear_pointer(&apply->before, g_array_unref);
        address_settings_free(apply->settings);
        g_free(apply->interface);
        g_free(apply->path);
        g_free(apply->sentence);
        sd_bus_unref(apply->bus);
        g_free(apply);
        return NULL;
}

const char *apply_interface(const Apply *apply) {
        return apply->interface;
}
