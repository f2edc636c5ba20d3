/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/control-verbs.h"

#include <errno.h>
#include <string.h>

#include "emulator/kvp-host.h"

/* A request under way; for `list` it walks: index 0, 1, 2, … to the first status that is not OK, as hosts do.
 */
typedef struct KvpJob {
        KvpOperation operation;
        uint32_t pool, index;
        bool walks;
        Service *service;
} KvpJob;

static void send_request(Session *session, KvpJob *job, const char *key, const char *value);

static int parse_number(const char *word, uint64_t max, uint32_t *ret) {
        guint64 number;

        if (!g_ascii_string_to_unsigned(word, 10, 0, max, &number, NULL))
                return -EINVAL;

        *ret = (uint32_t) number;
        return 0;
}

static void walk_on(Session *session) {
        KvpJob *job = session_job(session);

        job->index++;
        send_request(session, job, NULL, NULL);
}

static void say_pair(Session *session, const KvpJob *job, const KvpView *view) {
        char pool[16];

        (void) g_snprintf(pool, sizeof(pool), "%u", job->pool);
        session_item(session, pool, view->key, view->value, NULL);
}

static void on_kvp_answer(Session *session, WireStatus status, const uint8_t *reply, size_t n) {
        KvpJob *job = session_job(session);
        g_auto(KvpView) view = {};

        kvp_view_init(&view, job->operation, status, reply, n);
        if (view.status == WIRE_STATUS_OK && job->operation == KVP_OPERATION_GET)
                session_item(session, view.value, NULL);
        if (view.status == WIRE_STATUS_OK && job->operation == KVP_OPERATION_ENUMERATE)
                say_pair(session, job, &view);

        if (job->walks && view.status == WIRE_STATUS_OK)
                session_when_clear(session, walk_on);
        else if (job->walks && view.status == WIRE_STATUS_NO_MORE)
                session_done_status(session, WIRE_STATUS_OK);
        else
                session_done_status(session, view.status);
}

static void send_request(Session *session, KvpJob *job, const char *key, const char *value) {
        uint8_t message[KVP_MESSAGE_SIZE];
        int r;

        r = kvp_host_request(message, job->operation, job->pool, job->index, key, value);
        if (r == -E2BIG)
                session_done(session, HOST_EXIT_USAGE,
                             "The host cannot send more than 255 UTF-16 units of key and 1023 of value.");
        else if (r < 0)
                session_done(session, HOST_EXIT_USAGE, "Key and value must be UTF-8.");
        else
                session_submit(session, job->service, message, sizeof(message), on_kvp_answer);
}

static const struct {
        const char *word;
        KvpOperation operation;
        unsigned arguments; /* after the pool */
        bool walks;
} kvp_verbs[] = {
        { "get", KVP_OPERATION_GET, 1, false },       { "set", KVP_OPERATION_SET, 2, false },
        { "delete", KVP_OPERATION_REMOVE, 1, false }, { "enumerate", KVP_OPERATION_ENUMERATE, 1, false },
        { "list", KVP_OPERATION_ENUMERATE, 0, true },
};

static bool kvp_job_parse(KvpJob *job, char **words) {
        unsigned n = g_strv_length(words);

        for (size_t i = 0; i < G_N_ELEMENTS(kvp_verbs); i++)
                if (strcmp(kvp_verbs[i].word, words[0]) == 0) {
                        job->operation = kvp_verbs[i].operation;
                        job->walks = kvp_verbs[i].walks;
                        return n == kvp_verbs[i].arguments + 2 &&
                               parse_number(words[1], UINT8_MAX, &job->pool) >= 0 &&
                               (job->operation != KVP_OPERATION_ENUMERATE || job->walks ||
                                parse_number(words[2], UINT32_MAX, &job->index) >= 0);
                }

        return false;
}

void control_kvp(Session *session, char **words) {
        KvpJob *job = g_new0(KvpJob, 1);

        session_set_job(session, job, g_free);
        job->service = session_service(session, "kvp");
        if (!job->service)
                return;
        if (!kvp_job_parse(job, words)) {
                session_done(session, HOST_EXIT_USAGE,
                             "kvp: an operation, a pool from 0 to 255, and its arguments.");
                return;
        }

        if (job->operation == KVP_OPERATION_ENUMERATE)
                send_request(session, job, NULL, NULL);
        else
                send_request(session, job, words[2], words[3]);
}
