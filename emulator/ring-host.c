/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/ring-host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "emulator/listen.h"
#include "emulator/ring-tree.h"

#define FCOPY_CLASS    "{34d14be3-dee4-41c8-9ae7-6b174977c192}"
#define FCOPY_INSTANCE "eb765408-105f-49b6-b4aa-c123b64d17d4"

typedef struct RingRequest {
        uint64_t id;
        RingAnswered answered;
        void *userdata;
        uint8_t transaction; /* of the message */
        bool raw;            /* the answer is not checked */
        size_t n;
        uint8_t packet[];
} RingRequest;

struct RingHost {
        sd_event *event;
        RingTree tree;
        RingHostOptions options;
        const RingHostEvents *events;
        void *userdata;
        char *class_id;
        size_t ring_size;

        sd_event_source *listener, *peer; /* own their descriptors */
        uint8_t *memory;                  /* both rings */
        Ring to_guest, from_guest;
        uint8_t *buffer; /* an answer */
        bool negotiated, deaf;

        GQueue waiting, under_way; /* RingRequest */
        uint64_t last_id;
        uint8_t last_transaction;
        uint32_t interrupts;
        unsigned signals, opens;
};

static const IcVersion frameworks_known[] = { { 1, 0 }, { 3, 0 } };
static const IcVersion message_known = { 1, 1 };
static const IcVersion framework_used = { 3, 0 };

/* --- requests --- */

static void request_lost(void *data) {
        RingRequest *request = data;

        if (request->answered)
                request->answered(WIRE_STATUS_FAIL, NULL, 0, request->userdata);
        g_free(request);
}

static void lose_all(GQueue *queue) {
        RingRequest *request;

        while ((request = g_queue_pop_head(queue)))
                request_lost(request);
}

