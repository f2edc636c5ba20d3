/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The real hvutilsd, alone in a private world: directories of its own, a driver played by the test, no bus.
 */

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>

#include "tests/support/fake-driver.hh"
#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"
#include "tests/support/wait-until.hh"

class DaemonTest : public testing::Test {
      protected:
        static constexpr unsigned external = 0, guest = 1, automatic = 2, facts = 3, internal = 4;

        void SetUp() override {
                ASSERT_EQ(mkdir(state().c_str(), 0755), 0);
                ASSERT_EQ(mkdir(runtime().c_str(), 0755), 0);
                write_configuration("");
        }

        void TearDown() override {
                if (HasFailure() && daemon)
                        fprintf(stderr, "--- hvutilsd said:\n%s---\n", daemon->errors().c_str());
                if (daemon && daemon->running())
                        daemon->stop(); /* a killed one leaves no coverage behind */
                daemon.reset();
        }

        std::string state() const {
                return world / "state";
        }
        std::string runtime() const {
                return world / "run";
        }
        std::string pool_file(unsigned pool) const {
                return state() + "/.kvp_pool_" + std::to_string(pool);
        }

        void write_configuration(const std::string &text) {
                std::ofstream(world / "hvutils.conf") << text;
        }

        /* The last word counts, so that what is added can replace what is here. */
        std::vector<std::string> command(const std::vector<std::string> &more = {}) const {
                std::vector<std::string> words = {
                        std::string(getenv("HVUTILS_BUILD_DIR")) + "/service/hvutilsd",
                        "--channel=" + (world / "kvp"),
                        "--config=" + (world / "hvutils.conf"),
                        "--state-directory=" + state(),
                        "--runtime-directory=" + runtime(),
                        "--bus=none",
                };
                words.insert(words.end(), more.begin(), more.end());
                return words;
        }

        void launch() {
                daemon = std::make_unique<Process>(command());
        }

        void start() {
                launch();
                ASSERT_TRUE(driver.register_daemon()) << "the daemon did not register";
        }

        /* A record as others write it. */
        static std::string record(const std::string &key, const std::string &value) {
                std::string bytes(RECORD_SIZE, '\0');
                bytes.replace(0, key.size(), key);
                bytes.replace(RECORD_KEY_SIZE, value.size(), value);
                return bytes;
        }

        /* Another program's append, under flock, as cloud-init does it. */
        void append(unsigned pool, const std::string &bytes) {
                int fd = open(pool_file(pool).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
                ASSERT_GE(fd, 0);
                ASSERT_EQ(flock(fd, LOCK_EX), 0);
                ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
                close(fd);
        }

        bool is_alive() {
                return daemon->running();
        }

        TemporaryDirectory world;
        FakeKvpDriver driver{ world / "kvp" };
        std::unique_ptr<Process> daemon;
};
