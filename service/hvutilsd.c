/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * hvutilsd: key-value pairs for the host, and the face of all services on the system bus. Here the rooms are
 * made, introduced to each other and taken down again; nothing is decided here.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/file-util.h"
#include "common/log.h"
#include "common/names.h"
#include "common/options.h"
#include "common/units.h"
#include "service/bus/bus.h"
#include "service/kvp/kvp.h"
#include "service/network/network.h"
#include "service/osinfo/osinfo.h"
#include "service/siblings/snapshots.h"
#include "service/siblings/transfers.h"
#include "wire/record.h"

typedef struct Daemon {
        sd_event *event;
        const DaemonOptions *options;
        const char *root; /* --root= */
        Configuration *configuration;
        OsInfo *osinfo;
        Network *network; /* NULL if the kernel does not let us look */
        Kvp *kvp;
        Bus *bus; /* NULL with --bus=none */
        Snapshots *snapshots;
        Transfers *transfers;
        bool gate_closing, transfers_pausing; /* a snapshot waits for both */
} Daemon;

/* --- configuration --- */

/* *ret is always something to go on with; an error says that it is the defaults because the file cannot be
 * read. */
static int load_configuration(const DaemonOptions *options, Configuration **ret) {
        return configuration_load(options->config, "", configuration_is_confidential(),
                                  configuration_log_complaint, NULL, ret);
}

/* The rooms look at the new configuration before the old one is freed. */
static void apply_configuration(Daemon *daemon, Configuration *configuration) {
        g_autoptr(Configuration) before = daemon->configuration;

        daemon->configuration = configuration;
        kvp_reload(daemon->kvp, configuration);
        if (daemon->network)
                network_reload(daemon->network, configuration);
        log_info("Read the configuration again.");
}

static int reload(void *userdata) {
        Daemon *daemon = userdata;
        g_autoptr(Configuration) configuration = NULL;
        int r;

        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" G_GUINT64_FORMAT, now_usec(CLOCK_MONOTONIC));
        r = load_configuration(daemon->options, &configuration);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot read %s again, keeping what was in it",
                          daemon->options->config);
        else
                apply_configuration(daemon, g_steal_pointer(&configuration));
        (void) sd_notify(false, "READY=1");
        return r;
}

/* --- facts for the auto pool --- */

static const char *get_fact(KvpFact fact, void *userdata) {
        static const OsFact os_facts[_KVP_FACT_MAX] = {
                [KVP_FACT_FQDN] = OS_FACT_FQDN,
                [KVP_FACT_BUILD_NUMBER] = OS_FACT_BUILD_NUMBER,
                [KVP_FACT_NAME] = OS_FACT_NAME,
                [KVP_FACT_MAJOR_VERSION] = OS_FACT_MAJOR_VERSION,
                [KVP_FACT_MINOR_VERSION] = OS_FACT_MINOR_VERSION,
                [KVP_FACT_VERSION] = OS_FACT_VERSION,
                [KVP_FACT_ARCHITECTURE] = OS_FACT_ARCHITECTURE,
        };
        const Daemon *daemon = userdata;

        if (fact == KVP_FACT_IPV4 || fact == KVP_FACT_IPV6)
                return daemon->network ? adapters_list_addresses(network_get_adapters(daemon->network),
                                                                 fact == KVP_FACT_IPV4 ? AF_INET : AF_INET6,
                                                                 RECORD_VALUE_UNITS_MAX)
                                       : "";
        return osinfo_get(daemon->osinfo, os_facts[fact]);
}

static void on_os_fact(OsFact fact, void *userdata) {
        kvp_facts_changed(((Daemon *) userdata)->kvp);
}

static void on_network_changed(void *userdata) {
        Daemon *daemon = userdata;

        kvp_facts_changed(daemon->kvp);
        if (daemon->bus)
                bus_network_changed(daemon->bus);
}

static int start_facts(Daemon *daemon) {
        const NetworkSetup network = {
                .root = daemon->root,
                .configuration = daemon->configuration,
                .runtime_directory = daemon->options->runtime_directory,
                .time_scale = daemon->options->time_scale,
                .changed = on_network_changed,
                .userdata = daemon,
        };
        int r;

        r = osinfo_new(daemon->event, "", on_os_fact, daemon, &daemon->osinfo);
        if (r < 0)
                return r;
        r = network_new(daemon->event, &network, &daemon->network);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Cannot follow the network, the host will see no addresses");
        return 0;
}

/* --- the host's questions about addresses --- */

static void get_addresses(const uint8_t *request, uint8_t *reply, void *userdata) {
        network_answer_get(((Daemon *) userdata)->network, request, reply);
}

static void set_addresses(const uint8_t *request, void (*done)(WireStatus status, void *done_userdata),
                          void *done_userdata, void *userdata) {
        injector_inject(network_get_injector(((Daemon *) userdata)->network), request, done, done_userdata);
}

