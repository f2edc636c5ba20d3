/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/log-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define HOLD_SIZE      ((size_t) 64 * 1024)

typedef struct HeldEntry {
        uint32_t size;
        bool to_journal;
} HeldEntry;

static struct Sink {
        struct sockaddr_un journal;
        int journal_fd;
        int stderr_fd; /* -1: descriptor 2 itself */
        uint64_t dropped;
        bool held;
        char *hold; /* HOLD_SIZE bytes: a HeldEntry, its bytes, the next HeldEntry … */
        size_t hold_used;
} sink = { .journal_fd = -1, .stderr_fd = -1 };

/* where to */

static int open_journal(void) {
        const char *path = g_getenv("HVUTILS_JOURNAL_SOCKET");

        sink.journal = (struct sockaddr_un){ .sun_family = AF_UNIX };
        (void) g_strlcpy(sink.journal.sun_path, path ? path : JOURNAL_SOCKET, sizeof(sink.journal.sun_path));
        return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int reopen_stderr(void) {
        struct stat st;

        if (fstat(STDERR_FILENO, &st) < 0 || !(S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO)))
                return -1;
        return open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_sink_open(void) {
        log_sink_close();
        sink.journal_fd = open_journal();
        sink.stderr_fd = reopen_stderr();
}

static void close_fd(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
        *fd = -1;
}

void log_sink_close(void) {
        log_sink_release();
        close_fd(&sink.journal_fd);
        close_fd(&sink.stderr_fd);
        free(sink.hold);
        sink.hold = NULL;
}

bool log_sink_has_journal(void) {
        return sink.journal_fd >= 0 && access(sink.journal.sun_path, W_OK) == 0;
}

bool log_sink_stderr_is_journal(void) {
        const char *stream = g_getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;
        char end;

        if (!stream || sscanf(stream, "%llu:%llu%c", &device, &inode, &end) != 2)
                return false;
        return fstat(STDERR_FILENO, &st) >= 0 && st.st_dev == device && st.st_ino == inode;
}

/* out */

static ssize_t write_stderr(const LogRecord *record) {
        int fd = sink.stderr_fd >= 0 ? sink.stderr_fd : STDERR_FILENO;
        struct pollfd room = { .fd = fd, .events = POLLOUT };
        ssize_t n;

        n = send(fd, record->bytes, record->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0 || errno != ENOTSOCK)
                return n;

        if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
                return -1;
        return write(fd, record->bytes, record->size);
}

static ssize_t write_journal(const LogRecord *record) {
        return sendto(sink.journal_fd, record->bytes, record->size, MSG_NOSIGNAL,
                      (const struct sockaddr *) &sink.journal, sizeof(sink.journal));
}

static void write_now(const LogRecord *record, bool to_journal) {
        if ((to_journal ? write_journal(record) : write_stderr(record)) < 0)
                sink.dropped++;
}

/* held back */

static void keep(const LogRecord *record, bool to_journal) {
        HeldEntry entry = { .size = (uint32_t) record->size, .to_journal = to_journal };

        if (sizeof(entry) + record->size > HOLD_SIZE - sink.hold_used) {
                sink.dropped++;
                return;
        }

        memcpy(sink.hold + sink.hold_used, &entry, sizeof(entry));
        memcpy(sink.hold + sink.hold_used + sizeof(entry), record->bytes, record->size);
        sink.hold_used += sizeof(entry) + record->size;
}

void log_sink_write(const LogRecord *record, bool to_journal) {
        if (sink.held)
                keep(record, to_journal);
        else
                write_now(record, to_journal);
}

uint64_t log_sink_dropped(void) {
        return sink.dropped;
}

int log_sink_hold(void) {
        if (!sink.hold) {
                sink.hold = malloc(HOLD_SIZE);
                if (!sink.hold)
                        return -ENOMEM;
                memset(sink.hold, 0xff, HOLD_SIZE); /* the pages must exist before the disk freezes */
        }

        sink.held = true;
        return 0;
}

bool log_sink_is_held(void) {
        return sink.held;
}

void log_sink_release(void) {
        sink.held = false;

        for (size_t at = 0; at < sink.hold_used;) {
                HeldEntry entry;
                LogRecord record;

                memcpy(&entry, sink.hold + at, sizeof(entry));
                record.size = entry.size;
                memcpy(record.bytes, sink.hold + at + sizeof(entry), entry.size);
                write_now(&record, entry.to_journal);
                at += sizeof(entry) + entry.size;
        }

        sink.hold_used = 0;
}
