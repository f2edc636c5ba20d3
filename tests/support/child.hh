/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "tests/support/wait-until.hh"

/* A piece of the test in a process of its own, for another user or for what must be killed; ends with the
 * object, and with the test if that dies. Programs are process.hh's. */
class Child {
      public:
        Child() = default;

        /* Runs the function in a child; what it returns is the exit status. */
        explicit Child(const std::function<int()> &body) {
                pid_ = fork();
                if (pid_ == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        int status = body();
                        fflush(nullptr);
                        _exit(status);
                }
        }

        explicit Child(const std::vector<std::string> &argv)
            : Child([&argv] {
                      std::vector<char *> pointers;
                      for (const auto &word : argv)
                              pointers.push_back(const_cast<char *>(word.c_str()));
                      pointers.push_back(nullptr);
                      execvp(pointers[0], pointers.data());
                      perror(pointers[0]);
                      return 127;
              }) {}

        Child(Child &&other) noexcept : pid_(other.pid_) {
                other.pid_ = -1;
        }
        Child &operator=(Child &&other) noexcept {
                end();
                pid_ = other.pid_;
                other.pid_ = -1;
                return *this;
        }
        ~Child() {
                end();
        }

        void end(int signal_number = SIGKILL) {
                if (pid_ <= 0)
                        return;
                kill(pid_, signal_number);
                kill(pid_, SIGCONT);
                (void)wait();
        }

        /* The exit status, or minus the signal that ended it. */
        int wait() {
                int status = 0;
                if (pid_ <= 0)
                        return -1;
                while (waitpid(pid_, &status, 0) < 0 && errno == EINTR)
                        ;
                pid_ = -1;
                return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        }

        void signal(int number) const {
                if (pid_ > 0)
                        kill(pid_, number);
        }
        bool running() const {
                return pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0;
        }
        pid_t pid() const {
                return pid_;
        }

      private:
        pid_t pid_ = -1;
};
