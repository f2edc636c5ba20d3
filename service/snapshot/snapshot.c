/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/snapshot.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/link/fields.h"
#include "service/snapshot/block-layer.h"
#include "service/snapshot/engine.h"
#include "service/snapshot/face.h"
#include "service/snapshot/freezer.h"
#include "service/snapshot/history.h"
#include "service/snapshot/hooks.h"
#include "wire/vss.h"

/*
 * Preparation is a chain of steps with one budget; each ends by a call back, and snapshot_prepare_next() goes
 * on. A step that nobody answers ends with its time. The driver gives the host up after 15 minutes (FREEZE)
 * or 30 seconds (the others) without telling us; our deadlines are well below.
 *
 * Between the first freeze and the last thaw: no log line is written, nothing is saved. THAW: the ioctls, the
 * answer, and only then everything else.
 */

#define FREEZE_DEADLINE_USEC (300 * USEC_PER_SEC)
#define OTHER_DEADLINE_USEC  (20 * USEC_PER_SEC)
#define GATE_MAX_USEC        USEC_PER_SEC
#define LOCAL_PAUSE_USEC     (5 * USEC_PER_SEC)
#define LONG_FROZEN_USEC     (10 * USEC_PER_SEC)

typedef enum PrepareStep {
        PREPARE_SIGNAL,
        PREPARE_HOOKS,
        PREPARE_GATE,
        PREPARE_SYNC,
        PREPARE_DONE,
} PrepareStep;

struct Snapshot {
        sd_event *event;
        SnapshotSetup setup;
        Channel *channel;
        Face *face;
        Hooks *hooks;
        Freezer *freezer;
        History *history;

        SnapshotState state;
        SnapshotInitiator initiator;
        SnapshotReport *report; /* of the one that runs */
        GPtrArray *plan;
        char **selected;
        uint64_t watchdog_usec, frozen_since_usec, last_local_usec;

        PrepareStep step;
        uint64_t serial, budget_end_usec; /* CLOCK_BOOTTIME */
        sd_event_source *time;
        bool is_waiting_for_ready, are_hooks_running, has_waiting_freeze, is_stopping, is_signalled;
};

static SnapshotAction snapshot_dispatch(Snapshot *snapshot, SnapshotEvent event);

static uint64_t scaled(const Snapshot *snapshot, uint64_t usec) {
        return (uint64_t) ((double) usec * snapshot->setup.time_scale);
}

static uint64_t budget_left(const Snapshot *snapshot) {
        uint64_t now = now_usec(CLOCK_BOOTTIME);

        return now >= snapshot->budget_end_usec ? 0 : snapshot->budget_end_usec - now;
}

/* --- the host --- */

static void snapshot_answer(Snapshot *snapshot, WireStatus status) {
        uint8_t reply[VSS_MESSAGE_SIZE];

        if (!channel_has_request(snapshot->channel))
                return;
        vss_wire_reply(reply, status);
        (void) channel_reply(snapshot->channel, reply, sizeof reply);
}

static void snapshot_dispatch_host(Snapshot *snapshot, SnapshotEvent event) {
        if (snapshot_dispatch(snapshot, event) == ACTION_WAIT)
                snapshot->has_waiting_freeze = true;
}

static void on_request(Channel *channel, const uint8_t *bytes, size_t n, void *userdata) {
        Snapshot *snapshot = userdata;
        bool enabled = snapshot->setup.configuration->snapshot.enabled;
        VssOperation operation;
        WireStatus status;

        if (vss_wire_parse(bytes, n, &operation, &status) != 0) {
                snapshot_answer(snapshot, status);
                return;
        }
        switch (operation) {
        case VSS_OPERATION_HOT_BACKUP:
                snapshot_answer(snapshot, enabled ? WIRE_STATUS_OK : WIRE_STATUS_FAIL);
                break;
        case VSS_OPERATION_FREEZE:
                if (enabled && !snapshot->is_stopping)
                        snapshot_dispatch_host(snapshot, EVENT_HOST_FREEZE);
                else
                        snapshot_answer(snapshot, WIRE_STATUS_FAIL);
                break;
        case VSS_OPERATION_THAW:
                (void) snapshot_dispatch(snapshot, EVENT_HOST_THAW);
                break;
        case _VSS_OPERATION_MAX:
        case _VSS_OPERATION_INVALID:
                g_assert_not_reached();
        }
}

