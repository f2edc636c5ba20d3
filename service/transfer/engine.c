/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/engine.h"

#include <errno.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "service/transfer/frozen.h"
#include "service/transfer/owner.h"
#include "service/transfer/path.h"
#include "service/transfer/sink.h"

#define INCOMING "incoming" /* below the data directory: the one place there where files may arrive */

struct TransferEngine {
        sd_event *event;
        TransferSetup setup;
        PathPolicy *policy;
        Journal *journal;
        FrozenWatch *frozen;
        bool asked_to_pause; /* by hvutilsd */
        bool swept;
        uid_t uid;
        gid_t gid;

        TransferRecord *record; /* of the transfer that runs */
        Sink *sink;             /* its file */
        uint64_t begun;         /* CLOCK_MONOTONIC */
        uint64_t reported;      /* likewise */
        GPtrArray *doomed;      /* Sink: to be removed after the thaw */

        const FcopyRequest *held;
        TransferAnswered answered;
        void *answered_userdata;
        sd_event_source *hold_timer;
};

/* --- reports --- */

static void report(TransferEngine *engine) {
        uint64_t now = now_usec(CLOCK_MONOTONIC), elapsed = MAX(now - engine->begun, 1);
        TransferRecord *record = engine->record;

        record->rate = (uint64_t) ((double) record->received * (double) USEC_PER_SEC / (double) elapsed);
        engine->reported = now;
        engine->setup.observer.changed(record, engine->setup.userdata);
}

static void report_progress(TransferEngine *engine) {
        engine->record->received = sink_received(engine->sink);
        if (now_usec(CLOCK_MONOTONIC) >= engine->reported + TRANSFER_REPORT_INTERVAL_USEC)
                report(engine);
}

/* --- pauses --- */

bool transfer_engine_is_paused(const TransferEngine *engine) {
        return engine->asked_to_pause || frozen_watch_get(engine->frozen);
}

static void sink_doom(void *sink) {
        sink_free(sink);
}

/* Nothing may be removed from a frozen disk: it would hold us until the thaw. */
static void discard(TransferEngine *engine, Sink *sink) {
        if (sink && transfer_engine_is_paused(engine))
                g_ptr_array_add(engine->doomed, sink);
        else
                sink_free(sink);
}

static void clean_up(TransferEngine *engine) {
        unsigned swept;

        g_ptr_array_set_size(engine->doomed, 0);
        if (engine->swept)
                return;

        engine->swept = true;
        swept = journal_sweep(engine->journal);
        if (swept > 0)
                log_info("Removed %u unfinished file that an earlier life left behind.", swept);
}

/* --- the end of a transfer --- */

static void end_transfer(TransferEngine *engine, TransferOutcome outcome) {
        g_autoptr(TransferRecord) record = engine->record;

        if (!record)
                return;

        record->state = transfer_state_of_end(outcome, engine->sink != NULL);
        record->outcome = outcome;
        record->finished = now_usec(CLOCK_REALTIME);
        discard(engine, g_steal_pointer(&engine->sink));
        report(engine);
        engine->record = NULL;
}

/* --- the four messages --- */

static void begin_record(TransferEngine *engine, const FcopyRequest *request) {
        TransferRecord *record = transfer_record_new(engine->setup.number(engine->setup.userdata));

        record->file_name = g_strdup(request->file_name);
        record->directory = g_strdup(request->path_name);
        record->size = request->file_size;
        record->started = now_usec(CLOCK_REALTIME);
        engine->record = record;
        engine->begun = now_usec(CLOCK_MONOTONIC);
}

static TransferOutcome open_sink(TransferEngine *engine, const FcopyRequest *request) {
        const SinkSetup setup = {
                .size = request->file_size,
                .overwrite = request->overwrite,
                .mode = engine->setup.configuration->transfer.file_mode,
                .uid = engine->uid,
                .gid = engine->gid,
                .journal = engine->journal,
        };
        g_auto(PathTarget) target = PATH_TARGET_NONE;
        TransferOutcome outcome;

        if (engine->setup.configuration->transfer.accept == ACCEPT_NEVER)
                return TRANSFER_E_NOT_ACCEPTED;
        if (request->file_size > engine->setup.configuration->transfer.maximum_size)
                return TRANSFER_E_TOO_LARGE;
        outcome = path_policy_resolve(engine->policy, request->path_name, request->file_name,
                                      request->create_path, &target);
        if (outcome != TRANSFER_OK)
                return outcome;

        g_free(engine->record->directory);
        engine->record->directory = g_strdup(target.directory);
        g_free(engine->record->file_name);
        engine->record->file_name = g_strdup(target.name);
        return sink_new(&setup, &target, &engine->sink);
}

