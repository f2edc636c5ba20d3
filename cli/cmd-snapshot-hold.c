/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvctl snapshot freeze, inhibit: what lasts as long as this process. A freeze belongs to our connection to the
 * bus, so it also ends when we are killed; an inhibitor is a descriptor. While file systems are frozen nothing
 * is printed: stdout may lie on one of them.
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/hold.h"
#include "cli/service-facts.h"
#include "cli/snapshot-facts.h"
#include "cli/verbs.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

/* The service's own limit is a little later than ours: then it is us who thaw, in order. */
#define LIMIT_MARGIN_USEC (2 * USEC_PER_SEC)

static char **command_of(const Options *options) {
        size_t n = g_strv_length(options->arguments);
        return options->arguments + n - MIN(n, options->n_behind_dashes);
}

static sd_bus_message *snapshots_message_new(Client *client, const char *member) {
        return client_message_new(client, HVUTILS_OBJECT_SNAPSHOTS, HVUTILS_INTERFACE_SNAPSHOTS, member);
}

static int signal_exit_code(const Hold *hold) {
        return 128 + hold->signal;
}

static ExitStatus fail_alone(Failure *failure) {
        return failure_set(failure, EXIT_STATUS_UNAVAILABLE,
                           "the service or the bus went away, and what was held with it");
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        hold_end(userdata, HOLD_BUS_LOST);
        return 0;
}

static ExitStatus watch_service(Hold *hold, Failure *failure) {
        int r = sd_bus_add_match(
                hold->client->bus, NULL,
                "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                "member='NameOwnerChanged',arg0='" HVUTILS_BUS_NAME "'",
                on_owner_changed, hold);
        return r < 0 ? client_failure_errno(failure, r) : EXIT_STATUS_OK;
}

static ExitStatus open_hold(const Options *options, Client **ret_client, Hold *hold, Failure *failure) {
        ExitStatus status = client_new(options, ret_client, failure);
        if (status == EXIT_STATUS_OK)
                status = hold_init(hold, *ret_client, failure);
        return status ? status : watch_service(hold, failure);
}

/* --- freeze --- */

typedef struct Freeze {
        Hold hold;
        char *path; /* NULL until the service said yes */
        SnapshotFacts *facts;
        bool frozen;
} Freeze;