static void on_abandoned(Channel *channel, void *userdata) {
        Snapshot *snapshot = userdata;

        snapshot->has_waiting_freeze = false;
        if (snapshot->initiator == SNAPSHOT_BY_HOST)
                (void) snapshot_dispatch(snapshot, EVENT_CHANNEL_LOST);
}

static void on_channel_state(Channel *channel, ChannelState before, void *userdata) {
        Snapshot *snapshot = userdata;

        if (before == CHANNEL_REGISTERED) {
                snapshot->has_waiting_freeze = false;
                (void) snapshot_dispatch(snapshot, EVENT_CHANNEL_LOST);
        }
        face_tell_state(snapshot->face);
        snapshot->setup.channel_changed(snapshot->setup.userdata);
}

static const ChannelOwner channel_owner = {
        .request = on_request,
        .abandoned = on_abandoned,
        .state_changed = on_channel_state,
};

static size_t vss_registration(uint8_t *buffer) {
        vss_wire_registration(buffer);
        return VSS_MESSAGE_SIZE;
}

static uint64_t vss_deadline(const void *message, size_t n) {
        VssOperation operation;
        WireStatus status;

        return vss_wire_parse(message, n, &operation, &status) == 0 && operation == VSS_OPERATION_FREEZE
                       ? FREEZE_DEADLINE_USEC
                       : OTHER_DEADLINE_USEC;
}

static const ChannelProtocol vss_protocol = {
        .name = "vss",
        .default_path = "/dev/vmbus/hv_vss",
        .message_max = 64,
        .registration = vss_registration,
        .registered = vss_wire_parse_registered,
        .deadline_usec = vss_deadline,
        .request_size = VSS_MESSAGE_SIZE,
};

/* --- preparation --- */

static void snapshot_prepare_next(Snapshot *snapshot);

static void snapshot_arm(Snapshot *snapshot, uint64_t usec) {
        (void) sd_event_source_set_time(snapshot->time, now_usec(CLOCK_BOOTTIME) + usec);
        (void) sd_event_source_set_enabled(snapshot->time, SD_EVENT_ONESHOT);
}

static void snapshot_disarm(Snapshot *snapshot) {
        (void) sd_event_source_set_enabled(snapshot->time, SD_EVENT_OFF);
        snapshot->is_waiting_for_ready = false;
}

static void snapshot_ask(Snapshot *snapshot, const char *phase, uint64_t max_usec) {
        uint64_t usec = MIN(scaled(snapshot, max_usec), budget_left(snapshot));

        snapshot->is_signalled = true;
        if (face_prepare(snapshot->face, phase, ++snapshot->serial, snapshot->report->id, usec))
                snapshot->is_waiting_for_ready = true;
        snapshot_arm(snapshot, snapshot->is_waiting_for_ready ? usec : 0);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Snapshot *snapshot = userdata;

        if (snapshot->is_waiting_for_ready)
                snapshot_report_note(snapshot->report, "hvutilsd did not answer in time (%s).",
                                     snapshot->step == PREPARE_SIGNAL ? "inhibitors" : "quiesce gate");
        snapshot_disarm(snapshot);
        snapshot_prepare_next(snapshot);
        return 0;
}

static void on_ready(uint64_t serial, void *userdata) {
        Snapshot *snapshot = userdata;

        if (!snapshot->is_waiting_for_ready || serial != snapshot->serial)
                return;
        snapshot_disarm(snapshot);
        snapshot_prepare_next(snapshot);
}

