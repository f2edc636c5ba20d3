/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The driver's end of a KVP channel for benchmarks: it listens, starts the program that shall connect, and
 * asks. */

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/units.h"
#include "wire/kvp.h"

using Message = std::array<uint8_t, KVP_MESSAGE_SIZE>;

/* The operation did not work: the figures would mean nothing. */
struct Broken : std::runtime_error {
        using std::runtime_error::runtime_error;
};

inline uint64_t nanoseconds() {
        struct timespec ts;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

class Driver {
      public:
        /* command: program and arguments; --channel= is added. */
        Driver(const std::string &socket_path, std::vector<std::string> command) {
                listen_at(socket_path);
                command.push_back("--channel=" + socket_path);
                started = nanoseconds();
                spawn(command);
                accept_one(command[0]);
                expect_registration();
                registered = nanoseconds();
        }

        ~Driver() {
                close(peer);
                kill(pid, SIGTERM);
                waitpid(pid, nullptr, 0);
                close(listener);
        }

        Driver(const Driver &) = delete;
        Driver &operator=(const Driver &) = delete;

        /* Sends a request and waits for the answer, which is left in `answer`. Returns nanoseconds. */
        uint64_t ask(const Message &request) {
                uint64_t before = nanoseconds();
                if (send(peer, request.data(), request.size(), MSG_NOSIGNAL) != (ssize_t)request.size())
                        throw Broken("cannot send a request");
                ssize_t n = recv(peer, answer.data(), answer.size(), 0);
                uint64_t after = nanoseconds();
                if (n != (ssize_t)answer.size())
                        throw Broken("no answer to a request");
                return after - before;
        }

        pid_t pid = -1;
        uint64_t started = 0, registered = 0;
        Message answer = {};

      private:
        int listener = -1, peer = -1;

        void listen_at(const std::string &path) {
                struct sockaddr_un address = {};
                address.sun_family = AF_UNIX;
                strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
                unlink(path.c_str());
                listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
                    listen(listener, 4) < 0)
                        throw Broken("cannot listen at " + path + ": " + strerror(errno));
        }

        void spawn(const std::vector<std::string> &command) {
                std::vector<char *> argv;
                for (const std::string &word : command)
                        argv.push_back(const_cast<char *>(word.c_str()));
                argv.push_back(nullptr);
                pid = fork();
                if (pid == 0) {
                        execv(argv[0], argv.data());
                        _exit(127);
                }
        }

        void accept_one(const std::string &program) {
                struct pollfd p = { listener, POLLIN, 0 };
                if (poll(&p, 1, 10000) != 1)
                        throw Broken(program + " does not connect");
                peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        }

        void expect_registration() {
                ssize_t n = recv(peer, answer.data(), answer.size(), 0);
                if (n < 0 || !kvp_wire_is_registration(answer.data(), (size_t)n))
                        throw Broken("no registration");
                kvp_wire_registered(answer.data(), "3.1");
                if (send(peer, answer.data(), answer.size(), MSG_NOSIGNAL) < 0)
                        throw Broken("cannot answer the registration");
        }
};
