/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/service.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"

typedef struct Request {
        void *userdata;
        ServiceAnswered answered; /* NULL: the asker went away */
        size_t n;
        uint8_t bytes[];
} Request;

typedef struct Waiter {
        void *userdata;
        ServiceRegistered registered;
} Waiter;

struct Service {
        sd_event *event;
        double time_scale;
        Driver driver;
        const NodeOps *ops;
        void *node;
        GQueue requests;        /* Request, not taken by the driver yet */
        Request *current;       /* taken, not answered */
        GQueue waiters;         /* Waiter */
        uint64_t deadline_usec; /* of the transaction; the event source may fire earlier */
        uint64_t delay_usec;    /* of registrations */
        sd_event_source *timer, *delay;
};

/* --- timers --- */

static uint64_t scaled(const Service *service, uint64_t usec) {
        return (uint64_t) ((double) usec * service->time_scale);
}

/* The source is left armed when a transaction ends and set again only if it fires early: no system call per
 * request. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Service *service = userdata;

        if (!service->driver.timer_runs)
                return 0;
        if (usec < service->deadline_usec) {
                (void) sd_event_source_set_time(source, service->deadline_usec);
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }

        driver_expire(&service->driver);
        service_settle(service);
        return 0;
}

static void start_timer(Service *service) {
        uint64_t armed;
        int enabled;

        service->deadline_usec = now_usec(CLOCK_MONOTONIC) + scaled(service, service->driver.timeout_usec);
        (void) sd_event_source_get_time(service->timer, &armed);
        (void) sd_event_source_get_enabled(service->timer, &enabled);
        if (enabled != SD_EVENT_OFF && armed <= service->deadline_usec)
                return;

        (void) sd_event_source_set_time(service->timer, service->deadline_usec);
        (void) sd_event_source_set_enabled(service->timer, SD_EVENT_ONESHOT);
}

static int on_delay(sd_event_source *source, uint64_t usec, void *userdata) {
        Service *service = userdata;

        driver_release_registration(&service->driver);
        service_settle(service);
        return 0;
}

static void start_delay(Service *service) {
        (void) sd_event_source_set_time_relative(service->delay, service->delay_usec);
        (void) sd_event_source_set_enabled(service->delay, SD_EVENT_ONESHOT);
}

static int add_timer(sd_event *event, sd_event_time_handler_t handler, Service *service,
                     sd_event_source **ret) {
        int r;

        r = sd_event_add_time(event, ret, CLOCK_MONOTONIC, 0, 1, handler, service);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

/* --- life --- */

int service_new(sd_event *event, const DriverKind *kind, double time_scale, Service **ret) {
        g_autoptr(Service) service = g_new0(Service, 1);
        int r;

        driver_init(&service->driver, kind);
        service->event = sd_event_ref(event);
        service->time_scale = time_scale;
        r = add_timer(event, on_timer, service, &service->timer);
        if (r < 0)
                return r;
        r = add_timer(event, on_delay, service, &service->delay);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&service);
        return 0;
}

Service *service_free(Service *service) {
        if (!service)
                return NULL;

        sd_event_source_disable_unref(service->timer);
        sd_event_source_disable_unref(service->delay);
        g_queue_clear_full(&service->requests, g_free);
        g_queue_clear_full(&service->waiters, g_free);
        g_free(service->current);
        sd_event_unref(service->event);
        g_free(service);
        return NULL;
}

void service_set_node(Service *service, const NodeOps *ops, void *node) {
        service->ops = ops;
        service->node = node;
}

const Driver *service_driver(const Service *service) {
        return &service->driver;
}

const char *service_transport(const Service *service) {
        return service->ops ? service->ops->transport : "none";
}

unsigned service_waiting(const Service *service) {
        return g_queue_get_length((GQueue *) &service->requests);
}

/* --- the driver's actions --- */

static void finish(Request *request, ServiceResult result, const DriverAnswer *answer) {
        if (request && request->answered)
                request->answered(result, answer ? answer->status : 0, answer ? answer->reply : NULL,
                                  answer ? answer->n : 0, request->userdata);
        g_free(request);
}

static void finish_current(Service *service, ServiceResult result, const DriverAnswer *answer) {
        finish(g_steal_pointer(&service->current), result, answer);
}

/* The driver takes the next request, if it takes any now. */
static void fetch(Service *service) {
        Request *request = g_queue_peek_head(&service->requests);

        if (service->current || !request || driver_request(&service->driver, request->bytes, request->n) < 0)
                return;

        service->current = g_queue_pop_head(&service->requests);
}

