/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * DIR/control: how the host's administrator tells the emulated host what to do. SOCK_SEQPACKET; a packet is a
 * list of words, each ended by a NUL.
 *
 *      request   VERB ARGUMENT…
 *      answer    item WORD…            any number
 *                done CODE STATUS TEXT  once; CODE is a HostExit, STATUS the HRESULT's name or empty, TEXT a
 * sentence or empty
 *
 * A connection has one request under way; after `done` it may send the next. Closing it takes the request
 * back.
 *
 *      kvp set|get|delete POOL KEY [VALUE]   get: item VALUE                      POOL is a number, 0 … 255
 *      kvp enumerate POOL INDEX              item POOL KEY VALUE
 *      kvp list POOL                         the same for each, until the guest says "no more"
 *      ip get MAC                            item FIELD VALUE for adapter, family, dhcp, addresses, masks, …
 *      ip set GUID FAMILY yes|no ADDRESSES MASKS GATEWAYS DNS          the lists as on the wire, with ';'
 *      raw SERVICE HEX                       item HEX (no item for the driver's own answer)
 *      second-request-before-reply SERVICE   item HEX, as raw
 *      status                                item SERVICE FIELD=VALUE…
 *      wait-registered SERVICE               done when a daemon is registered
 *      withdraw|offer|suspend|expire SERVICE
 *      delay-registration SERVICE USEC
 *      refuse SERVICE open|read|write ERRNO TIMES
 *
 * SERVICE is "kvp", "vss" or "fcopy".
 */

#include <glib.h>
#include <systemd/sd-event.h>

#include "emulator/service.h"

G_BEGIN_DECLS

#define CONTROL_SOCKET     "control"
#define CONTROL_PACKET_MAX (64 * 1024)
#define CONTROL_WORDS_MAX  16
#define CONTROL_SESSIONS   64

/* What hvhost exits with; the first four as hvctl does. */
typedef enum HostExit {
        HOST_EXIT_OK = 0,
        HOST_EXIT_FAILURE = 1,
        HOST_EXIT_USAGE = 2,
        HOST_EXIT_TIMEOUT = 3,
        HOST_EXIT_NO_SUCH_KEY = 4, /* HV_S_CONT */
        HOST_EXIT_REFUSED = 8,     /* any other HRESULT, which is printed */
} HostExit;

HostExit host_exit_of_status(WireStatus status);

typedef struct Control Control;
typedef struct Session Session;

/* The services are borrowed; they end in NULL. */
int control_new(sd_event *event, const char *path, Service *const *services, Control **ret);
Control *control_free(Control *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Control, control_free)

/* --- for the verbs: control-verbs.c, control-kvp.c, … --- */

typedef struct ControlVerb {
        const char *name;
        unsigned min, max; /* number of arguments */
        void (*run)(Session *session, char **arguments);
} ControlVerb;

extern const ControlVerb control_verbs[]; /* ends in an entry without a name */

/* By name, or NULL; done was said then. */
Service *session_service(Session *session, const char *name);
Service *const *session_services(Session *session);
/* The verb's own state, freed when the request is over. */
void session_set_job(Session *session, void *job, GDestroyNotify destroy);
void *session_job(Session *session);

typedef void (*SessionAnswered)(Session *session, WireStatus status, const uint8_t *reply, size_t n);
/* Sends a request to the guest. If it is lost or the service withdrawn, done is said and nothing called. */
void session_submit(Session *session, Service *service, const void *request, size_t n,
                    SessionAnswered answered);
void session_await_registration(Session *session, Service *service);

void session_item(Session *session, ...) G_GNUC_NULL_TERMINATED;
void session_done(Session *session, HostExit code, const char *format, ...) G_GNUC_PRINTF(3, 4);
void session_done_status(Session *session, WireStatus status);
/* Calls back when everything said so far has left: at once, or later. */
void session_when_clear(Session *session, void (*go_on)(Session *session));

G_END_DECLS
