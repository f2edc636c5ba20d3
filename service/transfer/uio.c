/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/uio.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/channel/channel-state.h"
#include "service/transfer/uio-lock.h"
#include "service/transfer/uio-port.h"
#include "service/transfer/uio-sysfs.h"
#include "service/transfer/uio-watch.h"

/*
 * The story of a packet: interrupt → acknowledge → uio_drain(): receive, `request`, uio_reply(), send, and the next
 * one, until the ring is empty; then unmask and look once more. A request that is not answered at once stops the
 * draining; its answer starts it again.
 *
 * All ends lead through uio_leave(), which closes, and uio_enter(), the only place that changes the state and, but for
 * the net, the one timer: the wait before the next attempt in the closed states, the net in the open ones.
 */

#define BACKOFF_FIRST_USEC    (10 * USEC_PER_MSEC)
#define BACKOFF_RETRYING_USEC (30 * USEC_PER_SEC)
#define BACKOFF_ABSENT_USEC   (300 * USEC_PER_SEC)
#define BACKOFF_BUSY_USEC     (5 * USEC_PER_SEC)
#define NET_FIRST_USEC        (1 * USEC_PER_SEC)
#define NET_MAX_USEC          (300 * USEC_PER_SEC)
/* A channel that lasted this long makes the next failure a new one. */
#define LASTING_USEC (1 * USEC_PER_SEC)
/* Packets in one go, before other events have their turn. */
#define BURST 64

typedef enum UioPending {
        UIO_PENDING_NONE,
        UIO_PENDING_OWNER, /* the owner has the request */
        UIO_PENDING_ROOM,  /* the answer waits for room in the ring */
} UioPending;

struct Uio {
        sd_event *event;
        const UioProtocol *protocol;
        UioPlace place;
        char *lock_path;
        double time_scale;
        const UioOwner *owner;
        void *userdata;

        ChannelState state;
        UioDevice device;
        int lock_fd;
        UioPort port;
        sd_event_source *io, *timer;
        sd_event_source *more; /* goes on draining */
        UioWatch watch;
        uint64_t backoff_usec, net_usec, opened_usec;
        bool active;   /* a packet came since the net last looked */
        bool draining; /* uio_drain() is on the stack */

        UioPending pending;
        uint8_t *packet; /* as large as the ring's data, so that every packet fits */
        size_t packet_size;
        uint64_t transaction;

        char version[16];
        ChannelStatistics statistics;
        LogLimit limit_registered, limit_busy, limit_withdrawn, limit_open, limit_reset, limit_version,
                limit_hostile;
};

static const IcVersion fcopy_frameworks[] = { { 3, 0 }, { 1, 0 } };
static const IcVersion fcopy_messages[] = { { 1, 1 } };

const UioProtocol uio_protocol_fcopy = {
        .name = "fcopy",
        .class_id = "{34d14be3-dee4-41c8-9ae7-6b174977c192}",
        .type = ICMSG_TYPE_FCOPY,
        .frameworks = fcopy_frameworks,
        .messages = fcopy_messages,
        .n_frameworks = G_N_ELEMENTS(fcopy_frameworks),
        .n_messages = G_N_ELEMENTS(fcopy_messages),
};

static void uio_try_open(Uio *uio);
static void uio_drain(Uio *uio);

static uint64_t scaled(const Uio *uio, uint64_t usec) {
        return (uint64_t) ((double) usec * uio->time_scale);
}

static G_GNUC_PRINTF(5, 6) void uio_say(Uio *uio, LogLimit *limit, int priority, const char *message_id,
                                        const char *format, ...) {
        g_autofree char *sentence = NULL, *note = NULL;
        uint64_t suppressed = 0;
        va_list arguments;

        if (!log_limit_pass(limit, now_usec(CLOCK_MONOTONIC), &suppressed))
                return;

        va_start(arguments, format);
        sentence = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        if (suppressed > 0)
                note = g_strdup_printf(" (and %" PRIu64 " times before)", suppressed);
        log_event(priority, message_id, LOG_FIELDS(HVUTILS_FIELD_CHANNEL, uio->protocol->name), "%s%s",
                  sentence, note ? note : "");
}

