/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/driver.h"

#include <poll.h>
#include <string.h>

static const char *const driver_state_table[_DRIVER_STATE_MAX] = {
        [DRIVER_INIT] = "init",
        [DRIVER_READY] = "ready",
        [DRIVER_REQUEST_RECEIVED] = "received",
        [DRIVER_REQUEST_SENT] = "sent",
        [DRIVER_REPLY_RECEIVED] = "replied",
        [DRIVER_DYING] = "dying",
};
DEFINE_STRING_TABLE_LOOKUP(driver_state, DriverState);

static const char *const driver_mode_table[_DRIVER_MODE_MAX] = {
        [DRIVER_CLOSED] = "closed",
        [DRIVER_OPEN] = "open",
        [DRIVER_DESTROY] = "destroy",
        [DRIVER_WITHDRAWN] = "withdrawn",
};
DEFINE_STRING_TABLE_LOOKUP(driver_mode, DriverMode);

static const char *const driver_call_table[_DRIVER_CALL_MAX] = {
        [DRIVER_CALL_OPEN] = "open",
        [DRIVER_CALL_READ] = "read",
        [DRIVER_CALL_WRITE] = "write",
};
DEFINE_STRING_TABLE_LOOKUP(driver_call, DriverCall);

void driver_init(Driver *driver, const DriverKind *kind) {
        memset(driver, 0, sizeof(*driver));
        driver->kind = kind;
}

bool driver_is_registered(const Driver *driver) {
        return driver->mode == DRIVER_OPEN && driver->state > DRIVER_INIT && driver->state < DRIVER_DYING;
}

unsigned driver_take_actions(Driver *driver) {
        unsigned actions = driver->actions;

        driver->actions = 0;
        return actions;
}

/* --- steps --- */

static void become_ready(Driver *driver) {
        driver->state = DRIVER_READY;
        driver->actions |= DRIVER_ACTION_FETCH;
}

static void answer(Driver *driver, WireStatus status, const uint8_t *reply, size_t n) {
        driver->answer = (DriverAnswer){ status, reply, n };
        driver->actions |= DRIVER_ACTION_ANSWER;
}

/* hvutil_transport_send(): the slot takes one message, and none while nobody has the device open. */
static bool slot_put(Driver *driver, const uint8_t *message, size_t n, bool registers) {
        if (driver->mode != DRIVER_OPEN || driver->slot_size > 0)
                return false;

        memcpy(driver->slot, message, n);
        driver->slot_size = n;
        driver->slot_registers = registers;
        driver->actions |= DRIVER_ACTION_WAKE;
        return true;
}

static void slot_drop(Driver *driver) {
        driver->slot_size = 0;
        driver->slot_registers = false;
        driver->held_size = 0;
}

/* A call that a test wants to fail. */
static int refusal(Driver *driver, DriverCall call) {
        if (driver->refusals[call].times == 0)
                return 0;

        driver->refusals[call].times--;
        return -driver->refusals[call].error;
}

void driver_refuse(Driver *driver, DriverCall call, int error, unsigned times) {
        driver->refusals[call].error = error;
        driver->refusals[call].times = times;
}

/* --- the daemon's system calls --- */

int driver_open(Driver *driver) {
        int r = refusal(driver, DRIVER_CALL_OPEN);

        if (r < 0)
                return r;

        switch (driver->mode) {
        case DRIVER_CLOSED:
                driver->mode = DRIVER_OPEN;
                return 0;
        case DRIVER_OPEN:
                return -EBUSY;
        case DRIVER_DESTROY:
                return -EBADF;
        case DRIVER_WITHDRAWN:
                return -ENOENT;
        case _DRIVER_MODE_MAX:
        case _DRIVER_MODE_INVALID:
                break;
        }
        g_assert_not_reached();
}

ssize_t driver_read(Driver *driver, void *buffer, size_t size) {
        size_t n = driver->slot_size;
        int r;

        if (driver->mode != DRIVER_OPEN)
                return -EBADF;
        if (n == 0)
                return 0;

        r = refusal(driver, DRIVER_CALL_READ);
        if (r < 0)
                return r;
        if (size < n)
                return -EINVAL;

        memcpy(buffer, driver->slot, n);
        driver->slot_size = 0;
        if (driver->slot_registers) {
                driver->slot_registers = false;
                driver->statistics.registrations++;
                driver->actions |= DRIVER_ACTION_REGISTERED;
                become_ready(driver);
        }
        return (ssize_t) n;
}

/* Kernels before 7.1-rc8, 6.12.95 and 6.1.177 return success even if the answer cannot be queued. */
static void handle_registration(Driver *driver, const uint8_t *message) {
        size_t n = driver->kind->registered(message, driver->held);

        driver->dialect = message[0];
        driver->held_size = n;
        if (n == 0)
                return;

        if (driver->hold_registration)
                driver->actions |= DRIVER_ACTION_HELD;
        else
                driver_release_registration(driver);
}

void driver_release_registration(Driver *driver) {
        if (driver->held_size > 0)
                (void) slot_put(driver, driver->held, driver->held_size, true);
        driver->held_size = 0;
}

