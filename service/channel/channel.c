/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/channel/channel.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/channel/channel-holder.h"
#include "service/channel/channel-state.h"
#include "service/channel/channel-transport.h"
#include "service/channel/channel-watch.h"

/*
 * The story of one message: epoll says readable → one read → `request` → channel_reply(): deadline? another
 * message there? → one write. Everything else in this file is about how that ends early, and all of it leads
 * through channel_leave(), which closes, and channel_enter(), the only place that changes the state and the
 * one timer. That timer is the wait before the next attempt in the closed states, the patience with the
 * driver while registering, the deadline of the request once registered.
 */

#define BACKOFF_FIRST_USEC    (10 * USEC_PER_MSEC)
#define BACKOFF_RETRYING_USEC (1 * USEC_PER_SEC)
#define BACKOFF_ABSENT_USEC   (300 * USEC_PER_SEC) /* only the net under inotify */
#define BACKOFF_BUSY_USEC     (5 * USEC_PER_SEC)
/* The driver answers at once. It never does when it could not queue the answer and said nothing
 * (before 7.1, 6.12.95). */
#define REGISTRATION_USEC (10 * USEC_PER_SEC)
/* A registration that lasted this long makes the next failure a new one. */
#define LASTING_USEC (1 * USEC_PER_SEC)

/* Why we close and register anew; each speaks once a minute. */
typedef enum ResetCause {
        RESET_LATE,
        RESET_NO_ANSWER,
        RESET_SUPERSEDED,
        RESET_WRONG_LENGTH,
        RESET_WRONG_REGISTRATION,
        RESET_NO_REGISTRATION,
        RESET_ERROR,
        RESET_OWNER,
        _RESET_MAX,
} ResetCause;

static const char *const reset_reasons[_RESET_MAX] = {
        [RESET_LATE] = "an answer came too late",
        [RESET_NO_ANSWER] = "there was no answer in time",
        [RESET_SUPERSEDED] = "the host gave up waiting for an answer",
        [RESET_WRONG_LENGTH] = "a message has a wrong length",
        [RESET_WRONG_REGISTRATION] = "the driver answered the registration with something else",
        [RESET_NO_REGISTRATION] = "the driver did not answer the registration",
};

struct Channel {
        sd_event *event;
        const ChannelProtocol *protocol;
        char *path;
        double time_scale;
        const ChannelOwner *owner;
        void *userdata;

        ChannelState state;
        const ChannelTransport *forced; /* by a test */
        const ChannelTransport *transport;
        int fd;
        sd_event_source *io;
        sd_event_source *timer;
        PathWatch watch;
        uint64_t backoff_usec;
        uint64_t registered_usec;

        uint64_t request_usec;  /* when the pending request was read; 0 = none */
        uint64_t deadline_usec; /* when it must be answered */
        bool doomed;            /* the pending request has a wrong length: no answer to it leaves */

        char version[64];
        char holder[64]; /* who kept the device busy last */
        ChannelStatistics statistics;
        LogLimit limit_registered, limit_busy, limit_withdrawn, limit_open, limit_watch,
                limit_reset[_RESET_MAX];

        uint8_t buffer[]; /* message_max + 1, so that a longer message shows */
};

static void channel_try_open(Channel *channel);

static uint64_t scaled(const Channel *channel, uint64_t usec) {
        return (uint64_t)((double)usec * channel->time_scale);
}

/* --- words for the journal --- */

static G_GNUC_PRINTF(5, 6) void channel_say(Channel *channel, LogLimit *limit, int priority,
                                            const char *message_id, const char *format, ...) {
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
        log_event(priority, message_id, LOG_FIELDS(HVUTILS_FIELD_CHANNEL, channel->protocol->name), "%s%s",
                  sentence, note ? note : "");
}

static void channel_say_busy(Channel *channel) {
        /* Looking for the holder costs more than a line: once, not every 5 s. */
        if (channel->state != CHANNEL_BUSY &&
            !channel_holder_find(channel->path, channel->holder, sizeof(channel->holder)))
                g_strlcpy(channel->holder, "another program", sizeof(channel->holder));

        channel_say(channel, &channel->limit_busy, LOG_WARNING, HVUTILS_MESSAGE_CHANNEL_BUSY,
                    "Cannot serve %s: %s holds %s; trying again every 5 s", channel->protocol->name,
                    channel->holder, channel->path);
}

/* --- the state's one door --- */

static uint64_t next_backoff(Channel *channel, uint64_t max) {
        uint64_t usec = MIN(channel->backoff_usec, max);

        channel->backoff_usec = MIN(channel->backoff_usec * 2, BACKOFF_ABSENT_USEC);
        return usec;
}