static void snapshot_take_hooks(Snapshot *snapshot, const GPtrArray *reports) {
        for (guint i = 0; reports && i < reports->len; i++) {
                const HookReport *hook = reports->pdata[i];

                g_ptr_array_add(snapshot->report->hooks,
                                g_strdup_printf("%s\t%s\t%s\t%" G_GUINT64_FORMAT, hook->name,
                                                hook_phase_to_string(hook->phase),
                                                hook_outcome_to_string(hook->outcome), hook->usec));
        }
}

static void snapshot_settle(Snapshot *snapshot);

static void on_hooks_ready(int result, const GPtrArray *reports, void *userdata) {
        Snapshot *snapshot = userdata;

        snapshot->are_hooks_running = false;
        snapshot_take_hooks(snapshot, reports);
        if (snapshot->state != SNAPSHOT_PREPARING) {
                snapshot_settle(snapshot); /* given up meanwhile */
                return;
        }
        if (result == HOOKS_ABORT) {
                snapshot_report_set_result(snapshot->report, "hook-failed");
                (void) snapshot_dispatch(snapshot, EVENT_UNPREPARED);
                return;
        }
        if (result < 0)
                snapshot_report_note(snapshot->report, "The hooks were not run: %s.", g_strerror(-result));
        snapshot_prepare_next(snapshot);
}

static void snapshot_run_hooks(Snapshot *snapshot) {
        int r = hooks_run(snapshot->hooks, HOOK_PHASE_FREEZE, budget_left(snapshot), on_hooks_ready,
                          snapshot);

        if (r >= 0)
                snapshot->are_hooks_running = true;
        else
                on_hooks_ready(r, NULL, snapshot);
}

static int snapshot_make_plan(Snapshot *snapshot) {
        const PlanEntry *obstacle;
        int r;

        g_clear_pointer(&snapshot->plan, g_ptr_array_unref);
        r = block_layer_plan("", snapshot->setup.configuration, (const char *const *) snapshot->selected,
                             &snapshot->plan);
        if (r < 0)
                return r;
        obstacle = plan_get_obstacle(snapshot->plan);
        if (!obstacle)
                return 0;
        snapshot_report_note(snapshot->report, "%s: %s.", obstacle->target, obstacle->reason);
        return -EXDEV;
}

static void snapshot_sync(Snapshot *snapshot) {
        const PlanEntry *entry = NULL;
        int r;

        r = snapshot_make_plan(snapshot);
        if (r >= 0)
                r = freezer_open(snapshot->freezer, snapshot->plan, &entry);
        if (r < 0 && entry)
                snapshot_report_note(snapshot->report, "%s could not be opened: %s.", entry->target,
                                     g_strerror(-r));
        if (r >= 0)
                r = freezer_sync(snapshot->freezer, budget_left(snapshot));
        if (r < 0)
                (void) snapshot_dispatch(snapshot, EVENT_UNPREPARED);
}

static void snapshot_prepare(Snapshot *snapshot) {
        switch (snapshot->step) {
        case PREPARE_SIGNAL:
                snapshot_ask(snapshot, "signal", snapshot->setup.configuration->snapshot.inhibit_delay_usec);
                break;
        case PREPARE_HOOKS:
                snapshot_run_hooks(snapshot);
                break;
        case PREPARE_GATE:
                snapshot_ask(snapshot, "gate", GATE_MAX_USEC);
                break;
        case PREPARE_SYNC:
                snapshot_sync(snapshot);
                break;
        case PREPARE_DONE:
                (void) snapshot_dispatch(snapshot, EVENT_PREPARED);
                break;
        }
}

static void snapshot_prepare_next(Snapshot *snapshot) {
        if (snapshot->state != SNAPSHOT_PREPARING)
                return;
        snapshot->step++;
        snapshot_prepare(snapshot);
}

/* --- the freezer --- */

