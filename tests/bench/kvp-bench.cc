/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * KVP against its floor, as ratios of one run: both programs serve at the same time, are asked in turns (A B
 * A B), and everything is pinned to one processor, because a hand-over between processors varies from 10 to
 * 70 us and hides the rest. Slow figures are printed, not punished; only an operation that does not work ends
 * in failure.
 *
 * Usage: kvp-bench FLOOR HVUTILSD [SECONDS OF IDLENESS]
 */

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "tests/bench/driver.hh"

namespace fs = std::filesystem;

namespace {

constexpr unsigned SAMPLES = 2000, TURN = 50;

std::string floor_program, daemon_program;

/* --- surroundings --- */

/* On tmpfs, so that no disk is measured, unless said. */
class Scratch {
      public:
        explicit Scratch(const std::string &below = "/dev/shm") : path(below + "/hvutils.XXXXXX") {
                if (!mkdtemp(path.data()))
                        throw Broken("cannot make a directory below " + below);
        }
        ~Scratch() {
                std::error_code ignored;
                fs::remove_all(path, ignored);
        }
        std::string path;
};

void pin_to_one_processor() {
        cpu_set_t allowed, one;
        if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
                throw Broken("sched_getaffinity");
        int cpu = CPU_SETSIZE - 1;
        while (cpu > 0 && !CPU_ISSET(cpu, &allowed))
                cpu--;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof(one), &one) < 0)
                throw Broken("sched_setaffinity");
}

std::string key_of(unsigned i) {
        return "benchmark.key." + std::to_string(i);
}

std::string value_of(unsigned i) {
        return "the value of the key with number " + std::to_string(i);
}

void write_pools(const std::string &directory, unsigned keys) {
        fs::create_directories(directory);
        for (int pool = 0; pool < _KVP_POOL_ID_MAX; pool++) {
                std::ofstream file(directory + "/" + kvp_pool_file_name((KvpPool) pool), std::ios::binary);
                for (unsigned i = 0; i < keys; i++) {
                        uint8_t record[RECORD_SIZE];
                        std::string key = key_of(i), value = value_of(i);
                        record_encode(record, key.data(), key.size(), value.data(), value.size());
                        file.write((const char *) record, sizeof(record));
                }
        }
}

std::unique_ptr<Driver> start_floor(const Scratch &scratch) {
        return std::make_unique<Driver>(scratch.path + "/floor.sock", std::vector{ floor_program });
}

/* The floor that writes a record of its own file each time. */
std::unique_ptr<Driver> start_writing_floor(const Scratch &scratch) {
        return std::make_unique<Driver>(scratch.path + "/floor.sock",
                                        std::vector{ floor_program, scratch.path + "/file" });
}

std::unique_ptr<Driver> start_daemon(const Scratch &scratch) {
        return std::make_unique<Driver>(
                scratch.path + "/kvp.sock",
                std::vector<std::string>{ daemon_program, "--bus=none",
                                          "--state-directory=" + scratch.path + "/state",
                                          "--runtime-directory=" + scratch.path + "/run" });
}

/* --- figures --- */

double median(std::vector<double> figures) {
        std::sort(figures.begin(), figures.end());
        return figures[figures.size() / 2];
}

void print_ratio(const std::string &name, double ours, double base, double limit) {
        printf("%-24s %8.2f us %8.2f us %6.2f  <= %.1f%s\n", name.c_str(), ours, base, ours / base, limit,
               ours / base > limit ? "  MISSED" : "");
}

void print_figure(const std::string &name, double figure, const char *unit, double limit) {
        printf("%-24s %8.2f %s  <= %.0f%s\n", name.c_str(), figure, unit, limit,
               figure > limit ? "  MISSED" : "");
}

/* --- KVP operations --- */

struct Operation {
        const char *name;
        double limit;
        std::function<void(Message &, unsigned)> request;
        std::function<bool(const Message &, unsigned)> works;
};

bool answered_with(const Message &answer, const std::string &expected) {
        WireStatus status;
        const char *value;
        return kvp_wire_parse_reply(answer.data(), answer.size(), &status, nullptr, &value) == 0 &&
               status == WIRE_STATUS_OK && value == expected;
}

bool answered_ok(const Message &answer) {
        WireStatus status;
        return kvp_wire_parse_reply(answer.data(), answer.size(), &status, nullptr, nullptr) == 0 &&
               status == WIRE_STATUS_OK;
}

/* A walk that is no sequence, so that no cache of the last place helps. */
unsigned scattered(unsigned i, unsigned keys) {
        return (unsigned) ((uint64_t) i * 7919 % keys);
}

