/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A VMBus channel that the daemon owns itself, through uio_hv_generic: the twin of service/channel/channel.h, with the
 * same states and the same way of asking and answering, for services that the kernel has no driver for (FCOPY since
 * 6.10). What differs for the owner: a request is the body of an IC message, its answer is a status, names are UTF-16,
 * and nobody but the host limits the time.
 *
 * What it promises (facts: drivers/uio/uio_hv_generic.c, drivers/hv/ring_buffer.c; measured on 6.12):
 *
 *  - Who speaks first: the host, with the negotiation, once the channel is open. Until it succeeded, requests are
 *    refused. The host may negotiate again at any time.
 *  - Requests are answered in order, one after the other, however many stand in the ring; each with its own
 *    transaction id and length. While the owner thinks (paused), the rest waits in the ring.
 *  - No interrupt is lost: the host calls only when its ring was empty and our mask 0, so the ring is drained, the
 *    mask cleared, and the ring looked at once more. Some kernels set the mask with every interrupt, some never touch
 *    it: both work. As a net a timer looks too, 1 s after the last packet, doubling to 5 min: an idle channel does not
 *    wake the machine.
 *  - The ring is full: the answer waits (pending_send_sz), and so does everything behind it.
 *  - Nothing in the ring is believed. A ring that makes no sense is closed and opened anew, after 10 ms doubling to
 *    30 s; never a busy loop.
 *  - Withdrawn (read() fails): unmapped and closed at once, then the device is awaited (inotify on the directory of the
 *    nodes, which needs neither udev nor its network namespace; below it a timer, 10 ms doubling to 5 min).
 *  - The kernel lets anybody open the device a second time, and the rings would be shared: a lock file says who owns it.
 */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/channel/channel.h"
#include "wire/icmsg.h"

G_BEGIN_DECLS

typedef struct Uio Uio;

typedef struct UioProtocol {
        const char *name;                       /* "fcopy": log field HV_CHANNEL */
        const char *class_id;                   /* with braces */
        uint16_t type;                          /* ICMSG_TYPE_FCOPY */
        const IcVersion *frameworks, *messages; /* best first */
        size_t n_frameworks, n_messages;
} UioProtocol;

extern const UioProtocol uio_protocol_fcopy;

typedef struct UioOwner {
        /* A message from the host. body is valid until uio_reply(), uio_reset() or `abandoned`. Must lead to one
         * uio_reply() or uio_reset(), from inside or later. */
        void (*request)(Uio *uio, const uint8_t *body, size_t n, void *userdata);
        /* The pending request will not be answered any more: the channel was lost. The device is closed already. May be
         * NULL. */
        void (*abandoned)(Uio *uio, void *userdata);
        /* REGISTERING: open, the host has not negotiated yet; REGISTERED: it has, and has forgotten what was before:
         * if it negotiates again, both `before` and the state are REGISTERED. May be NULL. */
        void (*state_changed)(Uio *uio, ChannelState before, void *userdata);
} UioOwner;

/* path as --channel= gives it, see uio_place_init(): NULL for this machine, -EINVAL if it names no ring. All pointers but
 * the paths are borrowed and must outlive the channel. */
int uio_new(sd_event *event, const UioProtocol *protocol, const char *path, const char *lock_path,
            double time_scale, const UioOwner *owner, void *userdata, Uio **ret);
Uio *uio_free(Uio *uio);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Uio, uio_free)

int uio_start(Uio *uio);
void uio_stop(Uio *uio);

/* Answers the pending request. 0; 1 when the channel was lost instead; -ENOENT when there is none. */
int uio_reply(Uio *uio, WireStatus status);
/* Closes and opens anew. why ends the sentence "Opening fcopy anew: …". Without effect unless the device is open. */
void uio_reset(Uio *uio, const char *why);

ChannelState uio_get_state(const Uio *uio);
const char *uio_get_path(const Uio *uio);      /* "/dev/uio0" while open, else "" */
const char *uio_get_transport(const Uio *uio); /* "ring", "emulated ring", or "none" */
const char *uio_get_version(const Uio *uio);   /* "1.1"; "" before the first negotiation */
/* resets counts every way to close but withdrawal; wrong_length counts packets whose sizes lie. */
const ChannelStatistics *uio_get_statistics(const Uio *uio);

G_END_DECLS