static void on_synced(unsigned n_late, void *userdata) {
        Snapshot *snapshot = userdata;

        if (n_late > 0)
                snapshot_report_note(snapshot->report,
                                     "PrepareMax= was used up, %u file systems were not written back before.",
                                     n_late);
        snapshot_prepare_next(snapshot);
}

static void on_frozen(int result, void *userdata) {
        Snapshot *snapshot = userdata;

        if (result == 0) {
                (void) snapshot_dispatch(snapshot, EVENT_FROZEN);
                return;
        }
        snapshot_report_set_result(snapshot->report, result == -ETIMEDOUT ? "gave-up" : "failed");
        (void) snapshot_dispatch(snapshot, EVENT_NOT_FROZEN);
}

static void on_expired(void *userdata) {
        (void) snapshot_dispatch(userdata, EVENT_WATCHDOG);
}

static void on_settled(void *userdata) {
        snapshot_settle(userdata);
}

static const FreezerOwner freezer_owner = {
        .synced = on_synced,
        .frozen = on_frozen,
        .expired = on_expired,
        .settled = on_settled,
};

/* --- the end of a snapshot --- */

static void snapshot_log(const Snapshot *snapshot) {
        const SnapshotReport *report = snapshot->report;
        g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, report->id);
        char frozen[64];

        format_time(report->frozen_usec, frozen, sizeof frozen);
        log_event(report->state == SNAPSHOT_FAILED ? LOG_WARNING : LOG_INFO, HVUTILS_MESSAGE_SNAPSHOT_DONE,
                  LOG_FIELDS(HVUTILS_FIELD_SNAPSHOT, id),
                  "Snapshot %s (%s): %s, %u file systems frozen for %s.", id,
                  snapshot_initiator_to_string(report->initiator), report->result, report->file_systems->len,
                  frozen);
        if (report->frozen_usec > LONG_FROZEN_USEC)
                log_event(LOG_WARNING, HVUTILS_MESSAGE_FROZEN_LONG, LOG_FIELDS(HVUTILS_FIELD_SNAPSHOT, id),
                          "File systems were frozen for %s.", frozen);
        if (g_str_equal(report->result, "thawed-by-watchdog"))
                log_event(
                        LOG_ERR, HVUTILS_MESSAGE_WATCHDOG, LOG_FIELDS(HVUTILS_FIELD_SNAPSHOT, id),
                        "Nobody thawed the file systems in time, the watchdog did; the snapshot is broken.");
        for (guint i = 0; i < report->notes->len; i++)
                log_notice("Snapshot %s: %s", id, (const char *) report->notes->pdata[i]);
}

static bool has_thaw_failure(const Board *board) {
        for (unsigned i = 0; board && i < board->n_slots; i++)
                if (board_get_state(board, i) == SLOT_THAWED && atomic_load(&board->slots[i].error) < 0)
                        return true;

        return false;
}

static void on_hooks_end(int result, const GPtrArray *reports, void *userdata) {
        Snapshot *snapshot = userdata;

        snapshot->are_hooks_running = false;
        snapshot_take_hooks(snapshot, reports);
        (void) snapshot_dispatch(snapshot, EVENT_SETTLED);
}

/* Nothing is in flight: the report takes what the board knows, the gate opens, hooks run. Waits for freeze
 * hooks that still run when a preparation was given up. */