/* How long this state waits for something to happen. */
static uint64_t channel_patience(Channel *channel) {
        switch (channel->state) {
        case CHANNEL_ABSENT:
                return next_backoff(channel, BACKOFF_ABSENT_USEC);
        case CHANNEL_RETRYING:
                return next_backoff(channel, BACKOFF_RETRYING_USEC);
        case CHANNEL_BUSY:
                return BACKOFF_BUSY_USEC;
        case CHANNEL_REGISTERING:
                return REGISTRATION_USEC;
        case CHANNEL_STOPPED:
        case CHANNEL_REGISTERED:
                return USEC_INFINITY;
        case _CHANNEL_STATE_MAX:
        case _CHANNEL_STATE_INVALID:
                break;
        }
        g_assert_not_reached();
}

static void channel_arm(Channel *channel, uint64_t usec) {
        if (usec == USEC_INFINITY) {
                (void)sd_event_source_set_enabled(channel->timer, SD_EVENT_OFF);
                return;
        }

        (void)sd_event_source_set_time(channel->timer, usec);
        (void)sd_event_source_set_enabled(channel->timer, SD_EVENT_ONESHOT);
}

static void on_path_appeared(void *userdata) {
        Channel *channel = userdata;

        channel->backoff_usec = BACKOFF_FIRST_USEC;
        channel_try_open(channel);
}

static void channel_watch(Channel *channel) {
        int r;

        if (channel->state != CHANNEL_ABSENT) {
                path_watch_done(&channel->watch);
                return;
        }

        r = path_watch_start(&channel->watch, channel->event, channel->path, on_path_appeared, channel);
        if (r < 0)
                channel_say(channel, &channel->limit_watch, LOG_WARNING, NULL,
                            "Cannot watch for %s: %s; looking from time to time", channel->path,
                            g_strerror(-r));
}

static void channel_enter(Channel *channel, ChannelEvent event) {
        ChannelState before = channel->state, next = channel_state_next(before, event);
        uint64_t now = now_usec(CLOCK_MONOTONIC), patience;

        g_assert(next != _CHANNEL_STATE_INVALID);

        if (before == CHANNEL_REGISTERED && now - channel->registered_usec >= scaled(channel, LASTING_USEC))
                channel->backoff_usec = BACKOFF_FIRST_USEC;
        if (next == CHANNEL_REGISTERED)
                channel->registered_usec = now;

        channel->state = next;
        channel_watch(channel);
        patience = channel_patience(channel);
        channel_arm(channel, patience == USEC_INFINITY ? USEC_INFINITY : now + scaled(channel, patience));

        if (next == before)
                return;
        log_debug("%s: %s, from %s to %s", channel->protocol->name, channel_event_to_string(event),
                  channel_state_to_string(before), channel_state_to_string(next));
        if (channel->owner->state_changed)
                channel->owner->state_changed(channel, before, channel->userdata);
}

/* --- closing --- */

static void channel_close(Channel *channel) {
        channel->io = sd_event_source_disable_unref(channel->io);
        if (channel->fd >= 0)
                channel->transport->close(g_steal_fd(&channel->fd));
        channel->transport = NULL;
}

/* Drops the pending request. True if there was one. */
static bool channel_forget(Channel *channel) {
        bool pending = channel->request_usec > 0;

        channel->request_usec = channel->deadline_usec = 0;
        channel->doomed = false;
        channel->statistics.abandoned += pending;
        return pending;
}

/* The device is closed first, so that neither the driver's removal nor the host waits for the owner; then the
 * owner hears about his request, unless he is the one who gives it up; then the state changes. */
static void channel_leave(Channel *channel, ChannelEvent event, bool tell) {
        channel_close(channel);
        if (channel_forget(channel) && tell && channel->owner->abandoned)
                channel->owner->abandoned(channel, channel->userdata);
        /* `abandoned` may have stopped us. */
        if (channel_state_is_open(channel->state))
                channel_enter(channel, event);
}

static void channel_withdrawn(Channel *channel, bool tell) {
        channel_say(channel, &channel->limit_withdrawn, LOG_NOTICE, HVUTILS_MESSAGE_CHANNEL_LOST,
                    "The host withdrew %s; waiting for %s to come back", channel->protocol->name,
                    channel->path);
        channel_leave(channel, CHANNEL_WITHDRAWN, tell);
}

/* detail: for the causes without a sentence of their own. */
static void channel_fail(Channel *channel, ResetCause cause, const char *detail, bool tell) {
        channel->statistics.resets++;
        channel_say(channel, &channel->limit_reset[cause], LOG_WARNING, HVUTILS_MESSAGE_CHANNEL_LOST,
                    "Registering %s anew: %s", channel->protocol->name,
                    detail ? detail : reset_reasons[cause]);
        channel_leave(channel, CHANNEL_FAILED, tell);
}