/* --- the state's one door --- */

static uint64_t next_backoff(Uio *uio, uint64_t max) {
        uint64_t usec = MIN(uio->backoff_usec, max);

        uio->backoff_usec = MIN(uio->backoff_usec * 2, BACKOFF_ABSENT_USEC);
        return usec;
}

static uint64_t uio_patience(Uio *uio) {
        switch (uio->state) {
        case CHANNEL_ABSENT:
                return next_backoff(uio, BACKOFF_ABSENT_USEC);
        case CHANNEL_RETRYING:
                return next_backoff(uio, BACKOFF_RETRYING_USEC);
        case CHANNEL_BUSY:
                return BACKOFF_BUSY_USEC;
        case CHANNEL_REGISTERING:
        case CHANNEL_REGISTERED:
                return uio->net_usec = NET_FIRST_USEC;
        case CHANNEL_STOPPED:
                return USEC_INFINITY;
        case _CHANNEL_STATE_MAX:
        case _CHANNEL_STATE_INVALID:
                break;
        }
        g_assert_not_reached();
}

static void uio_arm(Uio *uio, uint64_t patience) {
        if (patience == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(uio->timer, SD_EVENT_OFF);
                return;
        }

        (void) sd_event_source_set_time(uio->timer, now_usec(CLOCK_MONOTONIC) + scaled(uio, patience));
        (void) sd_event_source_set_enabled(uio->timer, SD_EVENT_ONESHOT);
}

static void on_node_appeared(void *userdata) {
        Uio *uio = userdata;

        uio->backoff_usec = BACKOFF_FIRST_USEC;
        uio_try_open(uio);
}

/* Without the watch the timer is left. */
static void uio_await_node(Uio *uio) {
        if (uio->state == CHANNEL_ABSENT || uio->state == CHANNEL_RETRYING)
                (void) uio_watch_start(&uio->watch, uio->event, uio->place.dev, on_node_appeared, uio);
        else
                uio_watch_stop(&uio->watch);
}

static void uio_enter(Uio *uio, ChannelEvent event) {
        ChannelState before = uio->state, next = channel_state_next(before, event);

        g_assert(next != _CHANNEL_STATE_INVALID);

        uio->state = next;
        uio_await_node(uio);
        uio_arm(uio, uio_patience(uio));

        if (next == before)
                return;
        log_debug("%s: %s, from %s to %s", uio->protocol->name, channel_event_to_string(event),
                  channel_state_to_string(before), channel_state_to_string(next));
        if (uio->owner->state_changed)
                uio->owner->state_changed(uio, before, uio->userdata);
}

/* --- closing --- */

static void uio_close(Uio *uio) {
        (void) sd_event_source_set_enabled(uio->more, SD_EVENT_OFF);
        uio->io = sd_event_source_disable_unref(uio->io);
        uio_port_close(&uio->port);
        if (uio->lock_fd >= 0)
                (void) close(g_steal_fd(&uio->lock_fd));
        uio_device_done(&uio->device);
}

/* Drops the pending request. True if the owner had it. */
static bool uio_forget(Uio *uio) {
        bool owned = uio->pending == UIO_PENDING_OWNER;

        uio->statistics.abandoned += uio->pending != UIO_PENDING_NONE;
        uio->pending = UIO_PENDING_NONE;
        return owned;
}

static void uio_leave(Uio *uio, ChannelEvent event, bool tell) {
        if (now_usec(CLOCK_MONOTONIC) - uio->opened_usec >= scaled(uio, LASTING_USEC))
                uio->backoff_usec = BACKOFF_FIRST_USEC;

        uio_close(uio);
        if (uio_forget(uio) && tell && uio->owner->abandoned)
                uio->owner->abandoned(uio, uio->userdata);
        /* `abandoned` may have stopped us. */
        if (channel_state_is_open(uio->state))
                uio_enter(uio, event);
}