std::vector<Operation> operations(unsigned keys) {
        return {
                { "get", 1.3,
                  [=](Message &m, unsigned i) {
                          kvp_wire_request(m.data(), KVP_OPERATION_GET, KVP_POOL_ID_GUEST, 0,
                                           key_of(scattered(i, keys)).c_str(), nullptr);
                  },
                  [=](const Message &m, unsigned i) {
                          return answered_with(m, value_of(scattered(i, keys)));
                  } },
                { "enumerate", 1.3,
                  [=](Message &m, unsigned i) {
                          kvp_wire_request(m.data(), KVP_OPERATION_ENUMERATE, KVP_POOL_ID_GUEST, i % keys,
                                           nullptr, nullptr);
                  },
                  [=](const Message &m, unsigned i) { return answered_with(m, value_of(i % keys)); } },
                { "auto", 1.3,
                  [](Message &m, unsigned i) {
                          kvp_wire_request(m.data(), KVP_OPERATION_ENUMERATE, KVP_POOL_ID_AUTO, i % 10,
                                           nullptr, nullptr);
                  },
                  [](const Message &m, unsigned) { return answered_ok(m); } },
                { "set", 2.2,
                  [=](Message &m, unsigned i) {
                          std::string value = "set number " + std::to_string(i);
                          kvp_wire_request(m.data(), KVP_OPERATION_SET, KVP_POOL_ID_EXTERNAL, 0,
                                           key_of(scattered(i, keys)).c_str(), value.c_str());
                  },
                  [](const Message &m, unsigned) { return answered_ok(m); } },
        };
}

double ask(Driver &driver, const Operation &operation, unsigned i, bool check) {
        Message request;
        operation.request(request, i);
        double usec = (double) driver.ask(request) / 1000;
        if (check && !operation.works(driver.answer, i))
                throw Broken(std::string(operation.name) + " is answered wrongly");
        return usec;
}

void measure_operation(Driver &ours, Driver &base, const Operation &operation, unsigned keys) {
        std::vector<double> our_times, base_times;

        for (unsigned i = 0; i < SAMPLES; i += TURN) {
                for (unsigned j = i; j < i + TURN; j++)
                        base_times.push_back(ask(base, operation, j, false));
                for (unsigned j = i; j < i + TURN; j++)
                        our_times.push_back(ask(ours, operation, j, true));
        }
        print_ratio(std::string(operation.name) + "-" + std::to_string(keys), median(our_times),
                    median(base_times), operation.limit);
}

void measure_pool(unsigned keys) {
        Scratch scratch;
        write_pools(scratch.path + "/state", keys);
        auto base = start_floor(scratch);
        auto ours = start_daemon(scratch);

        for (const Operation &operation : operations(keys))
                measure_operation(*ours, *base, operation, keys);
}

/* SET on a disk's file system against the same messages with a bare lock, write and unlock. */
void measure_disk() {
        const char *below = "/var/tmp";
        struct statfs fs;
        if (statfs(below, &fs) < 0 || fs.f_type != 0xEF53)
                return (void) printf("set-ext4: skipped, no ext4 below %s\n", below);

        Scratch scratch(below);
        write_pools(scratch.path + "/state", 1000);
        auto base = start_writing_floor(scratch);
        auto ours = start_daemon(scratch);
        Operation set = operations(1000).back();
        set.name = "set-ext4";
        set.limit = 1.2;
        measure_operation(*ours, *base, set, 1000);
}

/* --- the process --- */

void measure_start() {
        std::vector<double> times;
        for (int i = 0; i < 5; i++) {
                Scratch scratch;
                write_pools(scratch.path + "/state", 1000);
                auto ours = start_daemon(scratch);
                times.push_back((double) (ours->registered - ours->started) / 1e6);
        }
        print_figure("start-to-registered", median(times), "ms", 20);
}

/* The number behind "name:" in a file of /proc. */
uint64_t number_in(const std::string &path, const std::string &name) {
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);)
                if (line.rfind(name + ":", 0) == 0)
                        return std::stoull(line.substr(name.size() + 1));
        throw Broken("no " + name + " in " + path);
}

uint64_t wake_ups(pid_t pid) {
        uint64_t sum = 0;
        for (const auto &task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
                sum += number_in(task.path() / "status", "voluntary_ctxt_switches");
        return sum;
}

/* hvutilsd alone; the limits are those of all three daemons together. */
void measure_idleness(unsigned seconds) {
        Scratch scratch;
        write_pools(scratch.path + "/state", 1000);
        auto ours = start_daemon(scratch);
        (void) ask(*ours, operations(1000)[0], 1, true);
        sleep(2);

        std::string smaps = "/proc/" + std::to_string(ours->pid) + "/smaps_rollup";
        print_figure("memory-pss", (double) number_in(smaps, "Pss") / 1024, "MiB", 6);
        print_figure("memory-private-dirty", (double) number_in(smaps, "Private_Dirty") / 1024, "MiB", 2);

        uint64_t before = wake_ups(ours->pid);
        sleep(seconds);
        print_figure("wake-ups-" + std::to_string(seconds) + "s", (double) (wake_ups(ours->pid) - before), "",
                     0);
}

void run(unsigned idle_seconds) {
        pin_to_one_processor();
        printf("%-24s %11s %11s %6s  limit\n", "name", "ours", "floor", "ratio");
        for (unsigned keys : { 10u, 1000u, 10000u })
                measure_pool(keys);
        measure_disk();
        measure_start();
        measure_idleness(idle_seconds);
}

} // namespace

int main(int argc, char **argv) {
        if (argc < 3) {
                fprintf(stderr, "Usage: %s FLOOR HVUTILSD [SECONDS OF IDLENESS]\n", argv[0]);
                return 2;
        }
        floor_program = argv[1];
        daemon_program = argv[2];
        setvbuf(stdout, nullptr, _IOLBF, 0);

        try {
                run(argc > 3 ? (unsigned) std::stoul(argv[3]) : 10);
        } catch (const std::exception &e) {
                fprintf(stderr, "kvp-bench: %s\n", e.what());
                return 1;
        }
        return 0;
}