static void cancel_set_addresses(void *userdata) {
        injector_abandon(network_get_injector(((Daemon *) userdata)->network));
}

/* --- what the engine tells --- */

static void on_kvp_changed(const KvpChange *change, void *userdata) {
        Daemon *daemon = userdata;

        if (daemon->bus)
                bus_kvp_changed(daemon->bus, change);
}

static void on_channel_changed(void *userdata) {
        Daemon *daemon = userdata;
        bool registered = channel_get_state(kvp_get_channel(daemon->kvp)) == CHANNEL_REGISTERED;

        (void) sd_notify(false, registered ? "STATUS=registered" : "STATUS=waiting for the host");
        if (daemon->bus)
                bus_channel_changed(daemon->bus);
}

/* --- the bus --- */

static void on_fqdn(const char *fqdn, void *userdata) {
        Daemon *daemon = userdata;

        if (osinfo_set_fqdn(daemon->osinfo, fqdn) < 0)
                log_debug("Somebody on the bus calls this guest \"%s\", which is no host name.", fqdn);
}

static int start_bus(Daemon *daemon) {
        const BusSetup setup = {
                .address = daemon->options->bus,
                .time_scale = daemon->options->time_scale,
                .kvp = daemon->kvp,
                .snapshots = daemon->snapshots,
                .transfers = daemon->transfers,
                .network = daemon->network,
                .reload = reload,
                .fqdn = on_fqdn,
                .userdata = daemon,
        };
        int r;

        if (g_strcmp0(daemon->options->bus, "none") == 0)
                return 0;
        r = bus_new(daemon->event, &setup, &daemon->bus);
        return r < 0 ? r : bus_start(daemon->bus);
}

/* --- the siblings: snapshots need our gate closed and the transfers paused --- */

static void gate_step(Daemon *daemon, bool *step) {
        if (!*step)
                return;
        *step = false;
        if (!daemon->gate_closing && !daemon->transfers_pausing)
                snapshots_gate_closed(daemon->snapshots);
}

static void on_gate_closed(void *userdata) {
        Daemon *daemon = userdata;

        gate_step(daemon, &daemon->gate_closing);
}

static void on_transfers_paused(void *userdata) {
        Daemon *daemon = userdata;

        gate_step(daemon, &daemon->transfers_pausing);
}

static void close_gate(void *userdata) {
        Daemon *daemon = userdata;

        daemon->gate_closing = daemon->transfers_pausing = true;
        transfers_pause(daemon->transfers, on_transfers_paused, daemon);
        kvp_gate_close(daemon->kvp, on_gate_closed, daemon);
}

static void open_gate(void *userdata) {
        Daemon *daemon = userdata;

        daemon->gate_closing = daemon->transfers_pausing = false;
        kvp_gate_open(daemon->kvp);
        transfers_resume(daemon->transfers);
}

static void on_snapshots_linked(bool linked, void *userdata) {
        kvp_gate_link(((Daemon *) userdata)->kvp, linked);
}

static void on_prepare(bool beginning, void *userdata) {
        bus_prepare_for_snapshot(((Daemon *) userdata)->bus, beginning);
}

static void on_snapshots_state(void *userdata) {
        bus_snapshots_changed(((Daemon *) userdata)->bus);
}

static void on_sibling_channel(void *userdata) {
        bus_channel_changed(((Daemon *) userdata)->bus);
}

static void on_snapshot(const Snapshot *snapshot, bool is_new, void *userdata) {
        bus_snapshot_changed(((Daemon *) userdata)->bus, snapshot, is_new);
}

static void on_snapshot_removed(uint64_t id, void *userdata) {
        bus_snapshot_removed(((Daemon *) userdata)->bus, id);
}

static const SnapshotsOwner snapshots_owner = {
        .linked = on_snapshots_linked,
        .prepare = on_prepare,
        .close_gate = close_gate,
        .open_gate = open_gate,
        .state_changed = on_snapshots_state,
        .channel_changed = on_sibling_channel,
        .snapshot_changed = on_snapshot,
        .snapshot_removed = on_snapshot_removed,
};

static void on_transfers_state(void *userdata) {
        bus_transfers_changed(((Daemon *) userdata)->bus);
}

static void on_transfer(const Transfer *transfer, bool is_new, void *userdata) {
        bus_transfer_changed(((Daemon *) userdata)->bus, transfer, is_new);
}

static void on_transfer_removed(uint64_t id, void *userdata) {
        bus_transfer_removed(((Daemon *) userdata)->bus, id);
}

static const TransfersOwner transfers_owner = {
        .state_changed = on_transfers_state,
        .channel_changed = on_sibling_channel,
        .transfer_changed = on_transfer,
        .transfer_removed = on_transfer_removed,
};

