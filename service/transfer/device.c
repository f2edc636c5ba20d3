/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The driver gives the host up 30 s after it took the packet. A message is held for 20 s at most, from when it
 * was readable; the channel's own deadline lies behind that, so that a held message is answered and the channel
 * lives on.
 *
 * An answer is written from one buffer, and a request read into the channel's: a fragment costs one read, one
 * pwrite and one write.
 */

#include "service/transfer/device.h"

#include <string.h>

#include "common/log.h"
#include "common/names.h"
#include "common/units.h"

#define DEADLINE_USEC (26 * USEC_PER_SEC)
#define HOLD_USEC     (20 * USEC_PER_SEC)

struct TransferDevice {
        Channel *channel;
        TransferEngine *engine;
        FcopyRequest request;
        void (*changed)(void *userdata);
        void *userdata;
        LogLimit refusals[_FCOPY_REFUSAL_MAX];
};

static size_t registration(uint8_t *buffer) {
        fcopy_wire_registration(buffer);
        return 4;
}

static int registered(const void *message, size_t n, char version[64]) {
        return fcopy_wire_parse_registered(message, n, version);
}

static uint64_t deadline_usec(const void *message, size_t n) {
        return DEADLINE_USEC;
}

static const ChannelProtocol fcopy_protocol = {
        .name = "fcopy",
        .default_path = "/dev/vmbus/hv_fcopy",
        .message_max = FCOPY_MESSAGE_MAX,
        .registration = registration,
        .registered = registered,
        .deadline_usec = deadline_usec,
};

static void answer(WireStatus status, void *userdata) {
        TransferDevice *device = userdata;
        uint8_t reply[4];

        fcopy_wire_reply(reply, status);
        /* 1: the driver had given up and the channel starts over; the host was told that its file failed. */
        if (channel_reply(device->channel, reply, sizeof reply) == 1)
                transfer_engine_lost(device->engine);
}

static void log_refusal(TransferDevice *device, FcopyRefusal refusal) {
        uint64_t more;

        if (!log_limit_pass(&device->refusals[refusal], now_usec(CLOCK_MONOTONIC), &more))
                return;
        log_event(LOG_WARNING, HVUTILS_MESSAGE_HOSTILE, LOG_FIELDS(HVUTILS_FIELD_CHANNEL, "fcopy"),
                  "Refused a message of the host: bad %s (and %" G_GUINT64_FORMAT
                  " like it not logged before).",
                  fcopy_refusal_to_string(refusal), more);
}

static uint64_t hold_usec(const Channel *channel) {
        uint64_t waited = now_usec(CLOCK_MONOTONIC) - channel_request_since(channel);

        return HOLD_USEC - MIN(waited, HOLD_USEC);
}

static void on_request(Channel *channel, const uint8_t *bytes, size_t n, void *userdata) {
        TransferDevice *device = userdata;
        WireStatus status;
        int r;

        r = fcopy_wire_parse(bytes, n, FCOPY_UTF8, &device->request, &status);
        if (r != 0) {
                log_refusal(device, (FcopyRefusal) r);
                answer(status, device);
                return;
        }
        if (transfer_engine_handle(device->engine, &device->request, hold_usec(channel), answer, device,
                                   &status) > 0)
                answer(status, device);
}

static void on_abandoned(Channel *channel, void *userdata) {
        transfer_engine_lost(((TransferDevice *) userdata)->engine);
}

static void on_state_changed(Channel *channel, ChannelState before, void *userdata) {
        TransferDevice *device = userdata;

        if (before == CHANNEL_REGISTERED)
                transfer_engine_lost(device->engine);
        if (device->changed)
                device->changed(device->userdata);
}

static const ChannelOwner owner = {
        .request = on_request,
        .abandoned = on_abandoned,
        .state_changed = on_state_changed,
};

int transfer_device_new(sd_event *event, const char *path, double time_scale, TransferEngine *engine,
                        void (*changed)(void *userdata), void *userdata, TransferDevice **ret) {
        g_autoptr(TransferDevice) device = g_new0(TransferDevice, 1);
        int r;

        device->engine = engine;
        device->changed = changed;
        device->userdata = userdata;
        r = channel_new(event, &fcopy_protocol, path, time_scale, &owner, device, &device->channel);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&device);
        return 0;
}

TransferDevice *transfer_device_free(TransferDevice *device) {
        if (!device)
                return NULL;

        channel_free(device->channel);
        g_free(device);
        return NULL;
}

int transfer_device_start(TransferDevice *device) {
        return channel_start(device->channel);
}

const Channel *transfer_device_get_channel(const TransferDevice *device) {
        return device->channel;
}
