/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/control-verbs.h"

#include <errno.h>
#include <string.h>

#include "emulator/words.h"
#include "wire/kvp.h"

static void ok(Session *session) {
        session_done(session, HOST_EXIT_OK, "%s", "");
}

/* --- raw bytes to the daemon, and back --- */

static void on_raw_answer(Session *session, WireStatus status, const uint8_t *reply, size_t n) {
        g_autofree char *hex = NULL;

        if (reply) {
                hex = hex_from_bytes(reply, n);
                session_item(session, hex, NULL);
        }
        session_done_status(session, status);
}

static void control_raw(Session *session, char **words) {
        Service *service = session_service(session, words[0]);
        uint8_t message[DRIVER_MESSAGE_MAX];
        size_t n;

        if (!service)
                return;
        if (hex_to_bytes(words[1], message, sizeof(message), &n) < 0 || n == 0)
                session_done(session, HOST_EXIT_USAGE, "raw: 1 to %d bytes in hexadecimal.",
                             DRIVER_MESSAGE_MAX);
        else
                session_submit(session, service, message, n, on_raw_answer);
}

/*
 * The trap of a late answer, made certain: a request whose time is up as soon as it was sent, and another one
 * behind it. What the daemon says next is taken for the answer to the second; on a device that it has not
 * read yet, the second finds the slot full and fails at once.
 */
static void ignore_answer(ServiceResult result, WireStatus status, const uint8_t *reply, size_t n,
                          void *userdata) {}

static void control_second_request(Session *session, char **words) {
        Service *service = session_service(session, words[0]);
        uint8_t message[KVP_MESSAGE_SIZE];

        if (!service)
                return;

        kvp_wire_request(message, KVP_OPERATION_ENUMERATE, KVP_POOL_ID_GUEST, 0, NULL, NULL);
        service_submit(service, message, sizeof(message), ignore_answer, NULL);
        service_expire(service);
        kvp_wire_request(message, KVP_OPERATION_ENUMERATE, KVP_POOL_ID_GUEST, UINT32_MAX, NULL, NULL);
        session_submit(session, service, message, sizeof(message), on_raw_answer);
}

/* --- state --- */

static void say_status(Session *session, const Service *service) {
        const Driver *driver = service_driver(service);
        const DriverStatistics *statistics = &driver->statistics;
        g_autofree char *counters =
                g_strdup_printf("requests=%" PRIu64 ",replies=%" PRIu64 ",refused-writes=%" PRIu64
                                ",timeouts=%" PRIu64 ",slot-busy=%" PRIu64 ",registrations=%" PRIu64,
                                statistics->requests, statistics->replies, statistics->refused_writes,
                                statistics->timeouts, statistics->slot_busy, statistics->registrations);
        g_autofree char *state = g_strdup_printf(
                "transport=%s,mode=%s,state=%s,registered=%s,slot=%s,waiting=%u,", service_transport(service),
                driver_mode_to_string(driver->mode), driver_state_to_string(driver->state),
                driver_is_registered(driver) ? "yes" : "no", driver->slot_size > 0 ? "full" : "empty",
                service_waiting(service));
        g_autofree char *all = g_strconcat(state, counters, NULL);

        session_item(session, driver->kind->name, all, NULL);
}

static void control_status(Session *session, char **words) {
        for (Service *const *s = session_services(session); *s; s++)
                say_status(session, *s);
        ok(session);
}

static void control_wait_registered(Session *session, char **words) {
        Service *service = session_service(session, words[0]);

        if (service)
                session_await_registration(session, service);
}

/* --- what happens to a service --- */

static void control_withdraw(Session *session, char **words) {
        Service *service = session_service(session, words[0]);

        if (!service)
                return;
        service_withdraw(service);
        ok(session);
}

static void control_offer(Session *session, char **words) {
        Service *service = session_service(session, words[0]);
        int r;

        if (!service)
                return;
        r = service_offer(service);
        if (r == -EALREADY)
                session_done(session, HOST_EXIT_FAILURE,
                             "The service is offered already, or its daemon has not closed it yet.");
        else if (r < 0)
                session_done(session, HOST_EXIT_FAILURE, "The service cannot be offered: %s.",
                             g_strerror(-r));
        else
                ok(session);
}

static void control_suspend(Session *session, char **words) {
        Service *service = session_service(session, words[0]);

        if (!service)
                return;
        service_suspend(service);
        ok(session);
}

static void control_expire(Session *session, char **words) {
        Service *service = session_service(session, words[0]);

        if (!service)
                return;
        service_expire(service);
        ok(session);
}

static void control_delay_registration(Session *session, char **words) {
        Service *service = session_service(session, words[0]);
        guint64 usec;

        if (!service)
                return;
        if (!g_ascii_string_to_unsigned(words[1], 10, 0, UINT64_MAX, &usec, NULL)) {
                session_done(session, HOST_EXIT_USAGE, "delay-registration: a number of microseconds.");
                return;
        }
        service_delay_registration(service, usec);
        ok(session);
}

static void control_refuse(Session *session, char **words) {
        Service *service = session_service(session, words[0]);
        DriverCall call = driver_call_from_string(words[1]);
        guint64 error, times;

        if (!service)
                return;
        if (call < 0 || !g_ascii_string_to_unsigned(words[2], 10, 1, 4095, &error, NULL) ||
            !g_ascii_string_to_unsigned(words[3], 10, 0, UINT32_MAX, &times, NULL)) {
                session_done(session, HOST_EXIT_USAGE, "refuse: open, read or write; an errno; how often.");
                return;
        }
        service_refuse(service, call, (int) error, (unsigned) times);
        ok(session);
}

const ControlVerb control_verbs[] = {
        { "kvp", 2, 4, control_kvp },
        { "ip", 2, 8, control_ip },
        { "raw", 2, 2, control_raw },
        { "second-request-before-reply", 1, 1, control_second_request },
        { "status", 0, 0, control_status },
        { "wait-registered", 1, 1, control_wait_registered },
        { "withdraw", 1, 1, control_withdraw },
        { "offer", 1, 1, control_offer },
        { "suspend", 1, 1, control_suspend },
        { "expire", 1, 1, control_expire },
        { "delay-registration", 2, 2, control_delay_registration },
        { "refuse", 4, 4, control_refuse },
        {},
};
