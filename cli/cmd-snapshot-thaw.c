/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvctl snapshot thaw: the way out when everything else waits for a frozen disk, the bus and polkit too. Root
 * speaks to hvutils-snapshotd itself, over its socket.
 */

#include <errno.h>
#include <stdio.h>

#include "cli/verbs.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"
#include "service/link/fields.h"
#include "service/link/link.h"

#define THAW_SERIAL       1
#define THAW_TIMEOUT_USEC (10 * USEC_PER_SEC)

static ExitStatus fail_to_dial(Failure *failure, int r) {
        switch (-r) {
        case EACCES:
        case EPERM:
                return failure_set(failure, EXIT_STATUS_DENIED, "only root may end others' snapshots");
        case ENOENT:
        case ECONNREFUSED:
        case ECONNRESET:
                return failure_set(failure, EXIT_STATUS_UNAVAILABLE, "hvutils-snapshotd is not running");
        default:
                return failure_set_errno(failure, r);
        }
}

/* States and reports of past snapshots come first. */
static int receive_answer(int fd, uint64_t deadline, LinkMessage *ret) {
        for (;;) {
                uint64_t now = now_usec(CLOCK_MONOTONIC), serial;
                if (now >= deadline)
                        return -ETIMEDOUT;
                int r = link_receive(fd, ret, deadline - now);
                if (r < 0)
                        return r;
                if (link_message_get_u64(ret, LINK_FIELD_SERIAL, &serial) >= 0 && serial == THAW_SERIAL)
                        return 0;
        }
}

static ExitStatus check_answer(const LinkMessage *answer, Failure *failure) {
        const char *error = link_message_get(answer, LINK_FIELD_ERROR);
        int64_t result = 0;
        (void) link_message_get_i64(answer, LINK_FIELD_RESULT, &result);
        if (result >= 0)
                return EXIT_STATUS_OK;
        ExitStatus status = failure_set_errno(failure, (int) result);
        return error ? failure_set(failure, status, "%s", error) : status;
}

static ExitStatus thaw(const char *path, uint64_t timeout_usec, Failure *failure) {
        uint64_t deadline = now_usec(CLOCK_MONOTONIC) + timeout_usec;
        LinkMessage message;
        auto_fd fd = link_dial(path, "hvctl", timeout_usec);
        if (fd < 0)
                return fail_to_dial(failure, fd);

        link_message_init(&message, LINK_COMMAND);
        (void) link_message_add_u64(&message, LINK_FIELD_SERIAL, THAW_SERIAL);
        (void) link_message_add(&message, LINK_FIELD_COMMAND, "thaw");
        int r = link_send(fd, &message, timeout_usec);
        if (r >= 0)
                r = receive_answer(fd, deadline, &message);
        return r < 0 ? fail_to_dial(failure, r) : check_answer(&message, failure);
}

ExitStatus cmd_snapshot_thaw(const Options *options) {
        g_auto(Failure) failure = { 0 };
        const char *path = options->arguments[0] ?: HVUTILS_RUNTIME_DIRECTORY "/" HVUTILS_SOCKET_SNAPSHOT;
        uint64_t timeout = MIN(options->timeout_usec, THAW_TIMEOUT_USEC);

        fputs("hvctl: a backup that the host takes now is broken by this\n", stderr);
        ExitStatus status = thaw(path, MAX(timeout, 1), &failure);
        return status ? complain(status, &failure, "cannot thaw") : EXIT_STATUS_OK;
}
