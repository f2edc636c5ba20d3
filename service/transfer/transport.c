/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/transport.h"

#include <errno.h>

#include "service/transfer/device.h"
#include "service/transfer/ring.h"

struct TransferTransport {
        TransferDevice *device; /* either may be NULL */
        TransferRing *ring;
};

int transfer_transport_new(sd_event *event, const char *path, const char *runtime_directory,
                           double time_scale, TransferEngine *engine, void (*changed)(void *userdata),
                           void *userdata, TransferTransport **ret) {
        g_autoptr(TransferTransport) transport = g_new0(TransferTransport, 1);
        int r;

        r = transfer_ring_new(event, path, runtime_directory, time_scale, engine, changed, userdata,
                              &transport->ring);
        if (r < 0 && r != -EINVAL)
                return r;
        if (!path || !transport->ring)
                r = transfer_device_new(event, path, time_scale, engine, changed, userdata,
                                        &transport->device);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&transport);
        return 0;
}

TransferTransport *transfer_transport_free(TransferTransport *transport) {
        if (!transport)
                return NULL;

        transfer_ring_free(transport->ring);
        transfer_device_free(transport->device);
        g_free(transport);
        return NULL;
}

int transfer_transport_start(TransferTransport *transport) {
        int r = 0;

        if (transport->device)
                r = transfer_device_start(transport->device);
        if (r >= 0 && transport->ring)
                r = transfer_ring_start(transport->ring);
        return r;
}

void transfer_transport_set_hold(TransferTransport *transport, uint64_t usec) {
        if (transport->ring)
                transfer_ring_set_hold(transport->ring, usec);
}

static bool is_there(ChannelState state) {
        return state != CHANNEL_STOPPED && state != CHANNEL_ABSENT;
}

/* The ring's channel if that is what counts, else NULL. */
static const Uio *get_ring(const TransferTransport *transport) {
        const Uio *uio = transport->ring ? transfer_ring_get_channel(transport->ring) : NULL;

        return uio && (!transport->device || is_there(uio_get_state(uio))) ? uio : NULL;
}

static const Channel *get_device(const TransferTransport *transport) {
        return transfer_device_get_channel(transport->device);
}

ChannelState transfer_transport_get_state(const TransferTransport *transport) {
        const Uio *uio = get_ring(transport);

        return uio ? uio_get_state(uio) : channel_get_state(get_device(transport));
}

const char *transfer_transport_get_name(const TransferTransport *transport) {
        const Uio *uio = get_ring(transport);

        return uio ? uio_get_transport(uio) : channel_get_transport(get_device(transport));
}

const char *transfer_transport_get_version(const TransferTransport *transport) {
        const Uio *uio = get_ring(transport);

        return uio ? uio_get_version(uio) : channel_get_version(get_device(transport));
}