static void uio_fail(Uio *uio, const char *why, bool tell) {
        uio->statistics.resets++;
        uio_say(uio, &uio->limit_reset, LOG_WARNING, HVUTILS_MESSAGE_CHANNEL_LOST, "Opening %s anew: %s",
                uio->protocol->name, why);
        uio_leave(uio, CHANNEL_FAILED, tell);
}

/* error is what the port said. */
static void uio_lost(Uio *uio, int error, bool tell) {
        if (error == -EBADMSG || error == -EMSGSIZE) {
                uio->statistics.errors++;
                uio_fail(uio, "the host's ring makes no sense", tell);
                return;
        }

        uio_say(uio, &uio->limit_withdrawn, LOG_NOTICE, HVUTILS_MESSAGE_CHANNEL_LOST,
                "The host withdrew %s; waiting for it to come back", uio->protocol->name);
        uio_leave(uio, CHANNEL_WITHDRAWN, tell);
}

/* --- answers --- */

/* The packet stands ready. False when the channel was lost over it. */
static bool uio_send(Uio *uio, bool tell) {
        int r;

        r = uio_port_send(&uio->port, uio->packet, uio->packet_size, uio->transaction);
        if (r == -EAGAIN) {
                uio->pending = UIO_PENDING_ROOM;
                return true;
        }

        uio->pending = UIO_PENDING_NONE;
        if (r < 0) {
                uio->statistics.abandoned++;
                uio_lost(uio, r, tell);
                return false;
        }
        uio->statistics.replies++;
        return true;
}

static bool uio_answer(Uio *uio, WireStatus status) {
        icmsg_answer(uio->packet, status);
        return uio_send(uio, true);
}

int uio_reply(Uio *uio, WireStatus status) {
        if (uio->pending != UIO_PENDING_OWNER)
                return -ENOENT;

        icmsg_answer(uio->packet, status);
        if (!uio_send(uio, false))
                return 1;
        if (!uio->draining)
                (void) sd_event_source_set_enabled(uio->more, SD_EVENT_ONESHOT);
        return 0;
}

void uio_reset(Uio *uio, const char *why) {
        if (channel_state_is_open(uio->state))
                uio_fail(uio, why, false);
}

/* --- packets --- */

static void uio_negotiated(Uio *uio, IcVersion framework, IcVersion message) {
        (void) g_snprintf(uio->version, sizeof(uio->version), "%u.%u", message.major, message.minor);
        uio_say(uio, &uio->limit_registered, LOG_INFO, HVUTILS_MESSAGE_REGISTERED,
                "Registered %s with the host (%s, version %s, framework %u.%u)", uio->protocol->name,
                uio->port.file->name, uio->version, framework.major, framework.minor);
        if (uio->state == CHANNEL_REGISTERING)
                uio_enter(uio, CHANNEL_ANSWERED);
        else if (uio->owner->state_changed)
                uio->owner->state_changed(uio, CHANNEL_REGISTERED, uio->userdata);
}

static void uio_negotiate(Uio *uio) {
        const UioProtocol *protocol = uio->protocol;
        IcVersion framework, message;
        int r;

        r = icmsg_negotiate(uio->packet, uio->packet_size, protocol->frameworks, protocol->n_frameworks,
                            protocol->messages, protocol->n_messages, WIRE_STATUS_FAIL, &framework, &message);
        if (r < 0) {
                uio->statistics.wrong_length++;
                (void) uio_answer(uio, WIRE_STATUS_FAIL);
                return;
        }
        if (r > 0)
                uio_say(uio, &uio->limit_version, LOG_WARNING, HVUTILS_MESSAGE_HOSTILE,
                        "The host speaks no version of %s that we know", protocol->name);

        if (uio_send(uio, true) && r == 0)
                uio_negotiated(uio, framework, message);
}

/* What cannot be answered is dropped, as the kernel's own drivers do. */
static void uio_refuse(Uio *uio) {
        uio->statistics.wrong_length++;
        uio_say(uio, &uio->limit_hostile, LOG_WARNING, HVUTILS_MESSAGE_HOSTILE,
                "Refused a message of %s: its sizes contradict each other", uio->protocol->name);
        if (uio->packet_size >= ICMSG_HEADER_SIZE)
                (void) uio_answer(uio, WIRE_STATUS_FAIL);
}