static void snapshot_settle(Snapshot *snapshot) {
        int r;

        if (snapshot->are_hooks_running)
                return;
        if (snapshot->plan)
                snapshot_report_take(snapshot->report, snapshot->plan, freezer_get_board(snapshot->freezer));
        if (freezer_lost_guardian(snapshot->freezer))
                snapshot_report_note(snapshot->report,
                                     "The guardian was killed; the daemon kept the time itself.");
        if (has_thaw_failure(freezer_get_board(snapshot->freezer))) {
                snapshot_report_set_result(snapshot->report, "thaw-failed");
                log_event(LOG_CRIT, HVUTILS_MESSAGE_THAW_FAILED, NULL, "A file system could not be thawed.");
        }
        freezer_close(snapshot->freezer);
        g_clear_pointer(&snapshot->plan, g_ptr_array_unref);
        snapshot->frozen_since_usec = 0;
        if (snapshot->is_signalled)
                (void) face_prepare(snapshot->face, "done", ++snapshot->serial, snapshot->report->id, 0);
        snapshot->is_signalled = false;

        r = hooks_run(snapshot->hooks,
                      snapshot->state == SNAPSHOT_FAILED ? HOOK_PHASE_FAILED : HOOK_PHASE_THAW,
                      scaled(snapshot, snapshot->setup.configuration->snapshot.prepare_max_usec),
                      on_hooks_end, snapshot);
        if (r >= 0)
                snapshot->are_hooks_running = true;
        else
                on_hooks_end(r, NULL, snapshot);
}

static void snapshot_finish(Snapshot *snapshot, SnapshotState ended) {
        SnapshotReport *report = snapshot->report;
        int r;

        report->state = ended == SNAPSHOT_FAILED ? SNAPSHOT_FAILED : SNAPSHOT_IDLE;
        snapshot_log(snapshot);
        snapshot->report = NULL;
        g_clear_pointer(&snapshot->selected, g_strfreev);
        r = history_add(snapshot->history, report);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Cannot write the history of snapshots");
        face_tell_report(snapshot->face, report);

        if (snapshot->is_stopping)
                snapshot->setup.stopped(snapshot->setup.userdata);
        else if (snapshot->has_waiting_freeze) {
                snapshot->has_waiting_freeze = false;
                snapshot_dispatch_host(snapshot, EVENT_HOST_FREEZE);
        }
}

/* --- acting --- */

static void snapshot_begin(Snapshot *snapshot, SnapshotEvent event) {
        const Configuration *configuration = snapshot->setup.configuration;

        if (event == EVENT_HOST_FREEZE) {
                uint64_t id;
                int r = history_take_number(snapshot->history, &id);

                if (r < 0)
                        log_errno(LOG_WARNING, r, "Cannot keep the number of the next snapshot");
                snapshot->initiator = SNAPSHOT_BY_HOST;
                snapshot->report = snapshot_report_new(id, SNAPSHOT_BY_HOST, NULL);
                snapshot->watchdog_usec = configuration->snapshot.watchdog_usec;
        }
        snapshot->budget_end_usec =
                now_usec(CLOCK_BOOTTIME) + scaled(snapshot, configuration->snapshot.prepare_max_usec);
        snapshot->step = PREPARE_SIGNAL;
        /* An obstacle is known before anybody is bothered. */
        if (snapshot_make_plan(snapshot) < 0)
                (void) snapshot_dispatch(snapshot, EVENT_UNPREPARED);
        else
                snapshot_prepare(snapshot);
}

static void snapshot_freeze(Snapshot *snapshot) {
        int r;

        r = freezer_freeze(snapshot->freezer, scaled(snapshot, snapshot->watchdog_usec),
                           scaled(snapshot, snapshot->setup.configuration->snapshot.freeze_max_usec));
        if (r < 0) {
                snapshot_report_note(snapshot->report, "The freeze could not begin: %s.", g_strerror(-r));
                (void) snapshot_dispatch(snapshot, EVENT_NOT_FROZEN);
        }
}

static const char *name_end(SnapshotEvent event, bool was_frozen) {
        static const char *const names[_EVENT_MAX] = {
                [EVENT_WATCHDOG] = "thawed-by-watchdog", [EVENT_CHANNEL_LOST] = "channel-lost",
                [EVENT_OWNER_GONE] = "owner-gone",       [EVENT_STOP] = "stopped",
                [EVENT_UNPREPARED] = "failed",           [EVENT_NOT_FROZEN] = "failed",
        };

        return names[event] ? names[event] : was_frozen ? "ok" : "cancelled";
}

