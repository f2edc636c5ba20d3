/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/control.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "emulator/hresult.h"
#include "emulator/listen.h"
#include "emulator/words.h"

struct Control {
        sd_event *event;
        Service *const *services;
        char *path;
        sd_event_source *listener;
        GHashTable *sessions; /* set of Session */
};

struct Session {
        Control *control;
        sd_event_source *source; /* owns its descriptor */
        bool busy;               /* a request is under way */
        Service *service;        /* where it is under way */
        SessionAnswered answered;
        void *job;
        GDestroyNotify destroy_job;
        GQueue output; /* GByteArray: what the client has not taken yet */
        void (*go_on)(Session *session);
};

HostExit host_exit_of_status(WireStatus status) {
        if (status == WIRE_STATUS_OK)
                return HOST_EXIT_OK;
        return status == WIRE_STATUS_NO_MORE ? HOST_EXIT_NO_SUCH_KEY : HOST_EXIT_REFUSED;
}

/* --- a session's life --- */

static void end_request(Session *session) {
        session->busy = false;
        session->answered = NULL;
        session->go_on = NULL;
        session_set_job(session, NULL, NULL);
        if (session->service)
                service_forget(session->service, session);
        session->service = NULL;
}

static void unref_packet(void *packet) {
        g_byte_array_unref(packet);
}

static void session_free(void *userdata) {
        Session *session = userdata;

        end_request(session);
        g_queue_clear_full(&session->output, unref_packet);
        sd_event_source_disable_unref(session->source);
        g_free(session);
}

static void drop_session(Session *session) {
        g_hash_table_remove(session->control->sessions, session);
}

void session_set_job(Session *session, void *job, GDestroyNotify destroy) {
        if (session->destroy_job)
                session->destroy_job(session->job);
        session->job = job;
        session->destroy_job = destroy;
}

void *session_job(Session *session) {
        return session->job;
}

Service *const *session_services(Session *session) {
        return session->control->services;
}

Service *session_service(Session *session, const char *name) {
        for (Service *const *s = session->control->services; *s; s++)
                if (strcmp(service_driver(*s)->kind->name, name) == 0)
                        return *s;

        session_done(session, HOST_EXIT_USAGE, "No service '%s' is emulated.", name);
        return NULL;
}

/* --- output --- */

