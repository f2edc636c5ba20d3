/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "tests/support/private-bus.hh"

/*
 * A polkit that says what the key says: deny…, ask… (a password, given when interaction is allowed), dismiss…
 * (a password, never given), never… (no answer), late… (400 ms), garbage… (an answer of another shape),
 * error…; everything else is allowed. What it was asked can be read line by line: "action pool key flags",
 * "says MESSAGE" before it where the policy's sentence is replaced, and "cancel" for CancelCheckAuthorization.
 */
class FakePolkit {
      public:
        explicit FakePolkit(const PrivateBus &bus) {
                if (pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) < 0)
                        abort();
                child_ = Child([&] { return serve(bus.address(), pipe_[1]); });
                EXPECT_TRUE(wait_until([&] { return bus.has_name("org.freedesktop.PolicyKit1"); }));
        }
        ~FakePolkit() {
                close(pipe_[0]);
                close(pipe_[1]);
        }

        /* Everything said since the last time. */
        std::string asked() {
                char buffer[65536];
                ssize_t n = read(pipe_[0], buffer, sizeof buffer);
                return n > 0 ? std::string(buffer, (size_t)n) : "";
        }
        bool hears(const std::string &what) {
                return wait_until([&] {
                        heard_ += asked();
                        return heard_.find(what) != std::string::npos;
                });
        }

      private:
        static int on_late(sd_event_source *source, uint64_t, void *userdata) {
                auto *m = static_cast<sd_bus_message *>(userdata);
                sd_bus_reply_method_return(m, "(bba{ss})", 1, 0, 0);
                sd_bus_message_unref(m);
                sd_event_source_unref(source);
                return 0;
        }

        static int answer_late(sd_bus_message *m) {
                sd_event_source *source = nullptr;
                int r = sd_event_add_time_relative(sd_bus_get_event(sd_bus_message_get_bus(m)), &source,
                                                   CLOCK_MONOTONIC, 400000, 0, on_late,
                                                   sd_bus_message_ref(m));
                return r < 0 ? r : 1;
        }

        static bool begins(const char *key, const char *word) {
                return strncmp(key, word, strlen(word)) == 0;
        }

        static int check(sd_bus_message *m, void *userdata, sd_bus_error *) {
                const char *kind, *name, *sender, *action, *id, *what, *detail, *pool = "-", *key = "-";
                uint32_t flags;
                int fd = *static_cast<int *>(userdata);

                if (sd_bus_message_read(m, "(sa{sv})", &kind, 1, &name, "s", &sender) < 0 ||
                    sd_bus_message_read(m, "s", &action) < 0 ||
                    sd_bus_message_enter_container(m, 'a', "{ss}") < 0)
                        return -EINVAL;
                while (sd_bus_message_read(m, "{ss}", &what, &detail) > 0)
                        if (strcmp(what, "polkit.message") == 0)
                                dprintf(fd, "says %s\n", detail);
                        else
                                (strcmp(what, "pool") == 0 ? pool : key) = detail;
                if (sd_bus_message_exit_container(m) < 0 || sd_bus_message_read(m, "us", &flags, &id) < 0)
                        return -EINVAL;
                dprintf(fd, "%s %s %s %u\n", action, pool, key, flags);

                if (strcmp(kind, "system-bus-name") != 0 || strcmp(sender, "") == 0)
                        return sd_bus_reply_method_return(m, "(bba{ss})", 0, 0, 0);
                if (begins(key, "never"))
                        return 1;
                if (begins(key, "late"))
                        return answer_late(m);
                if (begins(key, "garbage"))
                        return sd_bus_reply_method_return(m, "s", "yes");
                if (begins(key, "error"))
                        return sd_bus_reply_method_errorf(m, "org.freedesktop.PolicyKit1.Error.Failed", "no");
                if (begins(key, "deny"))
                        return sd_bus_reply_method_return(m, "(bba{ss})", 0, 0, 0);
                if (begins(key, "ask") && !(flags & 1))
                        return sd_bus_reply_method_return(m, "(bba{ss})", 0, 1, 0);
                if (begins(key, "dismiss"))
                        return sd_bus_reply_method_return(m, "(bba{ss})", 0, 1, 0);
                return sd_bus_reply_method_return(m, "(bba{ss})", 1, 0, 0);
        }

        static int cancel(sd_bus_message *m, void *userdata, sd_bus_error *) {
                dprintf(*static_cast<int *>(userdata), "cancel\n");
                return sd_bus_reply_method_return(m, nullptr);
        }

        static int serve(const std::string &address, int fd) {
                static const sd_bus_vtable vtable[] = {
                        SD_BUS_VTABLE_START(0),
                        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", check,
                                      SD_BUS_VTABLE_UNPRIVILEGED),
                        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", cancel,
                                      SD_BUS_VTABLE_UNPRIVILEGED),
                        SD_BUS_VTABLE_END,
                };
                g_autoptr(sd_event) event = nullptr;
                g_autoptr(sd_bus) bus = nullptr;

                if (sd_event_new(&event) < 0 || sd_bus_new(&bus) < 0 ||
                    sd_bus_set_address(bus, address.c_str()) < 0 || sd_bus_set_bus_client(bus, true) < 0 ||
                    sd_bus_start(bus) < 0 || sd_bus_attach_event(bus, event, 0) < 0 ||
                    sd_bus_add_object_vtable(bus, nullptr, "/org/freedesktop/PolicyKit1/Authority",
                                             "org.freedesktop.PolicyKit1.Authority", vtable, &fd) < 0 ||
                    sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0) < 0)
                        return 1;
                return sd_event_loop(event);
        }

        int pipe_[2];
        Child child_;
        std::string heard_;
};