static void snapshot_name_end(Snapshot *snapshot, SnapshotEvent event, bool was_frozen) {
        if (*snapshot->report->result == '\0')
                snapshot_report_set_result(snapshot->report, name_end(event, was_frozen));
}

/* The straight line: the ioctls, the host's answer, the rest. */
static void snapshot_thaw(Snapshot *snapshot, SnapshotEvent event, bool was_frozen) {
        unsigned in_flight = freezer_thaw(snapshot->freezer, event == EVENT_WATCHDOG     ? GIVEN_UP_WATCHDOG
                                                             : event == EVENT_NOT_FROZEN ? GIVEN_UP_TOO_SLOW
                                                                                         : GIVEN_UP_THAW);
        bool its_own = was_frozen && event == EVENT_HOST_THAW && snapshot->initiator == SNAPSHOT_BY_HOST;

        snapshot_answer(snapshot, its_own ? WIRE_STATUS_OK : WIRE_STATUS_FAIL);
        snapshot_name_end(snapshot, event, was_frozen);
        if (in_flight == 0)
                snapshot_settle(snapshot);
}

static void snapshot_act(Snapshot *snapshot, SnapshotEvent event, SnapshotAction action,
                         SnapshotState before) {
        switch (action) {
        case ACTION_BEGIN:
                snapshot_begin(snapshot, event);
                break;
        case ACTION_REFUSE:
                if (event == EVENT_HOST_FREEZE || event == EVENT_HOST_THAW)
                        snapshot_answer(snapshot, WIRE_STATUS_FAIL);
                break;
        case ACTION_FREEZE:
                snapshot_freeze(snapshot);
                break;
        case ACTION_ANNOUNCE:
                snapshot->frozen_since_usec = now_usec(CLOCK_REALTIME);
                if (snapshot->initiator == SNAPSHOT_BY_HOST)
                        snapshot_answer(snapshot, WIRE_STATUS_OK);
                break;
        case ACTION_ABANDON:
                snapshot_disarm(snapshot);
                snapshot_answer(snapshot, WIRE_STATUS_FAIL);
                snapshot_name_end(snapshot, event, false);
                snapshot_settle(snapshot);
                break;
        case ACTION_GIVE_UP:
                snapshot_thaw(snapshot, event, false);
                break;
        case ACTION_THAW:
                snapshot_thaw(snapshot, event, true);
                break;
        case ACTION_FINISH:
                snapshot_finish(snapshot, before);
                break;
        case ACTION_EXIT:
                snapshot->setup.stopped(snapshot->setup.userdata);
                break;
        case ACTION_NONE:
        case ACTION_WAIT:
        case _ACTION_MAX:
                break;
        }
}

static SnapshotAction snapshot_dispatch(Snapshot *snapshot, SnapshotEvent event) {
        SnapshotState before = snapshot->state;
        SnapshotStep step = engine_decide(before, snapshot->initiator, event);

        snapshot->state = step.next;
        snapshot_act(snapshot, event, step.action, before);
        if (step.next != before)
                face_tell_state(snapshot->face);
        return step.action;
}

/* --- local snapshots --- */

/* What Plan() does not offer is refused by name, also what Only= leaves out. */
static int check_selected(const GPtrArray *plan, const char *const *selected, char **ret_error) {
        for (guint i = 0; i < plan->len; i++) {
                const PlanEntry *entry = plan->pdata[i];
                bool is_named = g_strv_contains(selected, entry->target);

                if (entry->action == PLAN_UNSEEN || entry->action == PLAN_UNKNOWN ||
                    (is_named && entry->action != PLAN_FREEZE)) {
                        *ret_error = g_strdup_printf("%s: %s", entry->target, entry->reason);
                        return entry->action == PLAN_UNKNOWN ? -ENOENT : -EPERM;
                }
        }

        return 0;
}