static TransferOutcome handle_start(TransferEngine *engine, const FcopyRequest *request) {
        TransferOutcome outcome;

        end_transfer(engine, TRANSFER_E_REPLACED);
        begin_record(engine, request);
        outcome = open_sink(engine, request);
        if (outcome != TRANSFER_OK)
                end_transfer(engine, outcome);
        else
                report(engine);
        return outcome;
}

static TransferOutcome handle_write(TransferEngine *engine, const FcopyRequest *request) {
        TransferOutcome outcome;

        outcome = sink_write(engine->sink, request->offset, request->data, request->size);
        if (outcome != TRANSFER_OK)
                end_transfer(engine, outcome);
        else
                report_progress(engine);
        return outcome;
}

static TransferOutcome handle_complete(TransferEngine *engine) {
        TransferOutcome outcome = sink_commit(engine->sink);

        end_transfer(engine, outcome);
        return outcome;
}

static TransferOutcome handle_cancel(TransferEngine *engine) {
        end_transfer(engine, TRANSFER_E_CANCELLED);
        return TRANSFER_OK;
}

static TransferOutcome handle(TransferEngine *engine, const FcopyRequest *request) {
        bool runs = engine->record != NULL;

        switch (request->operation) {
        case FCOPY_OPERATION_START:
                return handle_start(engine, request);
        case FCOPY_OPERATION_WRITE:
                return runs ? handle_write(engine, request) : TRANSFER_E_NOT_STARTED;
        case FCOPY_OPERATION_COMPLETE:
                return runs ? handle_complete(engine) : TRANSFER_E_NOT_STARTED;
        case FCOPY_OPERATION_CANCEL:
                return handle_cancel(engine);
        case _FCOPY_OPERATION_MAX:
        case _FCOPY_OPERATION_INVALID:
                break;
        }
        g_assert_not_reached();
}

/* --- holding a message back --- */

static bool must_hold(const TransferEngine *engine, const FcopyRequest *request) {
        if (!transfer_engine_is_paused(engine) || request->operation == FCOPY_OPERATION_CANCEL)
                return false;
        return request->operation == FCOPY_OPERATION_START || engine->record;
}

static void drop_held(TransferEngine *engine) {
        engine->held = NULL;
        (void) sd_event_source_set_enabled(engine->hold_timer, SD_EVENT_OFF);
}

static void answer_held(TransferEngine *engine, TransferOutcome outcome) {
        if (!engine->held)
                return;
        drop_held(engine);
        engine->answered(transfer_outcome_status(outcome), engine->answered_userdata);
}

static int on_held_too_long(sd_event_source *source, uint64_t usec, void *userdata) {
        TransferEngine *engine = userdata;

        end_transfer(engine, TRANSFER_E_HELD);
        answer_held(engine, TRANSFER_E_HELD);
        return 0;
}

static void hold(TransferEngine *engine, const FcopyRequest *request, uint64_t hold_usec,
                 TransferAnswered answered, void *userdata) {
        uint64_t usec = (uint64_t) ((double) hold_usec * engine->setup.time_scale);

        engine->held = request;
        engine->answered = answered;
        engine->answered_userdata = userdata;
        (void) sd_event_source_set_time_relative(engine->hold_timer, usec);
        (void) sd_event_source_set_enabled(engine->hold_timer, SD_EVENT_ONESHOT);
}

static void show_pause(TransferEngine *engine, bool paused) {
        if (engine->record) {
                engine->record->state = paused ? TRANSFER_PAUSED : TRANSFER_RECEIVING;
                report(engine);
        }
        engine->setup.observer.paused(paused, engine->setup.userdata);
}

/* The pause has begun or ended. */
static void pause_changed(TransferEngine *engine) {
        bool paused = transfer_engine_is_paused(engine);
        const FcopyRequest *held = engine->held;

        if (!paused)
                clean_up(engine);
        show_pause(engine, paused);
        if (!paused && held)
                answer_held(engine, handle(engine, held));
}

static void on_frozen(bool frozen, void *userdata) {
        TransferEngine *engine = userdata;

        if (!engine->asked_to_pause)
                pause_changed(engine);
}

/* --- the door --- */

