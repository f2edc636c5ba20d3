/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Nobody but the host limits the time here, so a message may be held as long as a snapshot may last. The request's data
 * stays in the channel's packet until it is answered; what else the host sends waits in the ring.
 */

#include "service/transfer/ring.h"

#include "common/log.h"
#include "common/names.h"
#include "common/units.h"

#define LOCK_NAME "fcopy.lock"

struct TransferRing {
        Uio *uio;
        TransferEngine *engine;
        FcopyRequest request;
        uint64_t hold_usec;
        void (*changed)(void *userdata);
        void *userdata;
        LogLimit refusals[_FCOPY_REFUSAL_MAX];
};

static void answer(WireStatus status, void *userdata) {
        TransferRing *ring = userdata;

        /* 1: the channel was lost; whatever the host thinks of its file, nobody finishes it. */
        if (uio_reply(ring->uio, status) == 1)
                transfer_engine_lost(ring->engine);
}

static void log_refusal(TransferRing *ring, FcopyRefusal refusal) {
        uint64_t more;

        if (!log_limit_pass(&ring->refusals[refusal], now_usec(CLOCK_MONOTONIC), &more))
                return;
        log_event(LOG_WARNING, HVUTILS_MESSAGE_HOSTILE, LOG_FIELDS(HVUTILS_FIELD_CHANNEL, "fcopy"),
                  "Refused a message of the host: bad %s (and %" G_GUINT64_FORMAT
                  " like it not logged before).",
                  fcopy_refusal_to_string(refusal), more);
}

static void on_request(Uio *uio, const uint8_t *body, size_t n, void *userdata) {
        TransferRing *ring = userdata;
        WireStatus status;
        int r;

        r = fcopy_wire_parse(body, n, FCOPY_UTF16, &ring->request, &status);
        if (r != 0) {
                log_refusal(ring, (FcopyRefusal) r);
                answer(status, ring);
                return;
        }
        if (transfer_engine_handle(ring->engine, &ring->request, ring->hold_usec, answer, ring, &status) > 0)
                answer(status, ring);
}

static void on_abandoned(Uio *uio, void *userdata) {
        transfer_engine_lost(((TransferRing *) userdata)->engine);
}

/* Also when the host negotiated anew: it has forgotten the transfer. */
static void on_state_changed(Uio *uio, ChannelState before, void *userdata) {
        TransferRing *ring = userdata;

        if (before == CHANNEL_REGISTERED)
                transfer_engine_lost(ring->engine);
        if (ring->changed)
                ring->changed(ring->userdata);
}

static const UioOwner owner = {
        .request = on_request,
        .abandoned = on_abandoned,
        .state_changed = on_state_changed,
};

int transfer_ring_new(sd_event *event, const char *path, const char *runtime_directory, double time_scale,
                      TransferEngine *engine, void (*changed)(void *userdata), void *userdata,
                      TransferRing **ret) {
        g_autofree char *lock_path = g_build_filename(runtime_directory, LOCK_NAME, NULL);
        g_autoptr(TransferRing) ring = g_new0(TransferRing, 1);
        int r;

        ring->engine = engine;
        ring->changed = changed;
        ring->userdata = userdata;
        ring->hold_usec = 60 * USEC_PER_SEC;
        r = uio_new(event, &uio_protocol_fcopy, path, lock_path, time_scale, &owner, ring, &ring->uio);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&ring);
        return 0;
}

TransferRing *transfer_ring_free(TransferRing *ring) {
        if (!ring)
                return NULL;

        uio_free(ring->uio);
        g_free(ring);
        return NULL;
}

int transfer_ring_start(TransferRing *ring) {
        return uio_start(ring->uio);
}

void transfer_ring_set_hold(TransferRing *ring, uint64_t usec) {
        ring->hold_usec = usec;
}

const Uio *transfer_ring_get_channel(const TransferRing *ring) {
        return ring->uio;
}