static int on_local_freeze(const char *owner, const char *const *mounts, uint64_t watchdog_usec,
                           uint64_t *ret_id, char **ret_error, void *userdata) {
        Snapshot *snapshot = userdata;
        const Configuration *configuration = snapshot->setup.configuration;
        uint64_t now = now_usec(CLOCK_BOOTTIME), id;
        g_autoptr(GPtrArray) plan = NULL;
        int r;

        if (snapshot->state != SNAPSHOT_IDLE || snapshot->is_stopping)
                return -EBUSY;
        if (!configuration->snapshot.enabled) {
                *ret_error = g_strdup("Snapshots are switched off (Enabled=no)");
                return -EPERM;
        }
        if (snapshot->last_local_usec > 0 &&
            now < snapshot->last_local_usec + scaled(snapshot, LOCAL_PAUSE_USEC)) {
                *ret_error = g_strdup("There must be 5 s between two local snapshots");
                return -EAGAIN;
        }
        r = block_layer_plan("", configuration, mounts, &plan);
        if (r >= 0)
                r = check_selected(plan, mounts, ret_error);
        if (r < 0)
                return r;

        r = history_take_number(snapshot->history, &id);
        if (r < 0)
                return r;
        snapshot->last_local_usec = now;
        snapshot->initiator = SNAPSHOT_BY_LOCAL;
        snapshot->selected = g_strdupv((char **) mounts);
        snapshot->report = snapshot_report_new(id, SNAPSHOT_BY_LOCAL, owner);
        snapshot->watchdog_usec = configuration->snapshot.watchdog_usec;
        if (watchdog_usec > 0 && watchdog_usec < snapshot->watchdog_usec)
                snapshot->watchdog_usec = watchdog_usec;
        *ret_id = id;
        (void) snapshot_dispatch(snapshot, EVENT_LOCAL_FREEZE);
        return 0;
}

static int on_local_thaw(const char *owner, char **ret_error, void *userdata) {
        Snapshot *snapshot = userdata;

        if (owner && snapshot->report && !g_str_equal(owner, snapshot->report->owner)) {
                *ret_error = g_strdup("The snapshot belongs to somebody else");
                return -EACCES;
        }
        if (snapshot->report && snapshot->initiator == SNAPSHOT_BY_HOST)
                log_warning("Root thaws while the host takes a snapshot: its backup is broken.");
        if (snapshot_dispatch(snapshot, EVENT_THAW) != ACTION_REFUSE)
                return 0;
        *ret_error = g_strdup("Nothing is frozen");
        return -ENOENT;
}

static int on_plan(GPtrArray **ret, void *userdata) {
        Snapshot *snapshot = userdata;

        return block_layer_plan("", snapshot->setup.configuration, NULL, ret);
}

static void on_release(const char *owner, void *userdata) {
        Snapshot *snapshot = userdata;

        if (snapshot->report && g_str_equal(owner, snapshot->report->owner))
                (void) snapshot_dispatch(snapshot, EVENT_OWNER_GONE);
}

static void on_daemon_gone(void *userdata) {
        Snapshot *snapshot = userdata;

        (void) snapshot_dispatch(snapshot, EVENT_OWNER_GONE);
        if (!snapshot->is_waiting_for_ready)
                return;
        snapshot_disarm(snapshot);
        snapshot_prepare_next(snapshot);
}

static void on_state(LinkMessage *message, void *userdata) {
        const Snapshot *snapshot = userdata;
        const Channel *channel = snapshot->channel;

        (void) link_message_add(message, LINK_FIELD_STATE, snapshot_state_to_string(snapshot->state));
        (void) link_message_add_u64(message, LINK_FIELD_FROZEN_SINCE, snapshot->frozen_since_usec);
        if (snapshot->report) {
                (void) link_message_add_u64(message, LINK_FIELD_ID, snapshot->report->id);
                (void) link_message_add(message, LINK_FIELD_INITIATOR,
                                        snapshot_initiator_to_string(snapshot->initiator));
                (void) link_message_add(message, LINK_FIELD_OWNER, snapshot->report->owner);
        }
        if (!channel)
                return;
        (void) link_message_add(message, LINK_FIELD_CHANNEL_NAME, channel_get_name(channel));
        (void) link_message_add(message, LINK_FIELD_CHANNEL_TRANSPORT, channel_get_transport(channel));
        (void) link_message_add(message, LINK_FIELD_CHANNEL_STATE,
                                channel_state_to_string(channel_get_state(channel)));
        (void) link_message_add(message, LINK_FIELD_CHANNEL_VERSION, channel_get_version(channel));
}