int transfer_engine_handle(TransferEngine *engine, const FcopyRequest *request, uint64_t hold_usec,
                           TransferAnswered answered, void *userdata, WireStatus *ret_status) {
        g_assert(!engine->held);

        if (must_hold(engine, request)) {
                hold(engine, request, hold_usec, answered, userdata);
                return 0;
        }

        *ret_status = transfer_outcome_status(handle(engine, request));
        return 1;
}

void transfer_engine_lost(TransferEngine *engine) {
        drop_held(engine);
        end_transfer(engine, TRANSFER_E_LOST);
}

void transfer_engine_pause(TransferEngine *engine, bool pause) {
        bool before = transfer_engine_is_paused(engine);

        engine->asked_to_pause = pause;
        if (before != transfer_engine_is_paused(engine))
                pause_changed(engine);
}

int transfer_engine_cancel(TransferEngine *engine, uint64_t id) {
        if (!engine->record || engine->record->id != id)
                return -ENOENT;

        end_transfer(engine, TRANSFER_E_STOPPED);
        if (engine->held && engine->held->operation != FCOPY_OPERATION_START)
                answer_held(engine, TRANSFER_E_STOPPED);
        return 0;
}

const TransferRecord *transfer_engine_current(const TransferEngine *engine) {
        return engine->record;
}

/* --- life --- */

/* Others write there by name, or it is ours: a file of the host's must not pass for one of these. */
static PathPolicy *make_policy(const TransferSetup *setup, const Configuration *configuration) {
        g_autofree char *incoming = g_build_filename(setup->data_directory, INCOMING, NULL);
        const char *forbidden[] = {
                "/proc",
                "/sys",
                "/dev",
                "/run/hvutils",
                "/var/lib/hvutils",
                "/var/lib/hyperv",
                "/etc/hvutils",
                setup->runtime_directory,
                setup->data_directory,
                setup->state_directory,
                NULL,
        };
        const char *exceptions[] = { incoming, NULL };

        return path_policy_new((const char *const *) configuration->transfer.allowed_roots, forbidden,
                               exceptions);
}

void transfer_engine_reload(TransferEngine *engine, const Configuration *configuration) {
        engine->setup.configuration = configuration;
        path_policy_free(engine->policy);
        engine->policy = make_policy(&engine->setup, configuration);
        if (transfer_owner_parse(configuration->transfer.owner, &engine->uid, &engine->gid) < 0)
                log_error("There is no user or group %s (Owner=), files will be root's.",
                          configuration->transfer.owner);
}

static int add_hold_timer(TransferEngine *engine) {
        int r = sd_event_add_time(engine->event, &engine->hold_timer, CLOCK_MONOTONIC, 0, 1, on_held_too_long,
                                  engine);

        return r < 0 ? r : sd_event_source_set_enabled(engine->hold_timer, SD_EVENT_OFF);
}

int transfer_engine_new(sd_event *event, const TransferSetup *setup, TransferEngine **ret) {
        g_autoptr(TransferEngine) engine = g_new0(TransferEngine, 1);
        int r;

        engine->event = sd_event_ref(event);
        engine->setup = *setup;
        engine->uid = geteuid();
        engine->gid = getegid();
        engine->doomed = g_ptr_array_new_with_free_func(sink_doom);
        engine->journal = journal_new(setup->data_directory);
        r = frozen_watch_new(event, setup->runtime_directory, on_frozen, engine, &engine->frozen);
        if (r < 0)
                return r;
        r = add_hold_timer(engine);
        if (r < 0)
                return r;
        transfer_engine_reload(engine, setup->configuration);
        if (!transfer_engine_is_paused(engine))
                clean_up(engine);

        *ret = g_steal_pointer(&engine);
        return 0;
}

TransferEngine *transfer_engine_free(TransferEngine *engine) {
        if (!engine)
                return NULL;

        if (engine->record)
                transfer_engine_lost(engine);
        sd_event_source_disable_unref(engine->hold_timer);
        /* What stands on a frozen disk is left to the next start: its sweep knows of it. */
        if (engine->frozen && transfer_engine_is_paused(engine))
                g_ptr_array_set_free_func(engine->doomed, NULL);
        g_ptr_array_unref(engine->doomed);
        frozen_watch_free(engine->frozen);
        path_policy_free(engine->policy);
        journal_free(engine->journal);
        sd_event_unref(engine->event);
        g_free(engine);
        return NULL;
}
