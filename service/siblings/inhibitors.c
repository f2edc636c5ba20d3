/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/siblings/inhibitors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"

typedef struct Lock {
        Inhibitor shown;
        Inhibitors *inhibitors;
        int fd;
        sd_event_source *watch;
} Lock;

struct Inhibitors {
        sd_event *event;
        GPtrArray *locks; /* Lock, oldest first */
        void (*empty)(void *userdata);
        void *userdata;
};

static void lock_free(void *p) {
        Lock *lock = p;

        sd_event_source_disable_unref(lock->watch);
        if (lock->fd >= 0)
                (void) close(lock->fd);
        g_free((char *) lock->shown.who);
        g_free((char *) lock->shown.why);
        g_free(lock);
}

static int on_released(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Inhibitors *inhibitors = ((Lock *) userdata)->inhibitors;
        char ignored[64];

        /* Bytes mean nothing; only the end does. */
        if (read(fd, ignored, sizeof ignored) > 0)
                return 0;
        g_ptr_array_remove(inhibitors->locks, userdata);
        if (inhibitors->locks->len == 0)
                inhibitors->empty(inhibitors->userdata);
        return 0;
}

static guint inhibitors_count_of(const Inhibitors *inhibitors, uid_t uid) {
        guint n = 0;

        for (guint i = 0; i < inhibitors->locks->len; i++)
                n += ((const Lock *) g_ptr_array_index(inhibitors->locks, i))->shown.uid == uid;
        return n;
}

int inhibitors_add(Inhibitors *inhibitors, const char *who, const char *why, uid_t uid) {
        int ends[2], r;
        Lock *lock;

        if (inhibitors->locks->len >= INHIBITORS_MAX ||
            inhibitors_count_of(inhibitors, uid) >= INHIBITORS_PER_UID_MAX)
                return -EDQUOT;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        lock = g_new0(Lock, 1);
        lock->inhibitors = inhibitors;
        lock->fd = ends[0];
        lock->shown = (Inhibitor){ g_strdup(who), g_strdup(why), uid, now_usec(CLOCK_REALTIME) };
        r = sd_event_add_io(inhibitors->event, &lock->watch, lock->fd, EPOLLIN, on_released, lock);
        if (r < 0) {
                lock_free(lock);
                (void) close(ends[1]);
                return r;
        }
        g_ptr_array_add(inhibitors->locks, lock);
        return ends[1];
}

guint inhibitors_count(const Inhibitors *inhibitors) {
        return inhibitors->locks->len;
}

const Inhibitor *inhibitors_get(const Inhibitors *inhibitors, guint index) {
        return &((const Lock *) g_ptr_array_index(inhibitors->locks, index))->shown;
}

Inhibitors *inhibitors_new(sd_event *event, void (*empty)(void *userdata), void *userdata) {
        Inhibitors *inhibitors = g_new0(Inhibitors, 1);

        inhibitors->event = sd_event_ref(event);
        inhibitors->locks = g_ptr_array_new_with_free_func(lock_free);
        inhibitors->empty = empty;
        inhibitors->userdata = userdata;
        return inhibitors;
}

Inhibitors *inhibitors_free(Inhibitors *inhibitors) {
        if (!inhibitors)
                return NULL;
        g_ptr_array_unref(inhibitors->locks);
        sd_event_unref(inhibitors->event);
        g_free(inhibitors);
        return NULL;
}
