/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <functional>
#include <string>

#include "service/bus/bus.h"
#include "tests/bus/fake-kvp.hh"
#include "tests/support/child.hh"
#include "tests/support/private-bus.hh"

/* The bus room on a fake engine, in a process of its own. */
class Service {
      public:
        explicit Service(const PrivateBus &bus, const std::function<void(Kvp &)> &prepare = {},
                         double time_scale = 0.05, uid_t uid = (uid_t) -1,
                         const std::string &snapshot_socket = "", const std::string &transfer_socket = "") {
                child_ = Child([&] {
                        return serve(bus.address(), prepare, time_scale, uid, snapshot_socket,
                                     transfer_socket);
                });
                EXPECT_TRUE(wait_until([&] { return bus.has_name("org.hyperv.Utils"); })) << "no service";
        }
        const Child &child() const {
                return child_;
        }

        static int serve(const std::string &address, const std::function<void(Kvp &)> &prepare,
                         double time_scale, uid_t uid, const std::string &snapshot_socket,
                         const std::string &transfer_socket);

      private:
        Child child_;
};

/* A call on a pool; "" or the value when it succeeds, else the error's name without prefix, "Timeout" … */
struct Answer {
        std::string error, message, text;
        bool ok() const {
                return error.empty();
        }
};

Answer call(sd_bus *bus, const char *pool, const char *member, const std::vector<std::string> &arguments,
            bool interactive = false);
Answer set_if(sd_bus *bus, const char *pool, const char *key, const char *value, const char *expected,
              uint32_t flags);
Answer set_many(sd_bus *bus, const char *pool, const std::vector<std::string> &keys,
                bool interactive = false);
Answer get_property(sd_bus *bus, const char *path, const char *interface, const char *property);
Answer finish(sd_bus *bus, sd_bus_message *m);