static void wake_waiters(Service *service) {
        Waiter *waiter;

        while ((waiter = g_queue_pop_head(&service->waiters))) {
                waiter->registered(waiter->userdata);
                g_free(waiter);
        }
}

static void fail_waiting(Service *service) {
        Request *request;

        while ((request = g_queue_pop_head(&service->requests)))
                finish(request, SERVICE_WITHDRAWN, NULL);
}

static void act(Service *service, unsigned actions) {
        DriverAnswer answer = service->driver.answer;

        if (actions & DRIVER_ACTION_TIMER)
                start_timer(service);
        if (actions & DRIVER_ACTION_HELD)
                start_delay(service);
        if (actions & DRIVER_ACTION_ANSWER)
                finish_current(service, SERVICE_ANSWERED, &answer);
        if (actions & DRIVER_ACTION_LOST)
                finish_current(service, SERVICE_LOST, NULL);
        if ((actions & DRIVER_ACTION_WAKE) && service->ops)
                service->ops->wake(service->node);
        if (actions & DRIVER_ACTION_REGISTERED)
                wake_waiters(service);
        if ((actions & DRIVER_ACTION_REMOVED) && service->ops)
                service->ops->vanish(service->node);
        if (actions & DRIVER_ACTION_FETCH)
                fetch(service);
}

/* Until nothing is left to do; whatever is called from inside may come back here. */
void service_settle(Service *service) {
        unsigned actions;

        while ((actions = driver_take_actions(&service->driver)) != 0)
                act(service, actions);
}

/* --- the host's side --- */

void service_submit(Service *service, const void *bytes, size_t n, ServiceAnswered answered, void *userdata) {
        DriverMode mode = service->driver.mode;
        Request *request = g_malloc(sizeof(Request) + n);

        g_assert(n <= DRIVER_MESSAGE_MAX);

        *request = (Request){ .userdata = userdata, .answered = answered, .n = n };
        memcpy(request->bytes, bytes, n);
        if (mode == DRIVER_DESTROY || mode == DRIVER_WITHDRAWN) {
                finish(request, SERVICE_WITHDRAWN, NULL);
                return;
        }

        g_queue_push_tail(&service->requests, request);
        fetch(service);
        service_settle(service);
}

void service_await_registration(Service *service, ServiceRegistered registered, void *userdata) {
        Waiter *waiter;

        if (driver_is_registered(&service->driver)) {
                registered(userdata);
                return;
        }

        waiter = g_new(Waiter, 1);
        *waiter = (Waiter){ userdata, registered };
        g_queue_push_tail(&service->waiters, waiter);
}

/* Both kinds of entry begin with the asker. */
static void drop_of(GQueue *queue, const void *userdata) {
        for (GList *l = queue->head, *next; l; l = next) {
                next = l->next;
                if (*(void **) l->data == userdata) {
                        g_free(l->data);
                        g_queue_delete_link(queue, l);
                }
        }
}

void service_forget(Service *service, const void *userdata) {
        if (service->current && service->current->userdata == userdata)
                service->current->answered = NULL;

        drop_of(&service->requests, userdata);
        drop_of(&service->waiters, userdata);
}

void service_withdraw(Service *service) {
        driver_withdraw(&service->driver);
        fail_waiting(service);
        service_settle(service);
}

int service_offer(Service *service) {
        if (service->driver.mode != DRIVER_WITHDRAWN)
                return -EALREADY;

        driver_offer(&service->driver);
        return service->ops->appear(service->node);
}

void service_suspend(Service *service) {
        driver_suspend(&service->driver);
        service_settle(service);
}

void service_expire(Service *service) {
        driver_expire(&service->driver);
        service_settle(service);
}

void service_delay_registration(Service *service, uint64_t usec) {
        service->delay_usec = usec;
        service->driver.hold_registration = usec > 0;
}

void service_refuse(Service *service, DriverCall call, int error, unsigned times) {
        driver_refuse(&service->driver, call, error, times);
}

/* --- the daemon's system calls --- */

int service_open(Service *service) {
        return driver_open(&service->driver);
}

ssize_t service_read(Service *service, void *buffer, size_t size) {
        return driver_read(&service->driver, buffer, size);
}

int service_write(Service *service, const void *message, size_t n) {
        return driver_write(&service->driver, message, n);
}

unsigned service_poll(const Service *service) {
        return driver_poll(&service->driver);
}

void service_close(Service *service) {
        driver_close(&service->driver);
}
