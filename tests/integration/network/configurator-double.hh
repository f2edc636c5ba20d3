/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A configurator in a process of its own, as a test wants it: what it says to Probe and Apply is in a file that the
 * test may rewrite; it applies with ip(8). */

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "tests/support/child.hh"
#include "tests/support/private-bus.hh"

class ConfiguratorDouble {
      public:
        static constexpr const char *name = "org.hyperv.Utils.Configurator.NetworkManager";

        explicit ConfiguratorDouble(const PrivateBus &bus, std::string script)
            : script_(std::move(script)), address_(bus.address()) {
                child_ = Child([this] { return serve(); });
                EXPECT_TRUE(wait_until([&] { return bus.has_name(name); })) << "no configurator";
        }

      private:
        /* "PROBE APPLY": yes, no, refused or absent; ok, fail, busy, or never. */
        void behaviour(std::string *probe, std::string *apply) const {
                std::ifstream(script_) >> *probe >> *apply;
        }

        static int on_probe(sd_bus_message *m, void *userdata, sd_bus_error *) {
                std::string probe = "yes", apply;
                static_cast<ConfiguratorDouble *>(userdata)->behaviour(&probe, &apply);
                return sd_bus_reply_method_return(m, "ss", probe.c_str(),
                                                  probe == "refused" ? "is a port of br0" : "");
        }

        /* All commands in one ip(8): that one does not apply, as to flush what is empty, matters not. */
        static void run(const std::string &commands) {
                FILE *ip = popen("ip -force -batch - >/dev/null 2>&1", "w");
                if (!ip)
                        return;
                fputs(commands.c_str(), ip);
                pclose(ip);
        }

        static std::string read_addresses(sd_bus_message *m, const std::string &interface) {
                std::string commands;
                const char *text;
                uint32_t prefix;
                sd_bus_message_enter_container(m, 'a', "(su)");
                while (sd_bus_message_read(m, "(su)", &text, &prefix) > 0)
                        commands += "addr add " + std::string(text) + "/" + std::to_string(prefix) + " dev " +
                                    interface + (strchr(text, ':') ? " nodad\n" : "\n");
                sd_bus_message_exit_container(m);
                return commands;
        }

        static std::string read_gateways(sd_bus_message *m, const std::string &interface) {
                std::string commands;
                const char *text;
                int metric = 100;
                sd_bus_message_enter_container(m, 'a', "s");
                while (sd_bus_message_read(m, "s", &text) > 0)
                        commands += "route add default via " + std::string(text) + " dev " + interface +
                                    " onlink metric " + std::to_string(metric++) + "\n";
                sd_bus_message_exit_container(m);
                return commands;
        }

        static void apply_settings(sd_bus_message *m, const std::string &interface) {
                std::string commands = "addr flush dev " + interface + "\n";
                sd_bus_message_enter_container(m, 'a', "{sv}");
                while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                        const char *key, *type;
                        sd_bus_message_read(m, "s", &key);
                        sd_bus_message_peek_type(m, nullptr, &type);
                        std::string what = key, signature = type;
                        sd_bus_message_enter_container(m, 'v', signature.c_str());
                        if (what == "addresses")
                                commands += read_addresses(m, interface);
                        else if (what == "gateways")
                                commands += read_gateways(m, interface);
                        else
                                sd_bus_message_skip(m, signature.c_str());
                        sd_bus_message_exit_container(m);
                        sd_bus_message_exit_container(m);
                }
                run(commands);
        }

        static int on_apply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
                std::string probe, apply = "ok";
                const char *interface;
                static_cast<ConfiguratorDouble *>(userdata)->behaviour(&probe, &apply);
                if (apply == "fail")
                        return sd_bus_error_set(error, HVUTILS_ERROR_FAILED, "address is a duplicate");
                if (apply == "busy")
                        return sd_bus_error_set(error, HVUTILS_ERROR_BUSY, "a foreign checkpoint");
                if (apply == "never") {
                        sd_bus_message_ref(m);
                        return 1;
                }
                sd_bus_message_read(m, "s", &interface);
                apply_settings(m, interface);
                return sd_bus_reply_method_return(m, nullptr);
        }

        static int on_revert(sd_bus_message *m, void *, sd_bus_error *) {
                return sd_bus_reply_method_return(m, "b", 1);
        }

        int serve() {
                static const sd_bus_vtable vtable[] = {
                        SD_BUS_VTABLE_START(0),
                        SD_BUS_METHOD("Probe", "s", "ss", on_probe, SD_BUS_VTABLE_UNPRIVILEGED),
                        SD_BUS_METHOD("Apply", "sa{sv}t", "", on_apply, SD_BUS_VTABLE_UNPRIVILEGED),
                        SD_BUS_METHOD("Revert", "s", "b", on_revert, SD_BUS_VTABLE_UNPRIVILEGED),
                        SD_BUS_VTABLE_END,
                };
                g_autoptr(sd_event) event = nullptr;
                g_autoptr(sd_bus) bus = nullptr;
                if (sd_event_new(&event) < 0 || sd_bus_new(&bus) < 0 ||
                    sd_bus_set_address(bus, address_.c_str()) < 0 || sd_bus_set_bus_client(bus, true) < 0 ||
                    sd_bus_start(bus) < 0 ||
                    sd_bus_add_object_vtable(bus, nullptr, "/org/hyperv/Utils/Configurator",
                                             HVUTILS_INTERFACE_CONFIGURATOR, vtable, this) < 0 ||
                    sd_bus_request_name(bus, name, 0) < 0 || sd_bus_attach_event(bus, event, 0) < 0)
                        return 1;
                return sd_event_loop(event);
        }

        std::string script_, address_;
        Child child_;
};