static void freeze_done(Freeze *freeze) {
        hold_done(&freeze->hold);
        g_clear_pointer(&freeze->path, g_free);
        g_clear_pointer(&freeze->facts, snapshot_facts_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Freeze, freeze_done)

static bool is_over(const Freeze *freeze) {
        return strcmp(freeze->facts->state, "idle") == 0 || strcmp(freeze->facts->state, "failed") == 0;
}

static void note_state(Freeze *freeze) {
        bool frozen = strcmp(freeze->facts->state, "frozen") == 0;
        if (is_over(freeze) || (frozen && !freeze->frozen))
                hold_end(&freeze->hold, HOLD_OVER);
        freeze->frozen = freeze->frozen || frozen;
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Freeze *freeze = userdata;
        const char *interface;
        if (!freeze->facts || g_strcmp0(sd_bus_message_get_path(message), freeze->path) != 0)
                return 0;
        if (sd_bus_message_read(message, "s", &interface) < 0 ||
            strcmp(interface, HVUTILS_INTERFACE_SNAPSHOT) != 0)
                return 0;
        if (facts_read_properties(message, snapshot_facts_read_property, freeze->facts) >= 0)
                note_state(freeze);
        return 0;
}

/* An object may be announced a moment later than it is there, with a state newer than the one we read. */
static int on_added(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Freeze *freeze = userdata;
        g_autoptr(GPtrArray) list = snapshot_facts_list_new();
        if (!freeze->facts || snapshot_facts_read_object(message, list) < 0)
                return 0;
        for (guint i = 0; i < list->len; i++) {
                SnapshotFacts *facts = list->pdata[i];
                if (facts->id != freeze->facts->id)
                        continue;
                g_free(freeze->facts->state);
                freeze->facts->state = g_steal_pointer(&facts->state);
                note_state(freeze);
                break;
        }
        return 0;
}

static ExitStatus call_freeze(Freeze *freeze, const Options *options, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus_message) message = snapshots_message_new(freeze->hold.client, "Freeze");
        uint64_t limit = options->for_usec ? options->for_usec + LIMIT_MARGIN_USEC : 0;
        const char *path = NULL;
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (char **word = options->arguments; r >= 0 && word < command_of(options); word++) {
                g_autofree char *mount = g_canonicalize_filename(*word, NULL);
                r = sd_bus_message_append(message, "s", mount);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = sd_bus_message_append(message, "t", limit);
        if (r < 0)
                return failure_set_errno(failure, r);
        ExitStatus status =
                client_call(freeze->hold.client, message, CLIENT_CALL_INTERACTIVE, &reply, failure);
        if (status == EXIT_STATUS_OK && sd_bus_message_read(reply, "o", &path) >= 0)
                freeze->path = g_strdup(path);
        return status;
}

static ExitStatus fail_with_result(const Freeze *freeze, Failure *failure) {
        const char *result = freeze->facts->result;
        failure_set(failure, EXIT_STATUS_ERROR, "%s", result && *result ? result : "the snapshot failed");
        failure_set_hint(failure, "hvctl snapshot show %" G_GUINT64_FORMAT " tells more", freeze->facts->id);
        return EXIT_STATUS_ERROR;
}

/* Returns when everything is frozen, or with a failure. Ending the connection takes back what is half done. */
static ExitStatus wait_until_frozen(Freeze *freeze, Failure *failure) {
        ExitStatus status = snapshot_facts_read(freeze->hold.client, freeze->path, &freeze->facts, failure);
        if (status)
                return status;
        note_state(freeze);
        HoldEnd end = freeze->frozen || is_over(freeze) ? HOLD_OVER : hold_run(&freeze->hold);
        if (end == HOLD_SIGNAL)
                return failure_set(failure, (ExitStatus) signal_exit_code(&freeze->hold), "interrupted");
        if (end == HOLD_BUS_LOST)
                return fail_alone(failure);
        return freeze->frozen && !is_over(freeze) ? EXIT_STATUS_OK : fail_with_result(freeze, failure);
}

static ExitStatus begin_freeze(Freeze *freeze, Client **ret_client, const Options *options,
                               Failure *failure) {
        ExitStatus status = open_hold(options, ret_client, &freeze->hold, failure);
        if (status)
                return status;
        int r = sd_bus_add_match(freeze->hold.client->bus, NULL,
                                 "type='signal',sender='" HVUTILS_BUS_NAME "',member='PropertiesChanged',"
                                 "path_namespace='" HVUTILS_OBJECT_SNAPSHOTS "'",
                                 on_changed, freeze);
        if (r >= 0)
                r = sd_bus_add_match(freeze->hold.client->bus, NULL,
                                     "type='signal',sender='" HVUTILS_BUS_NAME "',"
                                     "member='InterfacesAdded',path='" HVUTILS_OBJECT_ROOT "'",
                                     on_added, freeze);
        if (r < 0)
                return client_failure_errno(failure, r);
        status = call_freeze(freeze, options, failure);
        return status ? status : wait_until_frozen(freeze, failure);
}

static ExitStatus thaw(Freeze *freeze, Failure *failure) {
        g_autoptr(sd_bus_message) message = snapshots_message_new(freeze->hold.client, "Thaw");
        return client_call(freeze->hold.client, message, CLIENT_CALL_QUIET, NULL, failure);
}

/* Thaws first, whatever ended it, and only then speaks. */
static int end_freeze(Freeze *freeze, HoldEnd end) {
        g_auto(Failure) failure = { 0 };
        bool runs_on = freeze->hold.pid != 0;
        ExitStatus status = EXIT_STATUS_OK;

        if (end == HOLD_BUS_LOST)
                status = fail_alone(&failure);
        else if (end == HOLD_OVER)
                status = fail_with_result(freeze, &failure);
        else
                status = thaw(freeze, &failure);
        if (status)
                complain(status, &failure, "thawed too early");
        else if (end == HOLD_TIME_IS_OVER && runs_on) {
                status = failure_set(&failure, EXIT_STATUS_TIMEOUT, "the command still runs");
                complain(status, &failure, "thawed after the time of --for");
        }
        int code = hold_finish(&freeze->hold);
        if (status)
                return status;
        return end == HOLD_SIGNAL ? signal_exit_code(&freeze->hold) : code;
}

ExitStatus cmd_snapshot_freeze(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_auto(Freeze) freeze = { 0 };

        ExitStatus status = begin_freeze(&freeze, &client, options, &failure);
        if (status)
                return complain(status, &failure, "cannot freeze");
        if (options->for_usec)
                status = hold_limit(&freeze.hold, options->for_usec, &failure);
        if (status == EXIT_STATUS_OK && *command_of(options))
                status = hold_start(&freeze.hold, command_of(options), &failure);
        if (status) {
                g_auto(Failure) ignored = { 0 };
                (void) thaw(&freeze, &ignored);
                return complain(status, &failure, "cannot run the command");
        }
        return (ExitStatus) end_freeze(&freeze, hold_run(&freeze.hold));
}

/* --- inhibit --- */

static ExitStatus take_lock(Client *client, const Options *options, int *ret_fd, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus_message) message = snapshots_message_new(client, "Inhibit");
        const char *who = options->who ?: options->arguments[0] ?: "hvctl";
        int fd = -1;

        int r = sd_bus_message_append(message, "ss", who, options->why ?: "");
        if (r < 0)
                return failure_set(failure, EXIT_STATUS_INVALID, "--who and --why must be UTF-8");
        ExitStatus status = client_call(client, message, CLIENT_CALL_INTERACTIVE, &reply, failure);
        if (status)
                return status;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r >= 0)
                fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (r < 0 || fd < 0)
                return failure_set(failure, EXIT_STATUS_ERROR, "the service sent no lock");
        *ret_fd = fd;
        return EXIT_STATUS_OK;
}

static int end_inhibition(Hold *hold, HoldEnd end, int *lock) {
        g_auto(Failure) failure = { 0 };
        close(g_steal_fd(lock));
        if (end == HOLD_BUS_LOST)
                complain(fail_alone(&failure), &failure, "snapshots are no longer delayed");
        int code = hold_finish(hold);
        if (end == HOLD_SIGNAL)
                return signal_exit_code(hold);
        return end == HOLD_BUS_LOST && code == 0 ? EXIT_STATUS_UNAVAILABLE : code;
}

ExitStatus cmd_snapshot_inhibit(const Options *options) {
        g_auto(Failure) failure = { 0 };
        g_autoptr(Client) client = NULL;
        g_auto(Hold) hold = { 0 };
        auto_fd lock = -1;

        ExitStatus status = open_hold(options, &client, &hold, &failure);
        if (status == EXIT_STATUS_OK)
                status = take_lock(client, options, &lock, &failure);
        if (status)
                return complain(status, &failure, "cannot delay snapshots");
        if (options->arguments[0])
                status = hold_start(&hold, options->arguments, &failure);
        if (status)
                return complain(status, &failure, "cannot run the command");
        return (ExitStatus) end_inhibition(&hold, hold_run(&hold), &lock);
}
