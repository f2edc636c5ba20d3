/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The Hyper-V host at its end of a VMBus ring, and uio_hv_generic between it and a daemon.
 *
 *      DIR/sys/bus/vmbus/devices/GUID/class_id, uio/uioN/maps/map0/{name,size}
 *      DIR/dev/uioN        SOCK_SEQPACKET, see service/transfer/uio-file.h
 *      DIR/dev/rings-uioN  the rings' memory, new for every open, so that it begins zeroed and who writes on after
 *                          a withdrawal hurts nobody
 *
 * It misbehaves on demand: both rings are in reach, any bytes can be sent, interrupts can fail to come.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "wire/icmsg.h"
#include "wire/ring.h"

G_BEGIN_DECLS

typedef struct RingHost RingHost;

typedef struct RingHostOptions {
        const char *directory;
        const char *class_id; /* NULL: FCOPY's */
        const char *instance; /* NULL: the one of all real hosts */
        unsigned number;      /* of uioN */
        size_t ring_size;     /* with its header page; 0: as kernels from 6.16 on make it */
        unsigned in_flight;   /* requests sent before the first is answered; 0: one, as real hosts */
        bool old_kernel;      /* sets the guest's interrupt mask when opened and with every interrupt */
        bool silent;          /* no interrupt ever arrives */
        bool takes_memory; /* a withdrawal frees the rings under the guest's mapping: who touches them dies */
        bool mute;         /* does not negotiate by itself */
} RingHostOptions;

/* packet is the guest's whole answer, NULL if the guest closed instead. */
typedef void (*RingAnswered)(WireStatus status, const uint8_t *packet, size_t n, void *userdata);

/* What the owner may want to hear; each may be NULL. */
typedef struct RingHostEvents {
        void (*negotiated)(RingHost *host, void *userdata);
        void (*closed)(RingHost *host, void *userdata);
} RingHostEvents;

/* Offers the device. */
int ring_host_new(sd_event *event, const RingHostOptions *options, const RingHostEvents *events,
                  void *userdata, RingHost **ret);
RingHost *ring_host_free(RingHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RingHost, ring_host_free)

/* The node and its directory vanish, the descriptor is dead. */
void ring_host_withdraw(RingHost *host);
int ring_host_offer(RingHost *host);
bool ring_host_is_offered(const RingHost *host);
bool ring_host_is_negotiated(const RingHost *host);
unsigned ring_host_signals(const RingHost *host);    /* that the guest sent */
unsigned ring_host_interrupts(const RingHost *host); /* that were due to the guest */
unsigned ring_host_opens(const RingHost *host);

/* A request of FCOPY with this body, sent in its turn; answered is called once. */
void ring_host_submit(RingHost *host, const void *body, size_t n, RingAnswered answered, void *userdata);
/* Any bytes as a packet; answered gets whatever comes back with its transaction id. */
void ring_host_submit_packet(RingHost *host, const void *packet, size_t n, RingAnswered answered,
                             void *userdata);
/* Nobody wants those answers any more. */
void ring_host_forget(RingHost *host, const void *userdata);
void ring_host_negotiate(RingHost *host, const IcVersion *frameworks, size_t n_frameworks,
                         const IcVersion *messages, size_t n_messages, RingAnswered answered, void *userdata);

/* To do harm with. NULL while nobody has it open. */
Ring *ring_host_to_guest(RingHost *host);
Ring *ring_host_from_guest(RingHost *host);
void ring_host_interrupt(RingHost *host);
/* Reads answers only when it is told to. */
void ring_host_set_deaf(RingHost *host, bool deaf);

G_END_DECLS