/* A system call on the open device failed. */
static void channel_broken(Channel *channel, const char *what, int error, bool tell) {
        g_autofree char *why = NULL;

        channel->statistics.errors++;
        if (error == -EBADF) {
                channel_withdrawn(channel, tell);
                return;
        }

        why = g_strdup_printf("%s: %s", what, g_strerror(-error));
        channel_fail(channel, RESET_ERROR, why, tell);
}

/* --- messages --- */

static void channel_receive_answer(Channel *channel, size_t n) {
        int r;

        r = channel->protocol->registered(channel->buffer, n, channel->version);
        if (r < 0) {
                channel_fail(channel, RESET_WRONG_REGISTRATION, NULL, true);
                return;
        }

        channel_say(channel, &channel->limit_registered, LOG_INFO, HVUTILS_MESSAGE_REGISTERED,
                    "Registered %s with the host (%s, version %s)", channel->protocol->name,
                    channel->transport->name, channel->version);
        channel_enter(channel, CHANNEL_ANSWERED);
}

static bool length_is_wrong(const Channel *channel, size_t n) {
        if (channel->protocol->request_size > 0)
                return n != channel->protocol->request_size;

        return n > channel->protocol->message_max;
}

static void channel_receive_request(Channel *channel, size_t n) {
        channel->statistics.requests++;
        channel->doomed = length_is_wrong(channel, n);
        channel->statistics.wrong_length += channel->doomed;
        n = MIN(n, channel->protocol->message_max);
        channel->request_usec = now_usec(CLOCK_MONOTONIC);
        channel->deadline_usec =
                channel->request_usec + scaled(channel, channel->protocol->deadline_usec(channel->buffer, n));

        channel->owner->request(channel, channel->buffer, n, channel->userdata);

        if (channel->request_usec == 0)
                return;
        if (channel->doomed)
                channel_fail(channel, RESET_WRONG_LENGTH, NULL, true);
        else
                channel_arm(channel, channel->deadline_usec);
}

static void channel_receive(Channel *channel, size_t n) {
        if (channel->state == CHANNEL_REGISTERING)
                channel_receive_answer(channel, n);
        else if (channel->request_usec > 0)
                /* The driver sends no second request while it waits for the first. */
                channel_fail(channel, RESET_SUPERSEDED, NULL, true);
        else
                channel_receive_request(channel, n);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Channel *channel = userdata;
        ssize_t n;

        if (revents & (EPOLLHUP | EPOLLERR)) {
                channel_withdrawn(channel, true);
                return 0;
        }

        n = channel->transport->read(fd, channel->buffer, channel->protocol->message_max + 1);
        if (n == -EAGAIN || n == -EINTR)
                return 0;
        if (n == 0)
                channel_withdrawn(channel, true);
        else if (n < 0)
                channel_broken(channel, "cannot read", (int)n, true);
        else
                channel_receive(channel, (size_t)n);

        return 0;
}

/* Whether an answer would still be taken for the answer to *this* request. */
static bool channel_may_answer(Channel *channel) {
        int revents;

        if (channel->doomed) {
                channel_fail(channel, RESET_WRONG_LENGTH, NULL, false);
                return false;
        }
        if (now_usec(CLOCK_MONOTONIC) >= channel->deadline_usec) {
                channel_fail(channel, RESET_LATE, NULL, false);
                return false;
        }

        revents = channel->transport->poll(channel->fd);
        if (revents < 0)
                channel_broken(channel, "cannot poll", revents, false);
        else if (revents & (POLLHUP | POLLERR | POLLNVAL))
                channel_withdrawn(channel, false);
        else if (revents & POLLIN)
                channel_fail(channel, RESET_SUPERSEDED, NULL, false);
        else
                return true;

        return false;
}

static ssize_t channel_write(Channel *channel, const void *bytes, size_t n) {
        ssize_t k;

        do
                k = channel->transport->write(channel->fd, bytes, n);
        while (k == -EINTR);

        return k >= 0 && (size_t)k != n ? -EIO : k;
}

int channel_reply(Channel *channel, const void *bytes, size_t n) {
        ssize_t k;

        if (channel->request_usec == 0)
                return -ENOENT;
        if (!channel_may_answer(channel))
                return 1;

        k = channel_write(channel, bytes, n);
        if (k < 0) {
                channel_broken(channel, "the driver did not take an answer", (int)k, false);
                return 1;
        }

        channel->request_usec = channel->deadline_usec = 0;
        channel->statistics.replies++;
        channel_arm(channel, USEC_INFINITY);
        return 0;
}

