/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How messages travel between the host's side and a daemon: one door, behind it the character device of hv_utils, or, for
 * the emulated host, a SOCK_SEQPACKET socket with the same framing. --channel=PATH names either; nobody insists on a
 * character device.
 *
 * What the room promises (facts: drivers/hv/hv_utils_transport.c, hv_kvp.c, hv_snapshot.c):
 *
 *  - Registration with the driver's answer read back; until then nothing else is taken for a request.
 *  - Exactly one read() per POLLIN: the device ignores O_NONBLOCK and would block on an empty slot.
 *  - One transaction: after `request` the owner answers once with channel_reply(), now or later. The driver gives the host
 *    up after a time (KVP 30 s, VSS freeze 900 s) without telling us, and would then take a late answer for the answer to
 *    the *next* request. So every request has a deadline of ours below the driver's, and before any answer is written the
 *    channel looks whether another message is already readable: if so, or if the deadline passed, the answer is not sent;
 *    the channel closes (which makes the driver answer HV_E_FAIL) and registers anew. The owner hears `abandoned`.
 *  - The one reset: close, wait (10 ms doubling to 1 s; 5 s for EBUSY), open, register. Also after EINVAL (a late answer, a
 *    hibernation), a message of a wrong length, a read or write error, a registration that the driver does not answer in
 *    10 s. Never a busy loop: the wait starts at 10 ms again only after a registration that lasted a second.
 *  - POLLHUP, EBADF, and on a socket the peer's close, mean that the host withdrew the service: close at once (the driver's
 *    removal waits for us), then wait for the path to come back (inotify on the nearest existing parent; as the net below
 *    that a timer, 10 ms doubling to 5 min).
 *
 * No allocation and no timer per request: the deadline timer is armed only when `request` returned without an answer.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/string-table.h"

G_BEGIN_DECLS

typedef struct Channel Channel;

typedef enum ChannelState {
        CHANNEL_STOPPED,     /* before channel_start(), after channel_stop() */
        CHANNEL_ABSENT,      /* no such device: not a Hyper-V guest, or the host does not offer the service */
        CHANNEL_BUSY,        /* EBUSY: another daemon holds it */
        CHANNEL_REGISTERING, /* open; the driver has not answered yet ("waiting for the host") */
        CHANNEL_REGISTERED,
        CHANNEL_RETRYING,    /* closed after an error, opened again soon */
        _CHANNEL_STATE_MAX,
        _CHANNEL_STATE_INVALID = -EINVAL,
} ChannelState;
DECLARE_STRING_TABLE_LOOKUP(channel_state, ChannelState); /* "stopped", "absent", "busy", "registering", "registered", "retrying" */

/* What differs between KVP, VSS and FCOPY; one constant each. */
typedef struct ChannelProtocol {
        const char *name;          /* "kvp": log field HV_CHANNEL, Channels property */
        const char *default_path;  /* "/dev/vmbus/hv_kvp" */
        size_t message_max;        /* size of the receive buffer */
        /* Writes the registration into buffer (message_max bytes); returns its length. */
        size_t (*registration)(uint8_t *buffer);
        /* Checks the driver's answer; fills version (64 bytes). Negative errno if it is none. */
        int (*registered)(const void *message, size_t n, char version[64]);
        /* Our deadline for this request, below the driver's, in microseconds before --time-scale. */
        uint64_t (*deadline_usec)(const void *message, size_t n);
        /* Length that every later message must have; 0 if it varies. A message of another length resets the channel
         * after `request` has been told (so that the owner counts it); the answer to it, if the owner gives one, is not
         * sent. With 0, a message longer than message_max is a wrong one, of which the owner sees message_max bytes. */
        size_t request_size;
} ChannelProtocol;

typedef struct ChannelOwner {
        /* A message from the host. bytes are valid until channel_reply(), channel_reset() or `abandoned`. Must lead to one
         * channel_reply() or channel_reset(), from inside or later. */
        void (*request)(Channel *channel, const uint8_t *bytes, size_t n, void *userdata);
        /* The pending request will not be answered any more: time ran out, the channel was lost or reset itself. Not called
         * for what the owner does himself: channel_reply(), channel_reset(), channel_stop(). The device is closed already.
         * May be NULL. */
        void (*abandoned)(Channel *channel, void *userdata);
        /* The state changed; see channel_get_state(). May be NULL. */
        void (*state_changed)(Channel *channel, ChannelState before, void *userdata);
} ChannelOwner;

typedef struct ChannelStatistics {
        uint64_t requests, replies, abandoned, resets, wrong_length, errors;
} ChannelStatistics;

/* path NULL = the protocol's default. time_scale multiplies deadlines and backoffs (1.0). All pointers are borrowed and
 * must outlive the channel. */
int channel_new(sd_event *event, const ChannelProtocol *protocol, const char *path, double time_scale,
                const ChannelOwner *owner, void *userdata, Channel **ret);
/* Closes the device, calls nobody back: safe in an owner's destructor. Not from inside a callback of this channel. */
Channel *channel_free(Channel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Channel, channel_free)

/* Opens and registers, now or as soon as the device is there. Idempotent. Never fails for a missing or busy device. */
int channel_start(Channel *channel);
/* Closes; a pending request is dropped. state_changed is called, `abandoned` is not. */
void channel_stop(Channel *channel);

/* Answers the pending request. Returns 0 if the driver took it; 1 if the channel was reset instead (`abandoned` is *not*
 * called); -ENOENT if no request is pending. */
int channel_reply(Channel *channel, const void *bytes, size_t n);
/* Refuses to answer: close, reopen, register. The driver tells the host HV_E_FAIL. `why` ends the sentence "Registering kvp
 * anew: …". Without effect unless the device is open. */
void channel_reset(Channel *channel, const char *why);

bool channel_has_request(const Channel *channel);
/* CLOCK_MONOTONIC microseconds at which the pending request was read; 0 if there is none. */
uint64_t channel_request_since(const Channel *channel);
ChannelState channel_get_state(const Channel *channel);
const char *channel_get_name(const Channel *channel);
const char *channel_get_path(const Channel *channel);
const char *channel_get_transport(const Channel *channel); /* "device", "socket" or "none" */
const char *channel_get_version(const Channel *channel);   /* "" before the first registration */
const ChannelStatistics *channel_get_statistics(const Channel *channel);

G_END_DECLS
