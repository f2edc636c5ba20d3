/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One vocabulary for things that must be given back: GLib's g_autofree, g_autoptr(T) and g_auto(T), taught here about
 * libsystemd and plain descriptors. Transfer of ownership is g_steal_pointer() and g_steal_fd().
 *
 * Memory that libc or libsystemd hands out belongs to free(), not to g_free(): declare it auto_free_libc.
 */

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_slot, sd_bus_slot_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(sd_bus_error, sd_bus_error_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event, sd_event_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event_source, sd_event_source_disable_unref)

static inline void cleanup_fd(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

static inline void cleanup_free_libc(void *p) {
        free(*(void **) p);
}

/* A descriptor, or a negative number for none; closed when the variable goes out of scope. */
#define auto_fd __attribute__((cleanup(cleanup_fd))) int

/* Memory from malloc(), libc or libsystemd. */
#define auto_free_libc __attribute__((cleanup(cleanup_free_libc)))

G_END_DECLS