/* As hv_uio_channel_cb(). */
void ring_host_interrupt(RingHost *host) {
        host->interrupts++;
        if (!host->peer)
                return;
        if (host->options.old_kernel)
                ring_set_masked(&host->to_guest, true);
        if (!host->options.silent)
                (void) send(sd_event_source_get_io_fd(host->peer), &host->interrupts,
                            sizeof(host->interrupts), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static unsigned in_flight(const RingHost *host) {
        return host->options.in_flight > 0 ? host->options.in_flight : 1;
}

static void send_waiting(RingHost *host) {
        RingRequest *request;
        bool signal;

        while (host->peer && g_queue_get_length(&host->under_way) < in_flight(host) &&
               (request = g_queue_peek_head(&host->waiting))) {
                if (ring_send(&host->to_guest, request->packet, request->n, request->id, &signal) < 0)
                        return;
                g_queue_push_tail(&host->under_way, g_queue_pop_head(&host->waiting));
                if (signal)
                        ring_host_interrupt(host);
        }
}

static RingRequest *take_request(RingHost *host, uint64_t id) {
        for (GList *l = host->under_way.head; l; l = l->next) {
                RingRequest *request = l->data;

                if (request->id == id) {
                        g_queue_delete_link(&host->under_way, l);
                        return request;
                }
        }

        return NULL;
}

/* An answer that belongs to nothing is dropped; its request is never answered then, which is what the tests see. */
static void deliver(RingHost *host, uint64_t id, size_t n) {
        RingRequest *request = take_request(host, id);
        WireStatus status = WIRE_STATUS_OK;

        if (!request)
                return;
        if (request->raw || icmsg_parse_answer(host->buffer, n, request->transaction, &status) == 0) {
                if (request->answered)
                        request->answered(status, host->buffer, n, request->userdata);
                g_free(request);
        } else {
                request_lost(request);
        }
}

static void receive_answers(RingHost *host) {
        uint64_t id;
        ssize_t n;
        bool signal;

        while (host->peer && !host->deaf) {
                n = ring_receive(&host->from_guest, host->buffer, host->from_guest.size, &id, &signal);
                if (n < 0)
                        break;
                if (signal)
                        ring_host_interrupt(host);
                deliver(host, id, (size_t) n);
        }
}

static void submit(RingHost *host, const void *packet, size_t n, uint8_t transaction, bool raw,
                   RingAnswered answered, void *userdata) {
        RingRequest *request = g_malloc0(sizeof(RingRequest) + n);

        *request = (RingRequest){
                .id = ++host->last_id,
                .answered = answered,
                .userdata = userdata,
                .transaction = transaction,
                .raw = raw,
                .n = n,
        };
        memcpy(request->packet, packet, n);
        g_queue_push_tail(&host->waiting, request);
        send_waiting(host);
}

void ring_host_submit(RingHost *host, const void *body, size_t n, RingAnswered answered, void *userdata) {
        g_autofree uint8_t *packet = g_malloc(ICMSG_HEADER_SIZE + n);
        uint8_t transaction = ++host->last_transaction;

        n = icmsg_request(packet, ICMSG_TYPE_FCOPY, framework_used, message_known, transaction, body, n);
        submit(host, packet, n, transaction, false, answered, userdata);
}

void ring_host_submit_packet(RingHost *host, const void *packet, size_t n, RingAnswered answered,
                             void *userdata) {
        submit(host, packet, n, 0, true, answered, userdata);
}

void ring_host_forget(RingHost *host, const void *userdata) {
        GQueue *const queues[] = { &host->waiting, &host->under_way };

        for (size_t i = 0; i < G_N_ELEMENTS(queues); i++)
                for (GList *l = queues[i]->head; l; l = l->next) {
                        RingRequest *request = l->data;

                        if (request->userdata == userdata)
                                request->answered = NULL;
                }
}

void ring_host_negotiate(RingHost *host, const IcVersion *frameworks, size_t n_frameworks,
                         const IcVersion *messages, size_t n_messages, RingAnswered answered,
                         void *userdata) {
        uint8_t packet[ICMSG_HEADER_SIZE + 8 + 200 * 4];
        uint8_t transaction = ++host->last_transaction;
        size_t n;

        g_assert(n_frameworks + n_messages <= 200);

        n = icmsg_negotiation(packet, transaction, frameworks, n_frameworks, messages, n_messages);
        submit(host, packet, n, transaction, false, answered, userdata);
}

static void on_negotiated(WireStatus status, const uint8_t *packet, size_t n, void *userdata) {
        RingHost *host = userdata;

        if (!packet || status != WIRE_STATUS_OK)
                return;

        host->negotiated = true;
        if (host->events && host->events->negotiated)
                host->events->negotiated(host, host->userdata);
}

/* --- the device --- */

static size_t map_size(const RingHost *host) {
        return 2 * host->ring_size;
}

/* New memory at the path: who has the old one mapped keeps it to himself. */
static int make_memory(const RingHost *host, void **ret) {
        auto_fd fd = -1;
        void *memory;

        (void) unlink(host->tree.rings);
        fd = open(host->tree.rings, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, (off_t) map_size(host)) < 0)
                return -errno;
        memory = mmap(NULL, map_size(host), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                return -errno;

        *ret = memory;
        return 0;
}

static void drop_rings(RingHost *host) {
        if (host->memory)
                (void) munmap(g_steal_pointer(&host->memory), map_size(host));
}

/* Before anybody opens: the kernel's zeroed rings are there before open() returns. */
static int make_rings(RingHost *host) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);
        void *memory = NULL;
        int r;

        drop_rings(host);
        r = make_memory(host, &memory);
        if (r < 0)
                return r;
        host->memory = memory;
        r = ring_init(&host->from_guest, memory, host->ring_size, page);
        if (r >= 0)
                r = ring_init(&host->to_guest, host->memory + host->ring_size, host->ring_size, page);
        if (r < 0)
                return r;

        ring_offer_features(&host->to_guest);
        ring_set_masked(&host->to_guest, host->options.old_kernel);
        return 0;
}

static void hang_up(RingHost *host) {
        if (!host->peer)
                return;

        host->peer = sd_event_source_disable_unref(host->peer);
        host->negotiated = false;
        if (host->listener)
                (void) make_rings(host);
        lose_all(&host->under_way);
        lose_all(&host->waiting);
        if (host->events && host->events->closed)
                host->events->closed(host, host->userdata);
}