/* The timer is cancelled first: if it had fired, the host was answered already and this one goes nowhere. */
static void handle_reply(Driver *driver, const uint8_t *message, size_t n) {
        driver->statistics.replies++;
        driver->state = DRIVER_REPLY_RECEIVED;
        if (!driver->timer_runs)
                return;

        driver->timer_runs = false;
        answer(driver, driver->kind->status(driver->dialect, message), message, n);
        become_ready(driver);
}

int driver_write(Driver *driver, const void *message, size_t n) {
        int r;

        if (driver->mode != DRIVER_OPEN)
                return -EBADF;
        r = refusal(driver, DRIVER_CALL_WRITE);
        if (r < 0)
                return r;

        switch (driver->kind->classify(driver->state, message, n)) {
        case DRIVER_WRITE_REGISTRATION:
                handle_registration(driver, message);
                return 0;
        case DRIVER_WRITE_REPLY:
                handle_reply(driver, message, n);
                return 0;
        case DRIVER_WRITE_DISCARDED:
                return 0;
        case DRIVER_WRITE_REFUSED:
                driver->statistics.refused_writes++;
                return -EINVAL;
        }
        g_assert_not_reached();
}

/* POLLOUT is never reported, not even when a write would succeed. */
unsigned driver_poll(const Driver *driver) {
        if (driver->mode != DRIVER_OPEN)
                return POLLERR | POLLHUP;
        return driver->slot_size > 0 ? POLLIN | POLLRDNORM : 0;
}

/* hvt_reset(), then the service's own: the outstanding request fails, the daemon is forgotten. */
static void reset(Driver *driver) {
        slot_drop(driver);
        if (driver->timer_runs) {
                driver->timer_runs = false;
                answer(driver, WIRE_STATUS_FAIL, NULL, 0);
        }
}

void driver_close(Driver *driver) {
        reset(driver);
        if (driver->mode == DRIVER_DESTROY) {
                driver->mode = DRIVER_WITHDRAWN;
                driver->actions |= DRIVER_ACTION_REMOVED;
                return;
        }

        driver->mode = DRIVER_CLOSED;
        driver->state = DRIVER_INIT;
        if (!driver->kind->waits)
                driver->actions |= DRIVER_ACTION_FETCH;
}

/* --- the host and the guest's kernel --- */

/* Not registered, or the slot still holds something that nobody has read: the driver answers for the daemon.
 */
static void fail_request(Driver *driver, DriverState state) {
        driver->timer_runs = false;
        answer(driver, WIRE_STATUS_FAIL, NULL, 0);
        driver->state = state;
        driver->actions |= DRIVER_ACTION_FETCH;
}

int driver_request(Driver *driver, const void *request, size_t n) {
        if (driver->mode == DRIVER_DESTROY || driver->mode == DRIVER_WITHDRAWN)
                return -ENODEV;
        if (driver->state > DRIVER_READY || (driver->state == DRIVER_INIT && driver->kind->waits))
                return -EAGAIN;

        driver->statistics.requests++;
        if (driver->state == DRIVER_INIT) {
                fail_request(driver, DRIVER_INIT);
                return 0;
        }

        driver->state = DRIVER_REQUEST_RECEIVED;
        driver->timeout_usec = driver->kind->timeout_usec(request, n);
        driver->timer_runs = true;
        if (!slot_put(driver, request, n, false)) {
                driver->statistics.slot_busy++;
                fail_request(driver, DRIVER_READY);
                return 0;
        }

        driver->state = DRIVER_REQUEST_SENT;
        driver->actions |= DRIVER_ACTION_TIMER;
        return 0;
}

/* The slot is *not* cleared. */
void driver_expire(Driver *driver) {
        if (!driver->timer_runs)
                return;

        driver->statistics.timeouts++;
        driver->timer_runs = false;
        answer(driver, WIRE_STATUS_FAIL, NULL, 0);
        if (driver->mode == DRIVER_OPEN)
                become_ready(driver);
}

void driver_withdraw(Driver *driver) {
        if (driver->mode == DRIVER_DESTROY || driver->mode == DRIVER_WITHDRAWN)
                return;

        driver->state = DRIVER_DYING;
        if (driver->mode == DRIVER_OPEN) {
                driver->mode = DRIVER_DESTROY;
                driver->actions |= DRIVER_ACTION_WAKE;
                return;
        }

        driver->mode = DRIVER_WITHDRAWN;
        driver->actions |= DRIVER_ACTION_REMOVED;
}

void driver_offer(Driver *driver) {
        if (driver->mode != DRIVER_WITHDRAWN)
                return;

        driver->mode = DRIVER_CLOSED;
        driver->state = DRIVER_INIT;
}

/*
 * The pending transaction is forgotten without an answer, since the channel is closed next, and the state is
 * forced to READY, whatever it was. A request in the slot stays there: it is read after the resume, and its
 * answer is refused.
 */
void driver_suspend(Driver *driver) {
        uint8_t fake[DRIVER_MESSAGE_MAX];

        if (driver->mode == DRIVER_DESTROY || driver->mode == DRIVER_WITHDRAWN)
                return;

        if (driver->timer_runs) {
                driver->timer_runs = false;
                driver->actions |= DRIVER_ACTION_LOST;
        }
        if (driver->kind->resumed)
                (void) slot_put(driver, fake, driver->kind->resumed(fake), false);
        become_ready(driver);
}
