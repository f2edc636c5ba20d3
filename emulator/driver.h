/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel's side of one utility channel, hv_utils, as a pure state machine: what the daemon's system calls
 * and the host's events do to it, and what has to be done in consequence. No descriptor, no clock, no
 * allocation.
 *
 * The driver keeps one outgoing message (the *slot*), one transaction and one open file. There is no
 * transaction id, and all the traps come from that:
 *
 *  - A request that nobody reads stays in the slot when its time is up; every further request of the host
 * fails at once until somebody reads the stale one.
 *  - An answer that comes too late is refused (EINVAL) while the driver is idle, but taken for the answer to
 * the *next* request once the host has sent one.
 *  - Closing the file answers the pending request with E_FAIL; it says nothing to anybody else (no THAW).
 *  - Registration is complete when the driver's reply was *read*.
 *  - Withdrawal wakes everybody with EBADF and POLLERR|POLLHUP, then waits for the close.
 *
 * Two transports let a daemon at it: a socket (emulator/socket.h) and a FUSE file (emulator/device.h). They
 * call the functions below as system calls and then carry out driver_take_actions().
 *
 * Source of every rule: drivers/hv/hv_utils_transport.c, hv_kvp.c, hv_snapshot.c, hv_fcopy.c (6.1, 6.12).
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/string-table.h"
#include "wire/status.h"

G_BEGIN_DECLS

#define DRIVER_MESSAGE_MAX 8192

typedef enum DriverState {
        DRIVER_INIT,             /* no registered daemon */
        DRIVER_READY,            /* registered, idle */
        DRIVER_REQUEST_RECEIVED, /* a request was taken from VMBus */
        DRIVER_REQUEST_SENT,     /* it stands in the slot, or the daemon has read it */
        DRIVER_REPLY_RECEIVED,   /* the daemon's answer is being processed */
        DRIVER_DYING,            /* the host withdrew the service */
        _DRIVER_STATE_MAX,
        _DRIVER_STATE_INVALID = -EINVAL,
} DriverState;
DECLARE_STRING_TABLE_LOOKUP(driver_state,
                            DriverState); /* "init", "ready", "received", "sent", "replied", "dying" */

typedef enum DriverMode {
        DRIVER_CLOSED,    /* a node that nobody has open */
        DRIVER_OPEN,      /* one open file */
        DRIVER_DESTROY,   /* withdrawn, waiting for the close */
        DRIVER_WITHDRAWN, /* no node */
        _DRIVER_MODE_MAX,
        _DRIVER_MODE_INVALID = -EINVAL,
} DriverMode;
DECLARE_STRING_TABLE_LOOKUP(driver_mode, DriverMode); /* "closed", "open", "destroy", "withdrawn" */

/* What the daemon's write is, in the state it meets. */
typedef enum DriverWrite {
        DRIVER_WRITE_REFUSED, /* EINVAL */
        DRIVER_WRITE_REGISTRATION,
        DRIVER_WRITE_REPLY,
        DRIVER_WRITE_DISCARDED, /* accepted and thrown away */
} DriverWrite;

/* What differs between KVP, VSS and FCOPY: one constant each, in a file of its own. */
typedef struct DriverKind {
        const char *name; /* "kvp" */
        const char *node; /* "hv_kvp", below /dev/vmbus */
        bool waits; /* KVP: takes nothing from the host before a daemon is registered. Others: E_FAIL at once.
                     */
        DriverWrite (*classify)(DriverState state, const uint8_t *message, size_t n);
        /* Fills the answer to a registration; 0 for a dialect that never gets one (and so is never READY). */
        size_t (*registered)(const uint8_t *registration, uint8_t answer[DRIVER_MESSAGE_MAX]);
        /* What the daemon says to the host; dialect is the first byte of its registration. */
        WireStatus (*status)(uint8_t dialect, const uint8_t *reply);
        /* How long the host waits, in microseconds. */
        uint64_t (*timeout_usec)(const uint8_t *request, size_t n);
        /* The request faked when the guest resumes from hibernation; NULL for none. */
        size_t (*resumed)(uint8_t request[DRIVER_MESSAGE_MAX]);
} DriverKind;