static int on_signal(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        RingHost *host = userdata;
        uint32_t word;
        ssize_t n;

        n = recv(fd, &word, sizeof(word), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                hang_up(host);
                return 0;
        }

        /* As hv_uio_irqcontrol(); later than the kernel, whose write() does it, and the guest must bear that. */
        host->signals++;
        ring_set_masked(&host->to_guest, word == 0);
        receive_answers(host);
        send_waiting(host);
        return 0;
}

static int add_socket(RingHost *host, int *fd, sd_event_io_handler_t handler, sd_event_source **ret) {
        g_autoptr(sd_event_source) source = NULL;
        int r;

        r = sd_event_add_io(host->event, &source, *fd, EPOLLIN, handler, host);
        if (r >= 0)
                r = sd_event_source_set_io_fd_own(source, 1);
        if (r < 0)
                return r;

        *fd = -1;
        *ret = g_steal_pointer(&source);
        return 0;
}

/* A second open succeeds on the kernel and shares the rings; here it finds the door shut, and the tests count
 * the attempts. Who opens anew before his end was noticed is sent away, too, and comes again. */
static int on_open(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        RingHost *host = userdata;
        auto_fd peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (peer < 0)
                return 0;
        host->opens++;
        if (host->peer || add_socket(host, &peer, on_signal, &host->peer) < 0)
                return 0;

        if (!host->options.mute)
                ring_host_negotiate(host, frameworks_known, G_N_ELEMENTS(frameworks_known), &message_known, 1,
                                    on_negotiated, host);
        send_waiting(host);
        return 0;
}

int ring_host_offer(RingHost *host) {
        auto_fd fd = -1;
        int r;

        if (host->listener)
                return -EALREADY;

        r = ring_tree_make(&host->tree, host->class_id, map_size(host));
        if (r >= 0)
                r = make_rings(host);
        if (r < 0)
                return r;
        fd = listen_at(host->tree.node);
        if (fd < 0)
                return fd;
        return add_socket(host, &fd, on_open, &host->listener);
}

void ring_host_withdraw(RingHost *host) {
        if (!host->listener)
                return;

        host->listener = sd_event_source_disable_unref(host->listener);
        (void) unlink(host->tree.node);
        ring_tree_remove(&host->tree);
        hang_up(host);
        drop_rings(host);
}

/* --- life --- */

int ring_host_new(sd_event *event, const RingHostOptions *options, const RingHostEvents *events,
                  void *userdata, RingHost **ret) {
        g_autoptr(RingHost) host = g_new0(RingHost, 1);
        int r;

        host->event = sd_event_ref(event);
        host->options = *options;
        host->events = events;
        host->userdata = userdata;
        host->class_id = g_strdup(options->class_id ? options->class_id : FCOPY_CLASS);
        host->ring_size =
                options->ring_size > 0 ? options->ring_size : 16384 + (size_t) sysconf(_SC_PAGESIZE);
        host->buffer = g_malloc(host->ring_size);
        host->last_id = UINT64_C(0x1000000000);
        ring_tree_init(&host->tree, options->directory,
                       options->instance ? options->instance : FCOPY_INSTANCE, options->number);
        r = ring_host_offer(host);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&host);
        return 0;
}

RingHost *ring_host_free(RingHost *host) {
        if (!host)
                return NULL;

        host->events = NULL;
        ring_host_withdraw(host);
        lose_all(&host->waiting);
        ring_tree_done(&host->tree);
        sd_event_unref(host->event);
        g_free(host->class_id);
        g_free(host->buffer);
        g_free(host);
        return NULL;
}

/* --- what tests look at and meddle with --- */

bool ring_host_is_offered(const RingHost *host) {
        return host->listener;
}

bool ring_host_is_negotiated(const RingHost *host) {
        return host->negotiated;
}

unsigned ring_host_signals(const RingHost *host) {
        return host->signals;
}

unsigned ring_host_interrupts(const RingHost *host) {
        return host->interrupts;
}

unsigned ring_host_opens(const RingHost *host) {
        return host->opens;
}

Ring *ring_host_to_guest(RingHost *host) {
        return host->peer ? &host->to_guest : NULL;
}

Ring *ring_host_from_guest(RingHost *host) {
        return host->peer ? &host->from_guest : NULL;
}

void ring_host_set_deaf(RingHost *host, bool deaf) {
        host->deaf = deaf;
        receive_answers(host);
        send_waiting(host);
}
