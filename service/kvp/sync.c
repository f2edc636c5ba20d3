/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/sync.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"

/* The thread needs next to no stack: it calls fdatasync(), write() and the mutex. */
#define STACK_SIZE (64 * 1024)

typedef struct Slot {
        int fd;            /* waits for its turn, -1 = none */
        uint64_t serial;   /* the last one handed out */
        uint64_t finished; /* the last one that is on the disk, or failed */
        uint64_t told;     /* the last one the owner heard of */
        int result;
} Slot;

struct Sync {
        SyncDone done;
        void *userdata;
        sd_event_source *wake;
        int wake_fd;
        pthread_t thread;
        bool started;

        pthread_mutex_t mutex; /* guards what follows */
        pthread_cond_t work;
        bool stop;
        Slot slots[_KVP_POOL_ID_MAX];
};

/* The pool whose turn it is, or -1. Called with the mutex held. */
static int next_slot(const Sync *sync) {
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                if (sync->slots[pool].fd >= 0)
                        return pool;
        return -1;
}

static void say_finished(const Sync *sync) {
        uint64_t one = 1;

        (void)!write(sync->wake_fd, &one, sizeof one);
}

/* One sync; the mutex is released while the disk works. */
static void run_slot(Sync *sync, Slot *slot) {
        uint64_t serial = slot->serial;
        int fd = g_steal_fd(&slot->fd), r;

        pthread_mutex_unlock(&sync->mutex);
        r = fdatasync(fd) < 0 ? -errno : 0;
        (void)close(fd);
        pthread_mutex_lock(&sync->mutex);

        slot->finished = serial;
        slot->result = r;
        say_finished(sync);
}

static void *helper(void *userdata) {
        Sync *sync = userdata;

        pthread_mutex_lock(&sync->mutex);
        while (!sync->stop) {
                int pool = next_slot(sync);

                if (pool < 0)
                        pthread_cond_wait(&sync->work, &sync->mutex);
                else
                        run_slot(sync, &sync->slots[pool]);
        }
        pthread_mutex_unlock(&sync->mutex);
        return NULL;
}

/* Signals belong to the loop: the thread is born with all of them blocked. */
static int start_helper(Sync *sync) {
        pthread_attr_t attributes;
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        r = pthread_create(&sync->thread, &attributes, helper, sync);
        pthread_attr_destroy(&attributes);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        sync->started = true;
        return 0;
}

static bool take_finished(Sync *sync, int pool, uint64_t *ret_serial, int *ret_result) {
        Slot *slot = &sync->slots[pool];
        bool news;

        pthread_mutex_lock(&sync->mutex);
        news = slot->finished > slot->told;
        slot->told = slot->finished;
        *ret_serial = slot->finished;
        *ret_result = slot->result;
        pthread_mutex_unlock(&sync->mutex);
        return news;
}

static int on_wake(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Sync *sync = userdata;
        uint64_t count;

        (void)!read(fd, &count, sizeof count);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++) {
                uint64_t serial;
                int result;

                if (take_finished(sync, pool, &serial, &result))
                        sync->done((KvpPool)pool, serial, result, sync->userdata);
        }
        return 0;
}

int sync_new(sd_event *event, SyncDone done, void *userdata, Sync **ret) {
        g_autoptr(Sync) sync = g_new0(Sync, 1);
        int r;

        sync->done = done;
        sync->userdata = userdata;
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                sync->slots[pool].fd = -1;
        pthread_mutex_init(&sync->mutex, NULL);
        pthread_cond_init(&sync->work, NULL);

        sync->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (sync->wake_fd < 0)
                return -errno;
        r = sd_event_add_io(event, &sync->wake, sync->wake_fd, EPOLLIN, on_wake, sync);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&sync);
        return 0;
}

static void stop_helper(Sync *sync) {
        if (!sync->started)
                return;
        pthread_mutex_lock(&sync->mutex);
        sync->stop = true;
        pthread_cond_signal(&sync->work);
        pthread_mutex_unlock(&sync->mutex);
        pthread_join(sync->thread, NULL);
}

Sync *sync_free(Sync *sync) {
        if (!sync)
                return NULL;

        stop_helper(sync);
        sd_event_source_disable_unref(sync->wake);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++)
                if (sync->slots[pool].fd >= 0)
                        (void)close(sync->slots[pool].fd);
        if (sync->wake_fd >= 0)
                (void)close(sync->wake_fd);
        pthread_cond_destroy(&sync->work);
        pthread_mutex_destroy(&sync->mutex);
        g_free(sync);
        return NULL;
}

int sync_submit(Sync *sync, KvpPool pool, int fd, uint64_t *ret_serial) {
        Slot *slot = &sync->slots[pool];
        auto_fd owned = fd;
        int r;

        if (!sync->started) {
                r = start_helper(sync);
                if (r < 0)
                        return r;
        }

        pthread_mutex_lock(&sync->mutex);
        if (slot->fd >= 0)
                (void)close(slot->fd);
        slot->fd = g_steal_fd(&owned);
        *ret_serial = ++slot->serial;
        pthread_cond_signal(&sync->work);
        pthread_mutex_unlock(&sync->mutex);
        return 0;
}

bool sync_is_idle(const Sync *sync) {
        Sync *mutable = (Sync *)sync;
        bool idle = true;

        pthread_mutex_lock(&mutable->mutex);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX && idle; pool++)
                idle = sync->slots[pool].told == sync->slots[pool].serial;
        pthread_mutex_unlock(&mutable->mutex);
        return idle;
}
