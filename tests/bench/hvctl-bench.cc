/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a person or a script waits for: `hvctl kvp get KEY` from start to exit, through a bus and a daemon of
 * its own, and /bin/true next to it, for how long a process takes that does nothing.
 *
 *      hvctl-bench HVUTILSD HVCTL
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <vector>

#include "common/names.h"
#include "tests/support/private-bus.hh"
#include "tests/support/process.hh"
#include "wire/record.h"

static const int runs = 100;
static const double limit_msec = 10;

/* Milliseconds; negative if the program fails. Its output is not looked at. */
static double time_of(std::vector<const char *> command) {
        posix_spawn_file_actions_t quiet;
        int status = -1;
        pid_t pid;

        command.push_back(nullptr);
        posix_spawn_file_actions_init(&quiet);
        posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        auto start = std::chrono::steady_clock::now();
        int r = posix_spawn(&pid, command[0], &quiet, nullptr, const_cast<char **>(command.data()), environ);
        if (r == 0)
                (void) waitpid(pid, &status, 0);
        double msec =
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        posix_spawn_file_actions_destroy(&quiet);
        return status == 0 ? msec : -1;
}

static double median(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
}

static void pin_to_one_processor() {
        cpu_set_t allowed, one;
        sched_getaffinity(0, sizeof(allowed), &allowed);
        int cpu = 0;
        while (!CPU_ISSET(cpu, &allowed))
                cpu++;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof(one), &one);
}

static void write_pools(const TemporaryDirectory &state) {
        uint8_t record[RECORD_SIZE];
        record_encode(record, "key", 3, "value", 5);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++) {
                FILE *file = fopen((state / kvp_pool_file_name((KvpPool) pool)).c_str(), "w");
                fwrite(record, sizeof(record), 1, file);
                fclose(file);
        }
}

int main(int argc, char **argv) {
        if (argc != 3)
                return 2;
        pin_to_one_processor();
        PrivateBus bus;
        TemporaryDirectory state, runtime;
        write_pools(state);
        Process daemon({ argv[1], "--bus=" + bus.address(), "--channel=" + (runtime / "no-channel"),
                         "--state-directory=" + state.path(), "--runtime-directory=" + runtime.path() });
        setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address().c_str(), 1);
        if (!wait_until([&] { return bus.has_name(HVUTILS_BUS_NAME); }))
                return 1;

        std::vector<double> ours, nothing;
        for (int i = 0; i < runs; i++) {
                nothing.push_back(time_of({ "/bin/true" }));
                ours.push_back(time_of({ argv[2], "kvp", "get", "key", "--pool=guest" }));
                if (ours.back() < 0)
                        return 1;
        }
        printf("hvctl kvp get: %.1f ms, true: %.1f ms (goal <= %.0f ms)%s\n", median(ours), median(nothing),
               limit_msec, median(ours) > limit_msec ? "  MISSED" : "");
        return 0;
}
