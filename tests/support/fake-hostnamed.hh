/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tests/support/private-bus.hh"

/* A systemd-hostnamed that knows one name, and takes another by SetStaticHostname() from anybody. */
class FakeHostnamed {
      public:
        FakeHostnamed(const PrivateBus &bus, const std::string &name) {
                child_ = Child([&] { return serve(bus.address(), name); });
                EXPECT_TRUE(wait_until([&] { return bus.has_name("org.freedesktop.hostname1"); }));
        }

        static bool rename(sd_bus *bus, const char *name) {
                return sd_bus_call_method(bus, "org.freedesktop.hostname1", path, interface,
                                          "SetStaticHostname", nullptr, nullptr, "sb", name, 0) >= 0;
        }

      private:
        static constexpr const char *path = "/org/freedesktop/hostname1";
        static constexpr const char *interface = "org.freedesktop.hostname1";

        static int show(sd_bus *, const char *, const char *, const char *, sd_bus_message *reply,
                        void *userdata, sd_bus_error *) {
                return sd_bus_message_append(reply, "s", static_cast<std::string *>(userdata)->c_str());
        }

        static int set(sd_bus_message *m, void *userdata, sd_bus_error *) {
                const char *name;
                int interactive;
                if (sd_bus_message_read(m, "sb", &name, &interactive) < 0)
                        return -EINVAL;
                *static_cast<std::string *>(userdata) = name;
                sd_bus_emit_properties_changed(sd_bus_message_get_bus(m), path, interface, "StaticHostname",
                                               nullptr);
                return sd_bus_reply_method_return(m, nullptr);
        }

        static int serve(const std::string &address, std::string name) {
                static const sd_bus_vtable vtable[] = {
                        SD_BUS_VTABLE_START(0),
                        SD_BUS_PROPERTY("Hostname", "s", show, 0, 0),
                        SD_BUS_PROPERTY("StaticHostname", "s", show, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                        SD_BUS_METHOD("SetStaticHostname", "sb", "", set, SD_BUS_VTABLE_UNPRIVILEGED),
                        SD_BUS_VTABLE_END,
                };
                g_autoptr(sd_event) event = nullptr;
                g_autoptr(sd_bus) bus = nullptr;

                if (sd_event_new(&event) < 0 || sd_bus_new(&bus) < 0 ||
                    sd_bus_set_address(bus, address.c_str()) < 0 || sd_bus_set_bus_client(bus, true) < 0 ||
                    sd_bus_start(bus) < 0 || sd_bus_attach_event(bus, event, 0) < 0 ||
                    sd_bus_add_object_vtable(bus, nullptr, path, interface, vtable, &name) < 0 ||
                    sd_bus_request_name(bus, "org.freedesktop.hostname1", 0) < 0)
                        return 1;
                return sd_event_loop(event);
        }

        Child child_;
};
