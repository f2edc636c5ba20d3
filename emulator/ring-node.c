/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/ring-node.h"

#include <poll.h>
#include <string.h>

#include "common/cleanup.h"
#include "emulator/ring-host.h"
#include "wire/fcopy.h"

#define REGISTRATION_SIZE 4

struct RingNode {
        Service *service;
        RingHost *host;
        bool open; /* we hold the driver's file for a daemon on the ring */
};

/* --- from the device's messages to the host's --- */

static ssize_t translate_start(uint8_t *body, const FcopyRequest *request) {
        return fcopy_wire_start(body, FCOPY_UTF16, request->file_name, request->path_name, request->overwrite,
                                request->create_path, request->file_size);
}

/* What is no message of FCOPY goes as it is: the daemon is to refuse it, not we. */
static size_t translate(uint8_t body[FCOPY_MESSAGE_MAX], const uint8_t *message, size_t n) {
        FcopyRequest request;
        WireStatus status;
        ssize_t k = -1;

        if (fcopy_wire_parse(message, n, FCOPY_UTF8, &request, &status) == 0) {
                switch (request.operation) {
                case FCOPY_OPERATION_START:
                        k = translate_start(body, &request);
                        break;
                case FCOPY_OPERATION_WRITE:
                        k = fcopy_wire_write(body, FCOPY_UTF16, request.offset, request.data, request.size);
                        break;
                case FCOPY_OPERATION_COMPLETE:
                case FCOPY_OPERATION_CANCEL:
                        k = fcopy_wire_simple(body, FCOPY_UTF16, request.operation);
                        break;
                case _FCOPY_OPERATION_MAX:
                case _FCOPY_OPERATION_INVALID:
                        break;
                }
        }
        if (k >= 0)
                return (size_t) k;

        memcpy(body, message, n);
        return n;
}

/* --- what a daemon would do on the device --- */

static void on_answer(WireStatus status, const uint8_t *packet, size_t n, void *userdata) {
        RingNode *node = userdata;
        uint8_t reply[4];

        if (!packet || !node->open)
                return;

        fcopy_wire_reply(reply, status);
        (void) service_write(node->service, reply, sizeof(reply));
        service_settle(node->service);
}

static void on_negotiated(RingHost *host, void *userdata) {
        RingNode *node = userdata;
        uint8_t registration[REGISTRATION_SIZE];

        if (node->open || service_open(node->service) < 0)
                return;

        node->open = true;
        fcopy_wire_registration(registration);
        (void) service_write(node->service, registration, sizeof(registration));
        service_settle(node->service);
}

static void on_closed(RingHost *host, void *userdata) {
        RingNode *node = userdata;

        if (!node->open)
                return;

        node->open = false;
        service_close(node->service);
        service_settle(node->service);
}

static const RingHostEvents events = { .negotiated = on_negotiated, .closed = on_closed };

/* --- the node --- */

static void ring_wake(void *userdata) {
        RingNode *node = userdata;
        uint8_t message[DRIVER_MESSAGE_MAX], body[FCOPY_MESSAGE_MAX];
        ssize_t n;

        if (!node->open)
                return;
        if (service_poll(node->service) & POLLHUP) {
                ring_host_withdraw(node->host);
                return;
        }

        n = service_read(node->service, message, sizeof(message));
        if (n > REGISTRATION_SIZE)
                ring_host_submit(node->host, body, translate(body, message, (size_t) n), on_answer, node);
        service_settle(node->service);
}

static int ring_appear(void *userdata) {
        RingNode *node = userdata;

        return ring_host_is_offered(node->host) ? 0 : ring_host_offer(node->host);
}

static void ring_vanish(void *userdata) {
        RingNode *node = userdata;

        ring_host_withdraw(node->host);
}

static const NodeOps ring_ops = {
        .transport = "ring",
        .wake = ring_wake,
        .appear = ring_appear,
        .vanish = ring_vanish,
};

int ring_node_new(sd_event *event, Service *service, const char *directory, RingNode **ret) {
        g_autoptr(RingNode) node = g_new0(RingNode, 1);
        int r;

        node->service = service;
        r = ring_host_new(event, &(RingHostOptions){ .directory = directory }, &events, node, &node->host);
        if (r < 0)
                return r;

        service_set_node(service, &ring_ops, node);
        *ret = g_steal_pointer(&node);
        return 0;
}

RingNode *ring_node_free(RingNode *node) {
        if (!node)
                return NULL;

        service_set_node(node->service, NULL, NULL);
        ring_host_free(node->host);
        g_free(node);
        return NULL;
}
