/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/*
 * A child process that never outlives its object: it dies with us (PR_SET_PDEATHSIG) and is killed and reaped
 * by the destructor. What it says on stdout and stderr goes to unnamed files, so that a chatty child is never
 * held up and a quiet reader never has to hurry.
 */
class Process {
      public:
        struct Options {
                std::map<std::string, std::string>
                        environment = {}; /* added to ours; a value of "" removes the variable */
                std::string input = {};   /* what it reads on stdin; then end of file */
                std::string directory = {};
                std::optional<uid_t> user = {}; /* also the group, without supplementary groups */
        };

        explicit Process(std::vector<std::string> arguments);
        Process(std::vector<std::string> arguments, const Options &options);
        ~Process();
        Process(const Process &) = delete;
        Process &operator=(const Process &) = delete;

        pid_t pid() const {
                return pid_;
        }

        bool running();
        void signal(int number) const;

        /* The exit status, 128 + the number of the signal that ended it, or -1 if it still runs when the time
         * is over. */
        int wait(std::chrono::milliseconds limit = std::chrono::seconds(30));

        /* SIGTERM, then wait; SIGKILL if that did not help, and then the result is 128 + SIGKILL. */
        int stop(std::chrono::milliseconds limit = std::chrono::seconds(5));

        /* SIGKILL, and wait for the end. */
        void kill();

        /* All that it has said so far. */
        std::string output() const;
        std::string errors() const;

      private:
        bool reap(bool block);

        pid_t pid_ = -1;
        int output_ = -1, errors_ = -1;
        bool reaped_ = false;
        int status_ = -1;
};

/* Runs a program to its end. */
struct ProcessResult {
        int status;
        std::string output, errors;
};
ProcessResult run(const std::vector<std::string> &arguments, const Process::Options &options = {},
                  std::chrono::milliseconds limit = std::chrono::seconds(30));