static void uio_dispatch(Uio *uio) {
        IcMessage message;

        uio->statistics.requests++;
        if (icmsg_parse(uio->packet, uio->packet_size, &message) < 0) {
                uio_refuse(uio);
        } else if (message.type == ICMSG_TYPE_NEGOTIATE) {
                uio_negotiate(uio);
        } else if (message.type != uio->protocol->type) {
                (void) uio_answer(uio, WIRE_STATUS_NOT_SUPPORTED);
        } else if (uio->state != CHANNEL_REGISTERED) {
                (void) uio_answer(uio, WIRE_STATUS_FAIL);
        } else {
                uio->pending = UIO_PENDING_OWNER;
                uio->owner->request(uio, uio->packet + ICMSG_HEADER_SIZE, message.body_size, uio->userdata);
        }
}

/* One packet, or what stands in its way. True if there may be another. */
static bool uio_step(Uio *uio) {
        ssize_t n;

        if (uio->pending == UIO_PENDING_ROOM && (!uio_send(uio, true) || uio->pending == UIO_PENDING_ROOM))
                return false;

        n = uio_port_receive(&uio->port, uio->packet, uio->port.from_host.size, &uio->transaction);
        if (n == -EAGAIN)
                return uio_port_unmask(&uio->port);
        if (n < 0) {
                uio_lost(uio, (int) n, true);
                return false;
        }

        uio->active = true;
        uio->packet_size = (size_t) n;
        uio_dispatch(uio);
        return channel_state_is_open(uio->state) && uio->pending != UIO_PENDING_OWNER;
}

static void uio_watch_net(Uio *uio) {
        if (!uio->active || uio->net_usec == NET_FIRST_USEC || !channel_state_is_open(uio->state))
                return;

        uio->net_usec = NET_FIRST_USEC;
        uio_arm(uio, uio->net_usec);
}

/* The caller has just been told by read() that the rings are there. */
static void uio_drain(Uio *uio) {
        bool more = uio->pending != UIO_PENDING_OWNER;

        if (!more)
                return;

        uio->draining = true;
        uio_port_mask(&uio->port);
        for (int i = 0; more && i < BURST; i++)
                more = uio_step(uio);
        uio->draining = false;

        uio_watch_net(uio);
        if (more)
                (void) sd_event_source_set_enabled(uio->more, SD_EVENT_ONESHOT);
        else if (uio->pending == UIO_PENDING_ROOM)
                (void) uio_port_unmask(&uio->port);
}

static void uio_look(Uio *uio) {
        int r;

        r = uio_port_acknowledge(&uio->port);
        if (r < 0)
                uio_lost(uio, r, true);
        else
                uio_drain(uio);
}

/* After withdrawal poll says nearly everything; read() knows. */
static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        uio_look(userdata);
        return 0;
}

static int on_more(sd_event_source *source, void *userdata) {
        uio_look(userdata);
        return 0;
}

/* --- opening --- */

static int uio_listen(Uio *uio) {
        int r;

        r = sd_event_add_io(uio->event, &uio->io, uio->port.fd, EPOLLIN, on_io, uio);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(uio->io, uio->protocol->name);
        return 0;
}

static int uio_open_port(Uio *uio) {
        int r;

        r = uio_port_open(&uio->port, NULL, uio->device.node, uio->device.map_size);
        if (r < 0)
                return r;

        uio->packet = g_realloc(uio->packet, uio->port.from_host.size);
        uio->opened_usec = now_usec(CLOCK_MONOTONIC);
        return uio_listen(uio);
}

static int uio_open(Uio *uio) {
        int r;

        r = uio_device_find(&uio->device, &uio->place, uio->protocol->class_id);
        if (r < 0)
                return r;
        uio->lock_fd = uio_lock_take(uio->lock_path);
        r = uio->lock_fd < 0 ? uio->lock_fd : uio_open_port(uio);
        if (r < 0)
                uio_close(uio);

        return r;
}

static bool is_missing(int error) {
        return error == -ENOENT || error == -ENODEV || error == -ENXIO;
}

