/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a `Get` on the bus costs, against a method of sd-bus that does nothing, in the same run, through the
 * same dbus-daemon, everybody pinned to one processor (a hand-over between processors varies and hides
 * everything).
 *
 *      bus-bench HVUTILSD
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <vector>

#include "common/names.h"
#include "tests/support/private-bus.hh"
#include "tests/support/process.hh"
#include "wire/record.h"

static const int rounds = 15, calls = 1000;

static int on_empty(sd_bus_message *m, void *, sd_bus_error *) {
        return sd_bus_reply_method_return(m, "s", "value");
}

static int serve_empty(const std::string &address) {
        static const sd_bus_vtable vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD("Get", "s", "s", on_empty, SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_VTABLE_END,
        };
        g_autoptr(sd_event) event = nullptr;
        g_autoptr(sd_bus) bus = nullptr;

        if (sd_event_new(&event) < 0 || sd_bus_new(&bus) < 0 ||
            sd_bus_set_address(bus, address.c_str()) < 0 || sd_bus_set_bus_client(bus, true) < 0 ||
            sd_bus_start(bus) < 0 || sd_bus_attach_event(bus, event, 0) < 0 ||
            sd_bus_add_object_vtable(bus, nullptr, "/empty", "org.example.Empty", vtable, nullptr) < 0 ||
            sd_bus_request_name(bus, "org.example.Empty", 0) < 0)
                return 1;
        return sd_event_loop(event);
}

/* Microseconds for one call, mean of a round; negative when a call fails. */
static double measure(sd_bus *bus, const char *name, const char *path, const char *interface) {
        auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; i++) {
                g_autoptr(sd_bus_message) reply = nullptr;
                if (sd_bus_call_method(bus, name, path, interface, "Get", nullptr, &reply, "s", "key500") < 0)
                        return -1;
        }
        return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() /
               calls;
}

static double median(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
}

static void pin() {
        cpu_set_t set, mine;
        sched_getaffinity(0, sizeof mine, &mine);
        CPU_ZERO(&set);
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
                if (CPU_ISSET(cpu, &mine)) {
                        CPU_SET(cpu, &set);
                        break;
                }
        sched_setaffinity(0, sizeof set, &set);
}

static void fill_pool(const std::string &path) {
        uint8_t record[RECORD_SIZE];
        FILE *file = fopen(path.c_str(), "w");
        for (int i = 0; i < 1000; i++) {
                std::string key = "key" + std::to_string(i);
                record_encode(record, key.data(), key.size(), "value", 5);
                fwrite(record, sizeof record, 1, file);
        }
        fclose(file);
}

int main(int argc, char **argv) {
        if (argc != 2)
                return 2;
        pin();
        PrivateBus private_bus;
        TemporaryDirectory state, runtime;
        for (const char *pool : { "0", "1", "2", "3", "4" })
                fill_pool(state / (std::string(".kvp_pool_") + pool));
        Process daemon({ argv[1], "--bus=" + private_bus.address(), "--channel=" + (runtime / "no-channel"),
                         "--state-directory=" + state.path(), "--runtime-directory=" + runtime.path() });
        Child empty([&] { return serve_empty(private_bus.address()); });
        if (!wait_until([&] {
                    return private_bus.has_name(HVUTILS_BUS_NAME) &&
                           private_bus.has_name("org.example.Empty");
            }))
                return 1;

        g_autoptr(sd_bus) bus = private_bus.connect();
        std::vector<double> ours, theirs;
        for (int i = 0; i < rounds; i++) {
                theirs.push_back(measure(bus, "org.example.Empty", "/empty", "org.example.Empty"));
                ours.push_back(
                        measure(bus, HVUTILS_BUS_NAME, HVUTILS_OBJECT_KVP "/guest", HVUTILS_INTERFACE_POOL));
                if (ours.back() < 0 || theirs.back() < 0)
                        return 1;
        }
        printf("bus Get: %.1f us, empty method: %.1f us, ratio %.2f (goal <= 1.20)\n", median(ours),
               median(theirs), median(ours) / median(theirs));
        sd_bus_close(bus);
        return 0;
}