/* Sends what it can; a client that went away is noticed when its socket becomes readable. */
static void flush(Session *session) {
        GByteArray *packet;

        while ((packet = g_queue_peek_head(&session->output))) {
                if (send(sd_event_source_get_io_fd(session->source), packet->data, packet->len,
                         MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
                    errno == EAGAIN)
                        break;
                g_byte_array_unref(g_queue_pop_head(&session->output));
        }

        (void) sd_event_source_set_io_events(session->source, packet ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void say(Session *session, GByteArray *packet) {
        g_queue_push_tail(&session->output, packet);
        if (g_queue_get_length(&session->output) == 1)
                flush(session);
}

void session_item(Session *session, ...) {
        GByteArray *packet = g_byte_array_new();
        const char *word;
        va_list words;

        words_append(packet, "item");
        va_start(words, session);
        while ((word = va_arg(words, const char *)))
                words_append(packet, word);
        va_end(words);
        say(session, packet);
}

static void done(Session *session, HostExit code, const char *status, const char *text) {
        GByteArray *packet = g_byte_array_new();
        char number[16];

        (void) g_snprintf(number, sizeof(number), "%d", (int) code);
        words_append(packet, "done");
        words_append(packet, number);
        words_append(packet, status);
        words_append(packet, text);
        end_request(session);
        say(session, packet);
}

void session_done(Session *session, HostExit code, const char *format, ...) {
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        done(session, code, "", text);
}

void session_done_status(Session *session, WireStatus status) {
        g_autofree char *name = hresult_to_string(status);

        done(session, host_exit_of_status(status), name, "");
}

void session_when_clear(Session *session, void (*go_on)(Session *session)) {
        if (g_queue_is_empty(&session->output))
                go_on(session);
        else
                session->go_on = go_on;
}

/* --- requests to the guest --- */

static void on_answer(ServiceResult result, WireStatus status, const uint8_t *reply, size_t n,
                      void *userdata) {
        Session *session = userdata;

        switch (result) {
        case SERVICE_ANSWERED:
                session->answered(session, status, reply, n);
                return;
        case SERVICE_LOST:
                session_done(session, HOST_EXIT_FAILURE, "The guest was suspended before it answered.");
                return;
        case SERVICE_WITHDRAWN:
                session_done(session, HOST_EXIT_FAILURE, "The service is not offered to the guest.");
                return;
        case _SERVICE_RESULT_MAX:
        case _SERVICE_RESULT_INVALID:
                break;
        }
        g_assert_not_reached();
}

void session_submit(Session *session, Service *service, const void *request, size_t n,
                    SessionAnswered answered) {
        session->service = service;
        session->answered = answered;
        service_submit(service, request, n, on_answer, session);
}

static void on_registered(void *userdata) {
        session_done(userdata, HOST_EXIT_OK, "%s", "");
}

void session_await_registration(Session *session, Service *service) {
        session->service = service;
        service_await_registration(service, on_registered, session);
}

/* --- requests from the administrator --- */

static void run_verb(Session *session, char **words) {
        unsigned n = g_strv_length(words) - 1;

        session->busy = true;
        for (const ControlVerb *verb = control_verbs; verb->name; verb++) {
                if (strcmp(verb->name, words[0]) != 0)
                        continue;
                if (n < verb->min || n > verb->max)
                        break;
                verb->run(session, words + 1);
                return;
        }
        session_done(session, HOST_EXIT_USAGE,
                     "The emulated host does not understand '%s' with %u arguments.", words[0], n);
}

static int on_session(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Session *session = userdata;
        g_auto(GStrv) words = NULL;
        static char packet[CONTROL_PACKET_MAX];
        ssize_t n;

        if (revents & EPOLLOUT) {
                flush(session);
                if (session->go_on && g_queue_is_empty(&session->output))
                        g_steal_pointer (&session->go_on)(session);
        }
        if ((revents & ~EPOLLOUT) == 0)
                return 0;

        n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0 || session->busy || words_split(packet, (size_t) n, CONTROL_WORDS_MAX, &words) < 0)
                drop_session(session);
        else
                run_verb(session, words);
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Control *control = userdata;
        Session *session;
        auto_fd peer = -1;
        int r;

        peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0 || g_hash_table_size(control->sessions) >= CONTROL_SESSIONS)
                return 0;

        session = g_new0(Session, 1);
        session->control = control;
        g_hash_table_add(control->sessions, session);
        r = sd_event_add_io(control->event, &session->source, peer, EPOLLIN, on_session, session);
        if (r < 0) {
                drop_session(session);
                return 0;
        }

        (void) sd_event_source_set_io_fd_own(session->source, 1);
        peer = -1;
        return 0;
}

/* --- life --- */

int control_new(sd_event *event, const char *path, Service *const *services, Control **ret) {
        g_autoptr(Control) control = g_new0(Control, 1);
        auto_fd fd = -1;
        int r;

        control->event = sd_event_ref(event);
        control->services = services;
        control->sessions = g_hash_table_new_full(NULL, NULL, session_free, NULL);
        fd = listen_at(path);
        if (fd < 0)
                return fd;
        control->path = g_strdup(path);
        if (chmod(path, 0600) < 0)
                return -errno;
        r = sd_event_add_io(event, &control->listener, fd, EPOLLIN, on_connection, control);
        if (r < 0)
                return r;

        (void) sd_event_source_set_io_fd_own(control->listener, 1);
        fd = -1;
        *ret = g_steal_pointer(&control);
        return 0;
}

Control *control_free(Control *control) {
        if (!control)
                return NULL;

        g_hash_table_unref(control->sessions);
        sd_event_source_disable_unref(control->listener);
        sd_event_unref(control->event);
        if (control->path)
                (void) unlink(control->path);
        g_free(control->path);
        g_free(control);
        return NULL;
}
