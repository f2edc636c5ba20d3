/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The contract between the three daemons.
 *
 * hvutils-snapshotd and hvutils-transferd *serve* RUNTIME/snapshot and RUNTIME/transfer (AF_UNIX, SOCK_SEQPACKET); hvutilsd
 * *connects*, and connects again whenever the other end went away (100 ms doubling to 5 s, and at once when the socket
 * appears). Root's hvctl may connect to the same sockets as a second client. Either end does its duty when the other is
 * silent, slow, restarting or of another version.
 *
 * A message is one packet of at most LINK_MESSAGE_MAX bytes:
 *
 *      u32 magic "hvl1", u16 version, u16 kind, then fields: NAME '=' value NUL, …
 *
 * Names are [A-Z0-9_]+, values any bytes but NUL, a repeated name is a list, an unknown name is ignored. The kinds:
 *
 *      hello    both, first      ROLE=hvutilsd|snapshotd|transferd|hvctl VERSION=text
 *      prepare  server -> hvutilsd  SERIAL=n PHASE=signal|gate|done BUDGET_USEC=n
 *      ready    hvutilsd -> server  SERIAL=n PHASE=…            (the answer to prepare; with the gate closed and nothing in flight)
 *      state    server -> client    STATE=… and whatever the object's properties need
 *      report   server -> client    one finished or running snapshot or transfer, ID=n (64 bit, boot-unique) and its fields
 *      command  client -> server    COMMAND=freeze|thaw|cancel|pause|resume|plan|… SERIAL=n arguments; answered by a report
 *                                   or state with the same SERIAL and RESULT=0|-errno
 *
 * A peer of another version, an ill-formed or too large message, or a peer that is neither uid 0 nor user hvutils
 * (SO_PEERCRED; our own uid counts too: it could do to us what it likes anyway) is *no peer*: the connection is closed,
 * once logged, and tried again later. So is one that does not say hello within LINK_HELLO_TIMEOUT_USEC.
 *
 * Writing never blocks: a peer that does not read loses the connection (EAGAIN after LINK_QUEUE_MAX kept messages).
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/string-table.h"

G_BEGIN_DECLS

#define LINK_VERSION     1
#define LINK_MESSAGE_MAX 4096
#define LINK_QUEUE_MAX   256
#define LINK_FIELDS_MAX  128
#define LINK_PEERS_MAX   16 /* connections that one server keeps at a time */

#define LINK_HELLO_TIMEOUT_USEC UINT64_C(5000000)

typedef enum LinkKind {
        LINK_HELLO,
        LINK_PREPARE,
        LINK_READY,
        LINK_STATE,
        LINK_REPORT,
        LINK_COMMAND,
        _LINK_KIND_MAX,
        _LINK_KIND_INVALID = -EINVAL,
} LinkKind;
DECLARE_STRING_TABLE_LOOKUP(link_kind, LinkKind);

/* --- a message (link-message.c), pure --- */

typedef struct LinkMessage {
        LinkKind kind;
        size_t   size; /* bytes used */
        uint8_t  bytes[LINK_MESSAGE_MAX];
} LinkMessage;

void link_message_init(LinkMessage *message, LinkKind kind);
/* -EMSGSIZE if it does not fit (bytes or LINK_FIELDS_MAX), -EINVAL for a bad name. The message is unchanged then. */
int link_message_add(LinkMessage *message, const char *name, const char *value);
int link_message_add_u64(LinkMessage *message, const char *name, uint64_t value);
int link_message_add_i64(LinkMessage *message, const char *name, int64_t value);
/* The first (or the index-th) value of that name, or NULL. */
const char *link_message_get(const LinkMessage *message, const char *name);
const char *link_message_get_nth(const LinkMessage *message, const char *name, size_t index);
/* -ENOENT if missing, -EINVAL if it is no number. */
int link_message_get_u64(const LinkMessage *message, const char *name, uint64_t *ret);
int link_message_get_i64(const LinkMessage *message, const char *name, int64_t *ret);
/* Checks everything that came over the socket: -EBADMSG, -EPROTONOSUPPORT for another version. */
int link_message_parse(const void *bytes, size_t n, LinkMessage *ret);

/* --- the connecting end (hvutilsd; cli uses link_dial) --- */

typedef struct LinkClient LinkClient;

typedef struct LinkClientOwner {
        void (*connected)(LinkClient *client, void *userdata);    /* hello was exchanged */
        void (*disconnected)(LinkClient *client, void *userdata); /* only after connected */
        void (*message)(LinkClient *client, const LinkMessage *message, void *userdata);
} LinkClientOwner;

int link_client_new(sd_event *event, const char *socket_path, const char *role, double time_scale,
                    const LinkClientOwner *owner, void *userdata, LinkClient **ret);
LinkClient *link_client_free(LinkClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinkClient, link_client_free)
bool link_client_is_connected(const LinkClient *client);
/* -ENOTCONN, or 0: sent or queued. */
int link_client_send(LinkClient *client, const LinkMessage *message);

/* For hvctl: connects, exchanges hello, within timeout_usec (> 0), blocking. Returns the socket or a negative errno. */
int link_dial(const char *socket_path, const char *role, uint64_t timeout_usec);
int link_send(int fd, const LinkMessage *message, uint64_t timeout_usec);
int link_receive(int fd, LinkMessage *ret, uint64_t timeout_usec);

/* --- the serving end (snapshotd, transferd) --- */

typedef struct LinkServer LinkServer;
typedef struct LinkPeer   LinkPeer; /* one connection; valid until `gone` */

typedef struct LinkServerOwner {
        void (*arrived)(LinkServer *server, LinkPeer *peer, void *userdata); /* hello was exchanged: send it the state */
        void (*gone)(LinkServer *server, LinkPeer *peer, void *userdata);
        void (*message)(LinkServer *server, LinkPeer *peer, const LinkMessage *message, void *userdata);
} LinkServerOwner;

/* Binds socket_path (an old socket file is replaced; root:hvutils 0660, or root 0600 where there is no such group). */
int link_server_new(sd_event *event, const char *socket_path, const char *role, double time_scale,
                    const LinkServerOwner *owner, void *userdata, LinkServer **ret);
LinkServer *link_server_free(LinkServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinkServer, link_server_free)
const char *link_peer_get_role(const LinkPeer *peer); /* "hvutilsd" or "hvctl" */
uid_t link_peer_get_uid(const LinkPeer *peer);
/* -ENOTCONN, or 0: sent or queued. */
int link_peer_send(LinkPeer *peer, const LinkMessage *message);
/* To all peers that said hello; returns how many got it. */
unsigned link_server_broadcast(LinkServer *server, const LinkMessage *message);

G_END_DECLS
