/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"

/*
 * `hvhost serve` in a directory of its own, ready when the constructor returns, and hvhost's other commands
 * against it. The device needs root and a kernel with FUSE: ask why_not() first, and skip with its answer.
 */
class EmulatedHost {
      public:
        enum class Transport { Socket, Device };

        struct Options {
                Transport transport = Transport::Socket;
                double time_scale = 1;
                std::vector<std::string> arguments = {}; /* more of them for `serve` */
        };

        EmulatedHost();
        explicit EmulatedHost(const Options &options);
        ~EmulatedHost();

        /* The reason why this transport cannot be had here; "" if it can. */
        static std::string why_not(Transport transport);

        /* What a daemon gets as --channel=. */
        std::string channel(const std::string &node = "hv_kvp") const;
        std::string directory() const;

        /* host({ "kvp", "get", "Owner" }): to its end. */
        ProcessResult operator()(std::vector<std::string> command,
                                 std::chrono::milliseconds limit = std::chrono::seconds(30)) const;
        /* The same, not awaited. */
        std::unique_ptr<Process> begin(std::vector<std::string> command) const;
        /* A scenario of tests/scenarios, by its name without the ending. */
        ProcessResult play(const std::string &scenario) const;

        bool wait_registered(std::chrono::milliseconds limit = std::chrono::seconds(10)) const;
        /* A field of `hvhost status`: "state", "timeouts", … */
        std::string status(const std::string &field) const;

        Process &process() {
                return *process_;
        }

      private:
        std::vector<std::string> words(std::vector<std::string> command) const;

        TemporaryDirectory directory_;
        std::string mount_point_;
        std::unique_ptr<Process> process_;
};