static int start_siblings(Daemon *daemon) {
        const DaemonOptions *options = daemon->options;
        g_autofree char *snapshot =
                g_build_filename(options->runtime_directory, HVUTILS_SOCKET_SNAPSHOT, NULL);
        g_autofree char *transfer =
                g_build_filename(options->runtime_directory, HVUTILS_SOCKET_TRANSFER, NULL);
        int r;

        r = transfers_new(daemon->event, transfer, options->time_scale, &transfers_owner, daemon,
                          &daemon->transfers);
        if (r < 0)
                return r;
        return snapshots_new(daemon->event, snapshot, options->time_scale, &snapshots_owner, daemon,
                             &daemon->snapshots);
}

/* --- signals --- */

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata) {
        (void) sd_notify(false, "STOPPING=1");
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata) {
        (void) reload(userdata);
        return 0;
}

static int watch_signals(Daemon *daemon) {
        sigset_t handled;
        int r;

        sigemptyset(&handled);
        sigaddset(&handled, SIGTERM);
        sigaddset(&handled, SIGINT);
        sigaddset(&handled, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &handled, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_stop_signal, NULL);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_stop_signal, NULL);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_reload_signal, daemon);
        return r;
}

/* --- birth and end --- */

static void make_directory_if_allowed(const char *path, mode_t mode) {
        int r = make_directory(path, mode);

        if (r < 0)
                log_errno(LOG_DEBUG, r, "Cannot make %s", path);
}

/* What exists is not touched; where we may not, tmpfiles has done it or Problem says so. */
static void make_directories(const DaemonOptions *options) {
        g_autofree char *kvp = g_build_filename(options->runtime_directory, HVUTILS_RUNTIME_KVP, NULL);

        make_directory_if_allowed(options->runtime_directory, 0755);
        make_directory_if_allowed(kvp, 0700);
        make_directory_if_allowed(options->state_directory, 0755);
}

static int start_kvp(Daemon *daemon) {
        KvpSetup setup = {
                .channel_path = daemon->options->channel,
                .state_directory = daemon->options->state_directory,
                .runtime_directory = daemon->options->runtime_directory,
                .time_scale = daemon->options->time_scale,
                .configuration = daemon->configuration,
                .observer = { .changed = on_kvp_changed, .channel_changed = on_channel_changed },
                .observer_userdata = daemon,
                .facts = { .get = get_fact, .userdata = daemon },
        };

        if (daemon->network)
                setup.network = (KvpNetwork){ .get_addresses = get_addresses,
                                              .set_addresses = set_addresses,
                                              .cancel = cancel_set_addresses,
                                              .userdata = daemon };
        return kvp_new(daemon->event, &setup, &daemon->kvp);
}

static int daemon_start(Daemon *daemon) {
        int r;

        r = sd_event_new(&daemon->event);
        if (r < 0)
                return r;
        r = watch_signals(daemon);
        if (r < 0)
                return r;
        make_directories(daemon->options);
        r = start_facts(daemon);
        if (r < 0)
                return r;
        r = start_kvp(daemon);
        if (r < 0)
                return r;
        /* The host first: what follows looks up users and talks to others. */
        r = kvp_start(daemon->kvp);
        if (r < 0)
                return r;
        r = start_siblings(daemon);
        if (r < 0)
                return r;
        return start_bus(daemon);
}

static void daemon_done(Daemon *daemon) {
        bus_free(daemon->bus);
        snapshots_free(daemon->snapshots);
        transfers_free(daemon->transfers);
        network_free(daemon->network);
        osinfo_free(daemon->osinfo);
        kvp_free(daemon->kvp);
        configuration_free(daemon->configuration);
        sd_event_unref(daemon->event);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Daemon, daemon_done)

static int on_running(sd_event_source *source, void *userdata) {
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int run(const DaemonOptions *options, const char *root) {
        g_auto(Daemon) daemon = { .options = options, .root = root };
        int r;

        r = load_configuration(options, &daemon.configuration);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot read %s, going on with the defaults", options->config);
        (void) sd_notify(false, "STATUS=waiting for the host");
        r = daemon_start(&daemon);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot start");
        r = sd_event_add_defer(daemon.event, NULL, on_running, &daemon);
        if (r < 0)
                return r;
        return sd_event_loop(daemon.event);
}

int main(int argc, char **argv) {
        g_auto(DaemonOptions) options = { 0 };
        g_autofree char *root = NULL;
        const GOptionEntry extra[] = {
                { "root", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &root,
                  "Where the facts about the network's devices are (for tests)", "DIR" },
                {},
        };
        int r;

        r = daemon_options_parse(&options, &argc, &argv,
                                 "Answer the Hyper-V host's key-value requests and serve org.hyperv.Utils.",
                                 true, extra);
        if (r <= 0)
                return r < 0 ? 2 : 0;

        (void) signal(SIGPIPE, SIG_IGN);
        log_open("hvutilsd", LOG_TARGET_AUTO);
        r = run(&options, root);
        log_close();
        return r < 0 ? 1 : 0;
}