static const FaceOwner face_owner = {
        .freeze = on_local_freeze,
        .thaw = on_local_thaw,
        .plan = on_plan,
        .release = on_release,
        .ready = on_ready,
        .gone = on_daemon_gone,
        .state = on_state,
};

/* --- birth and end --- */

static int snapshot_connect_rooms(Snapshot *snapshot) {
        const SnapshotSetup *setup = &snapshot->setup;
        const HooksSetup hooks = { .runtime_directory = setup->runtime_directory,
                                   .time_scale = setup->time_scale };
        g_autofree char *record = g_build_filename(setup->runtime_directory, HVUTILS_RUNTIME_FROZEN, NULL),
                        *link = g_build_filename(setup->runtime_directory, HVUTILS_SOCKET_SNAPSHOT, NULL);
        int r;

        r = freezer_new(snapshot->event, record, &freezer_owner, snapshot, &snapshot->freezer);
        if (r < 0)
                return r;
        r = hooks_new(snapshot->event, &hooks, setup->configuration, &snapshot->hooks);
        if (r < 0)
                return r;
        r = face_new(snapshot->event, link, setup->time_scale, snapshot->history, &face_owner, snapshot,
                     &snapshot->face);
        if (r < 0)
                return r;
        return channel_new(snapshot->event, &vss_protocol, setup->channel_path, setup->time_scale,
                           &channel_owner, snapshot, &snapshot->channel);
}

int snapshot_new(sd_event *event, const SnapshotSetup *setup, Snapshot **ret) {
        g_autoptr(Snapshot) snapshot = g_new(Snapshot, 1);
        int r;

        *snapshot = (Snapshot){ .event = sd_event_ref(event), .setup = *setup };
        snapshot->history = history_new(setup->history_directory, setup->runtime_directory);
        r = sd_event_add_time(event, &snapshot->time, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_time, snapshot);
        if (r >= 0)
                r = sd_event_source_set_enabled(snapshot->time, SD_EVENT_OFF);
        if (r >= 0)
                r = snapshot_connect_rooms(snapshot);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&snapshot);
        return 0;
}

Snapshot *snapshot_free(Snapshot *snapshot) {
        if (!snapshot)
                return NULL;

        freezer_free(snapshot->freezer);
        channel_free(snapshot->channel);
        face_free(snapshot->face);
        hooks_free(snapshot->hooks);
        snapshot_report_free(snapshot->report);
        history_free(snapshot->history);
        g_clear_pointer(&snapshot->plan, g_ptr_array_unref);
        g_strfreev(snapshot->selected);
        sd_event_source_disable_unref(snapshot->time);
        sd_event_unref(snapshot->event);
        g_free(snapshot);
        return NULL;
}

int snapshot_start(Snapshot *snapshot) {
        int r = freezer_rehearse(snapshot->freezer);

        if (r < 0)
                return r;
        return channel_start(snapshot->channel);
}

void snapshot_stop(Snapshot *snapshot) {
        snapshot->is_stopping = true;
        (void) snapshot_dispatch(snapshot, EVENT_STOP);
}

void snapshot_reload(Snapshot *snapshot, const Configuration *configuration) {
        snapshot->setup.configuration = configuration;
        hooks_set_configuration(snapshot->hooks, configuration);
}

const Channel *snapshot_get_channel(const Snapshot *snapshot) {
        return snapshot->channel;
}