static void uio_try_open(Uio *uio) {
        int r;

        r = uio_open(uio);
        if (r >= 0) {
                uio_enter(uio, CHANNEL_OPENED);
                /* The host may have been quicker than our ears. */
                if (channel_state_is_open(uio->state))
                        uio_look(uio);
        } else if (is_missing(r)) {
                uio_enter(uio, CHANNEL_MISSING);
        } else if (r == -EBUSY) {
                uio_say(uio, &uio->limit_busy, LOG_WARNING, HVUTILS_MESSAGE_CHANNEL_BUSY,
                        "Cannot serve %s: another process holds %s; trying again every 5 s",
                        uio->protocol->name, uio->lock_path);
                uio_enter(uio, CHANNEL_HELD);
        } else {
                uio->statistics.errors++;
                uio_say(uio, &uio->limit_open, LOG_WARNING, NULL,
                        "Cannot open the ring of %s: %s; trying again", uio->protocol->name, g_strerror(-r));
                uio_enter(uio, CHANNEL_FAILED);
        }
}

static void uio_mind_net(Uio *uio) {
        uio->net_usec = uio->active ? NET_FIRST_USEC : MIN(uio->net_usec * 2, NET_MAX_USEC);
        uio->active = false;
        uio_arm(uio, uio->net_usec);
        uio_look(uio);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Uio *uio = userdata;

        if (channel_state_is_open(uio->state))
                uio_mind_net(uio);
        else
                uio_try_open(uio);

        return 0;
}

/* --- life --- */

static int uio_add_sources(Uio *uio) {
        int r;

        r = sd_event_add_time(uio->event, &uio->timer, CLOCK_MONOTONIC, USEC_INFINITY, 1, on_timer, uio);
        if (r < 0)
                return r;
        uio_arm(uio, USEC_INFINITY);
        r = sd_event_add_defer(uio->event, &uio->more, on_more, uio);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(uio->more, SD_EVENT_OFF);
}

int uio_new(sd_event *event, const UioProtocol *protocol, const char *path, const char *lock_path,
            double time_scale, const UioOwner *owner, void *userdata, Uio **ret) {
        g_autoptr(Uio) uio = g_new0(Uio, 1);
        int r;

        uio->event = sd_event_ref(event);
        uio->protocol = protocol;
        uio->lock_path = g_strdup(lock_path);
        uio->time_scale = time_scale;
        uio->owner = owner;
        uio->userdata = userdata;
        uio->lock_fd = uio->port.fd = -1;
        uio->backoff_usec = BACKOFF_FIRST_USEC;
        if (!uio_place_init(&uio->place, path))
                return -EINVAL;

        r = uio_add_sources(uio);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&uio);
        return 0;
}

Uio *uio_free(Uio *uio) {
        if (!uio)
                return NULL;

        uio_close(uio);
        uio_watch_stop(&uio->watch);
        sd_event_source_disable_unref(uio->more);
        sd_event_source_disable_unref(uio->timer);
        sd_event_unref(uio->event);
        uio_place_done(&uio->place);
        g_free(uio->lock_path);
        g_free(uio->packet);
        g_free(uio);
        return NULL;
}

int uio_start(Uio *uio) {
        if (uio->state == CHANNEL_STOPPED)
                uio_try_open(uio);

        return 0;
}

void uio_stop(Uio *uio) {
        uio_close(uio);
        (void) uio_forget(uio);
        uio->backoff_usec = BACKOFF_FIRST_USEC;
        uio_enter(uio, CHANNEL_STOP);
}

/* --- what can be seen --- */

ChannelState uio_get_state(const Uio *uio) {
        return uio->state;
}

const char *uio_get_path(const Uio *uio) {
        return uio->device.node ? uio->device.node : "";
}

const char *uio_get_transport(const Uio *uio) {
        return channel_state_is_open(uio->state) ? uio->port.file->name : "none";
}

const char *uio_get_version(const Uio *uio) {
        return uio->version;
}

const ChannelStatistics *uio_get_statistics(const Uio *uio) {
        return &uio->statistics;
}
