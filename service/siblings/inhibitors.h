/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Delay locks with logind's contract: the holder gets one end of a pipe, and the lock lives until every copy
 * of that end is closed. A crash releases it like a close. How long a lock may delay is not decided here.
 * They do not survive hvutilsd: its end of the pipe closes and the holder sees an error on its own.
 */

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

G_BEGIN_DECLS

#define INHIBITORS_MAX         64
#define INHIBITORS_PER_UID_MAX 16
#define INHIBITOR_TEXT_MAX     256 /* bytes of who and of why */

typedef struct Inhibitors Inhibitors;

typedef struct Inhibitor {
        const char *who, *why;
        uid_t uid;
        uint64_t since_usec; /* CLOCK_REALTIME */
} Inhibitor;

Inhibitors *inhibitors_new(sd_event *event, void (*empty)(void *userdata), void *userdata);
Inhibitors *inhibitors_free(Inhibitors *inhibitors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inhibitors, inhibitors_free)

/* The end of the pipe for the holder: a descriptor that is the caller's. -EDQUOT: too many. */
int inhibitors_add(Inhibitors *inhibitors, const char *who, const char *why, uid_t uid);
guint inhibitors_count(const Inhibitors *inhibitors);
const Inhibitor *inhibitors_get(const Inhibitors *inhibitors, guint index);

G_END_DECLS
