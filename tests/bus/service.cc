/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/service.hh"

#include <cstring>
#include <grp.h>

#include "common/log.h"
#include "common/names.h"
#include "tests/bus/snapshots-of.hh"
#include "tests/bus/transfers-of.hh"

static const ChannelProtocol protocol = { "kvp", "/nonexistent/hv_kvp", 16, nullptr, nullptr, nullptr, 0 };
static const ChannelOwner owner = {};

static void on_changed(const KvpChange *change, void *userdata) {
        bus_kvp_changed(*static_cast<Bus **>(userdata), change);
}

/* ReloadConfiguration: a change that a test can see. */
static int on_reload(void *userdata) {
        auto *kvp = static_cast<Kvp *>(userdata);
        kvp->pools[KVP_POOL_ID_GUEST].problem = "reloaded";
        return 0;
}

int Service::serve(const std::string &address, const std::function<void(Kvp &)> &prepare, double time_scale,
                   uid_t uid, const std::string &snapshot_socket, const std::string &transfer_socket) {
        g_autoptr(sd_event) event = nullptr;
        g_autoptr(Bus) bus = nullptr;
        SnapshotsOf snapshots;
        TransfersOf transfers;
        Kvp kvp;

        if (uid != (uid_t) -1 &&
            (setgroups(0, nullptr) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
                return 1;
        log_open("test", LOG_TARGET_STDERR);
        if (sd_event_new(&event) < 0 ||
            channel_new(event, &protocol, nullptr, 1.0, &owner, nullptr, &kvp.channel) < 0)
                return 1;
        kvp.event = event;
        kvp.observer.changed = on_changed;
        kvp.observer_userdata = &bus;
        if (prepare)
                prepare(kvp);

        BusSetup setup = {};
        setup.address = address.c_str();
        setup.time_scale = time_scale;
        setup.kvp = &kvp;
        setup.reload = on_reload;
        setup.userdata = &kvp;
        if (!snapshot_socket.empty() && snapshots.connect(event, snapshot_socket.c_str(), time_scale) < 0)
                return 1;
        setup.snapshots = snapshots.snapshots;
        if (!transfer_socket.empty() && transfers.connect(event, transfer_socket.c_str(), time_scale) < 0)
                return 1;
        setup.transfers = transfers.transfers;
        if (bus_new(event, &setup, &bus) < 0)
                return 1;
        snapshots.bus = transfers.bus = bus;
        if (bus_start(bus) < 0)
                return 1;
        return sd_event_loop(event);
}

static std::string path_of(const char *pool) {
        return std::string(HVUTILS_OBJECT_KVP "/") + pool;
}

static std::string short_name(const char *name) {
        std::string full = name ? name : "";
        size_t dot = full.rfind('.');
        return dot == std::string::npos ? full : full.substr(dot + 1);
}

Answer finish(sd_bus *bus, sd_bus_message *m) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        g_autoptr(sd_bus_message) reply = nullptr;
        const char *text;
        uint32_t count;

        if (sd_bus_call(bus, m, 10 * 1000 * 1000, &error, &reply) < 0)
                return { short_name(error.name), error.message ? error.message : "", "" };
        if (sd_bus_message_has_signature(reply, "s") && sd_bus_message_read(reply, "s", &text) >= 0)
                return { "", "", text };
        if (sd_bus_message_has_signature(reply, "u") && sd_bus_message_read(reply, "u", &count) >= 0)
                return { "", "", std::to_string(count) };
        if (sd_bus_message_has_signature(reply, "ay")) {
                const void *bytes;
                size_t n;
                if (sd_bus_message_read_array(reply, 'y', &bytes, &n) >= 0)
                        return { "", "", std::string(static_cast<const char *>(bytes), n) };
        }
        if (sd_bus_message_has_signature(reply, "v") && sd_bus_message_read(reply, "v", "s", &text) >= 0)
                return { "", "", text };
        return {};
}

static sd_bus_message *new_call(sd_bus *bus, const std::string &path, const char *interface,
                                const char *member) {
        sd_bus_message *m = nullptr;
        if (sd_bus_message_new_method_call(bus, &m, HVUTILS_BUS_NAME, path.c_str(), interface, member) < 0)
                abort();
        return m;
}

Answer call(sd_bus *bus, const char *pool, const char *member, const std::vector<std::string> &arguments,
            bool interactive) {
        g_autoptr(sd_bus_message) m = new_call(bus, path_of(pool), HVUTILS_INTERFACE_POOL, member);
        for (const auto &argument : arguments)
                sd_bus_message_append(m, "s", argument.c_str());
        sd_bus_message_set_allow_interactive_authorization(m, interactive);
        return finish(bus, m);
}

Answer set_if(sd_bus *bus, const char *pool, const char *key, const char *value, const char *expected,
              uint32_t flags) {
        g_autoptr(sd_bus_message) m = new_call(bus, path_of(pool), HVUTILS_INTERFACE_POOL, "SetIf");
        sd_bus_message_append(m, "sssu", key, value, expected, flags);
        return finish(bus, m);
}

Answer set_many(sd_bus *bus, const char *pool, const std::vector<std::string> &keys, bool interactive) {
        g_autoptr(sd_bus_message) m = new_call(bus, path_of(pool), HVUTILS_INTERFACE_POOL, "SetMany");
        sd_bus_message_open_container(m, 'a', "{ss}");
        for (const auto &key : keys)
                sd_bus_message_append(m, "{ss}", key.c_str(), "many");
        sd_bus_message_close_container(m);
        sd_bus_message_set_allow_interactive_authorization(m, interactive);
        return finish(bus, m);
}

Answer get_property(sd_bus *bus, const char *path, const char *interface, const char *property) {
        g_autoptr(sd_bus_message) m = new_call(bus, path, "org.freedesktop.DBus.Properties", "Get");
        sd_bus_message_append(m, "ss", interface, property);
        return finish(bus, m);
}