void channel_reset(Channel *channel, const char *why) {
        if (channel_state_is_open(channel->state))
                channel_fail(channel, RESET_OWNER, why, false);
}

/* --- opening --- */

static int channel_listen(Channel *channel) {
        int r;

        r = sd_event_add_io(channel->event, &channel->io, channel->fd, EPOLLIN, on_io, channel);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(channel->io, channel->protocol->name);
        return 0;
}

static int channel_register(Channel *channel) {
        size_t n = channel->protocol->registration(channel->buffer);
        ssize_t k = channel_write(channel, channel->buffer, n);

        return k < 0 ? (int)k : 0;
}

static int channel_open(Channel *channel) {
        int r;

        channel->transport = channel->forced ? channel->forced : channel_transport_find(channel->path);
        channel->fd = channel->transport->open(channel->path);
        r = channel->fd < 0 ? channel->fd : channel_listen(channel);
        if (r >= 0)
                r = channel_register(channel);
        if (r < 0)
                channel_close(channel);

        return r;
}

/* EBADF: the device is being removed. */
static bool is_missing(int error) {
        return error == -ENOENT || error == -ENOTDIR || error == -ENODEV || error == -ENXIO ||
               error == -EBADF;
}

static void channel_try_open(Channel *channel) {
        int r;

        r = channel_open(channel);
        if (r >= 0) {
                channel_enter(channel, CHANNEL_OPENED);
        } else if (is_missing(r)) {
                channel_enter(channel, CHANNEL_MISSING);
        } else if (r == -EBUSY) {
                channel_say_busy(channel);
                channel_enter(channel, CHANNEL_HELD);
        } else {
                channel->statistics.errors++;
                channel_say(channel, &channel->limit_open, LOG_WARNING, NULL,
                            "Cannot open %s: %s; trying again", channel->path, g_strerror(-r));
                channel_enter(channel, CHANNEL_FAILED);
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Channel *channel = userdata;

        if (channel->state == CHANNEL_REGISTERING)
                channel_fail(channel, RESET_NO_REGISTRATION, NULL, true);
        else if (channel->state == CHANNEL_REGISTERED)
                channel_fail(channel, RESET_NO_ANSWER, NULL, true);
        else
                channel_try_open(channel);

        return 0;
}

/* --- life --- */

int channel_new(sd_event *event, const ChannelProtocol *protocol, const char *path, double time_scale,
                const ChannelOwner *owner, void *userdata, Channel **ret) {
        g_autoptr(Channel) channel = g_malloc0(sizeof(Channel) + protocol->message_max + 1);
        int r;

        channel->event = sd_event_ref(event);
        channel->protocol = protocol;
        channel->path = g_strdup(path ? path : protocol->default_path);
        channel->time_scale = time_scale;
        channel->owner = owner;
        channel->userdata = userdata;
        channel->fd = -1;
        channel->backoff_usec = BACKOFF_FIRST_USEC;

        r = sd_event_add_time(event, &channel->timer, CLOCK_MONOTONIC, USEC_INFINITY, 1, on_timer, channel);
        if (r < 0)
                return r;
        channel_arm(channel, USEC_INFINITY);

        *ret = g_steal_pointer(&channel);
        return 0;
}

Channel *channel_free(Channel *channel) {
        if (!channel)
                return NULL;

        channel_close(channel);
        path_watch_done(&channel->watch);
        sd_event_source_disable_unref(channel->timer);
        sd_event_unref(channel->event);
        g_free(channel->path);
        g_free(channel);
        return NULL;
}

int channel_start(Channel *channel) {
        if (channel->state == CHANNEL_STOPPED)
                channel_try_open(channel);

        return 0;
}

void channel_stop(Channel *channel) {
        channel_close(channel);
        (void)channel_forget(channel);
        channel->backoff_usec = BACKOFF_FIRST_USEC;
        channel_enter(channel, CHANNEL_STOP);
}

void channel_set_transport(Channel *channel, const ChannelTransport *transport) {
        channel->forced = transport;
}

/* --- what can be seen --- */

bool channel_has_request(const Channel *channel) {
        return channel->request_usec > 0;
}

uint64_t channel_request_since(const Channel *channel) {
        return channel->request_usec;
}

ChannelState channel_get_state(const Channel *channel) {
        return channel->state;
}

const char *channel_get_name(const Channel *channel) {
        return channel->protocol->name;
}

const char *channel_get_path(const Channel *channel) {
        return channel->path;
}

const char *channel_get_transport(const Channel *channel) {
        return channel->transport ? channel->transport->name : "none";
}

const char *channel_get_version(const Channel *channel) {
        return channel->version;
}

const ChannelStatistics *channel_get_statistics(const Channel *channel) {
        return &channel->statistics;
}
