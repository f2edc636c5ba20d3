/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One offered service: the driver's state machine, the host's requests that wait for it, the transaction
 * timer, and the node by which a daemon reaches it. This is the only place that carries out the driver's
 * actions.
 *
 * Time is the driver's, multiplied by --time-scale.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "emulator/driver.h"

G_BEGIN_DECLS

typedef struct Service Service;

/* How a daemon gets at the driver: a socket or a FUSE file. */
typedef struct NodeOps {
        const char *transport;      /* "socket", "device" */
        void (*wake)(void *node);   /* the slot was filled, or the file is dead: look with service_poll() */
        int (*appear)(void *node);  /* the host offers the service */
        void (*vanish)(void *node); /* the withdrawal is complete */
} NodeOps;

typedef enum ServiceResult {
        SERVICE_ANSWERED,  /* status and, if the daemon said it, reply are valid */
        SERVICE_LOST,      /* the channel was closed under the request: suspend */
        SERVICE_WITHDRAWN, /* the service is not offered (any more) */
        _SERVICE_RESULT_MAX,
        _SERVICE_RESULT_INVALID = -EINVAL,
} ServiceResult;

/* reply is NULL for the driver's own answer, and valid during the call only. */
typedef void (*ServiceAnswered)(ServiceResult result, WireStatus status, const uint8_t *reply, size_t n,
                                void *userdata);
typedef void (*ServiceRegistered)(void *userdata);

int service_new(sd_event *event, const DriverKind *kind, double time_scale, Service **ret);
Service *service_free(Service *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

/* The node must outlive the service, or be taken away with NULL. */
void service_set_node(Service *service, const NodeOps *ops, void *node);

const Driver *service_driver(const Service *service);
const char *service_transport(const Service *service);
unsigned service_waiting(const Service *service); /* requests that the driver has not taken */

/* --- the host's side --- */

/* Queues a request; answered is called once, perhaps from inside. */
void service_submit(Service *service, const void *request, size_t n, ServiceAnswered answered,
                    void *userdata);
/* Calls back once when a daemon is registered, at once if one is. */
void service_await_registration(Service *service, ServiceRegistered registered, void *userdata);
/* That asker went away: its waiting requests and wishes are dropped, its request under way is answered to
 * nobody. */
void service_forget(Service *service, const void *userdata);

void service_withdraw(Service *service);
int service_offer(Service *service);
void service_suspend(Service *service);
void service_expire(Service *service);
/* The driver's answer to every later registration comes that late; 0 = at once again. */
void service_delay_registration(Service *service, uint64_t usec);
void service_refuse(Service *service, DriverCall call, int error, unsigned times);

/* --- the daemon's system calls, for nodes: as driver_open() … Deliver the result to the daemon first, then
 * settle. --- */

int service_open(Service *service);
ssize_t service_read(Service *service, void *buffer, size_t size);
int service_write(Service *service, const void *message, size_t n);
unsigned service_poll(const Service *service);
void service_close(Service *service);
/* Carries out what the calls before led to. */
void service_settle(Service *service);

G_END_DECLS