/* System calls that can be made to fail on demand. */
typedef enum DriverCall {
        DRIVER_CALL_OPEN,
        DRIVER_CALL_READ,
        DRIVER_CALL_WRITE,
        _DRIVER_CALL_MAX,
        _DRIVER_CALL_INVALID = -EINVAL,
} DriverCall;
DECLARE_STRING_TABLE_LOOKUP(driver_call, DriverCall); /* "open", "read", "write" */

typedef enum DriverAction {
        DRIVER_ACTION_WAKE = 1 << 0,   /* readers and pollers: look again */
        DRIVER_ACTION_ANSWER = 1 << 1, /* the host gets driver->answer */
        DRIVER_ACTION_LOST =
                1 << 2, /* the host gets no answer to its request: the channel is closed under it */
        DRIVER_ACTION_TIMER = 1 << 3,      /* the transaction timer starts */
        DRIVER_ACTION_REGISTERED = 1 << 4, /* a daemon is registered */
        DRIVER_ACTION_HELD = 1 << 5,       /* a registration waits for driver_release_registration() */
        DRIVER_ACTION_FETCH = 1 << 6,      /* the driver looks for the host's next request */
        DRIVER_ACTION_REMOVED = 1 << 7,    /* the withdrawal is complete: the node vanishes */
} DriverAction;

typedef struct DriverAnswer {
        WireStatus status;
        const uint8_t
                *reply; /* the daemon's message, valid during the write; NULL: the driver's own answer */
        size_t n;
} DriverAnswer;

typedef struct DriverStatistics {
        uint64_t registrations, requests, replies, refused_writes, timeouts, slot_busy;
} DriverStatistics;

typedef struct Driver {
        const DriverKind *kind;
        DriverMode mode;
        DriverState state;
        bool timer_runs;
        uint64_t timeout_usec;  /* of the running timer */
        bool hold_registration; /* keep the answer to the next registrations until it is released */
        uint8_t dialect;        /* first byte of the registration */
        unsigned actions;
        DriverAnswer answer;
        DriverStatistics statistics;

        struct {
                int error;
                unsigned times;
        } refusals[_DRIVER_CALL_MAX];

        size_t slot_size; /* 0: empty */
        bool slot_registers;
        uint8_t slot[DRIVER_MESSAGE_MAX];

        size_t held_size;
        uint8_t held[DRIVER_MESSAGE_MAX];
} Driver;

void driver_init(Driver *driver, const DriverKind *kind);

/* --- the daemon's system calls: 0 or a size, or the negative errno that the call fails with --- */

int driver_open(Driver *driver);
/* 0: the slot is empty; the real call blocks then, whatever O_NONBLOCK says, and never returns 0. */
ssize_t driver_read(Driver *driver, void *buffer, size_t size);
int driver_write(Driver *driver, const void *message, size_t n);
unsigned driver_poll(const Driver *driver);
void driver_close(Driver *driver);

/* --- the host and the guest's kernel --- */

/* 0: taken (or answered already, see the actions); -EAGAIN: stays in the ring until DRIVER_ACTION_FETCH;
 * -ENODEV. */
int driver_request(Driver *driver, const void *request, size_t n);
/* The transaction timer. Without effect if none runs. */
void driver_expire(Driver *driver);
void driver_withdraw(Driver *driver);
void driver_offer(Driver *driver);
/* Hibernation and resume. */
void driver_suspend(Driver *driver);

/* --- misbehaviour on demand --- */

void driver_release_registration(Driver *driver);
void driver_refuse(Driver *driver, DriverCall call, int error, unsigned times);

/* What has happened since the last call, DRIVER_ACTION_*; driver->answer belongs to it. */
unsigned driver_take_actions(Driver *driver);
bool driver_is_registered(const Driver *driver);

G_END_DECLS
