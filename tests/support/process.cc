/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/process.hh"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

static void fail(const std::string &what) {
        throw std::system_error(errno, std::generic_category(), what);
}

static int unnamed_file(const char *name, const std::string &contents) {
        int fd = memfd_create(name, MFD_CLOEXEC);

        if (fd < 0 || write(fd, contents.data(), contents.size()) != static_cast<ssize_t>(contents.size()))
                fail("memfd");
        (void)lseek(fd, 0, SEEK_SET);
        return fd;
}

static std::string contents_of(int fd) {
        std::string text;
        char buffer[4096];
        ssize_t n;

        while ((n = pread(fd, buffer, sizeof(buffer), static_cast<off_t>(text.size()))) > 0)
                text.append(buffer, static_cast<size_t>(n));
        return text;
}

static std::vector<std::string> merged_environment(const std::map<std::string, std::string> &changes) {
        std::vector<std::string> environment;

        for (char **entry = environ; *entry; entry++)
                if (changes.count(std::string(*entry, strcspn(*entry, "="))) == 0)
                        environment.emplace_back(*entry);
        for (const auto &[name, value] : changes)
                if (!value.empty())
                        environment.push_back(name + "=" + value);
        return environment;
}

static std::vector<char *> pointers_to(std::vector<std::string> &words) {
        std::vector<char *> pointers;

        for (std::string &word : words)
                pointers.push_back(word.data());
        pointers.push_back(nullptr);
        return pointers;
}

/* In the child, between fork and exec: plain system calls only. */
static bool become(const Process::Options &options, pid_t parent) {
        sigset_t none;

        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, nullptr);
        if (!options.directory.empty() && chdir(options.directory.c_str()) < 0)
                return false;
        if (options.user) {
                uid_t user = *options.user;

                if (setgroups(0, nullptr) < 0 || setresgid(user, user, user) < 0 ||
                    setresuid(user, user, user) < 0)
                        return false;
        }

        /* After the change of user, which clears it. */
        return prctl(PR_SET_PDEATHSIG, SIGKILL) >= 0 && getppid() == parent;
}

Process::Process(std::vector<std::string> arguments) : Process(std::move(arguments), Options()) {}

Process::Process(std::vector<std::string> arguments, const Options &options) {
        std::vector<std::string> environment = merged_environment(options.environment);
        std::vector<char *> argv = pointers_to(arguments), envp = pointers_to(environment);
        int input = unnamed_file("stdin", options.input);
        pid_t parent = getpid();

        output_ = unnamed_file("stdout", "");
        errors_ = unnamed_file("stderr", "");
        pid_ = fork();
        if (pid_ < 0)
                fail("fork");
        if (pid_ == 0) {
                if (dup2(input, 0) >= 0 && dup2(output_, 1) >= 0 && dup2(errors_, 2) >= 0 &&
                    become(options, parent))
                        (void)execvpe(argv[0], argv.data(), envp.data());
                dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
                _exit(127);
        }
        (void)close(input);
}

Process::~Process() {
        kill();
        (void)close(output_);
        (void)close(errors_);
}

bool Process::reap(bool block) {
        int status;

        if (reaped_ || waitpid(pid_, &status, block ? 0 : WNOHANG) != pid_)
                return reaped_;
        status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        return reaped_ = true;
}

bool Process::running() {
        return !reap(false);
}

void Process::signal(int number) const {
        if (!reaped_)
                (void)::kill(pid_, number);
}

int Process::wait(std::chrono::milliseconds limit) {
        if (!reap(false)) {
                struct pollfd end = { static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)), POLLIN, 0 };

                (void)poll(&end, 1, static_cast<int>(limit.count()));
                (void)close(end.fd);
                (void)reap(false);
        }
        return status_;
}

int Process::stop(std::chrono::milliseconds limit) {
        signal(SIGTERM);
        if (wait(limit) < 0)
                kill();
        return status_;
}

void Process::kill() {
        signal(SIGKILL);
        (void)reap(true);
}

std::string Process::output() const {
        return contents_of(output_);
}

std::string Process::errors() const {
        return contents_of(errors_);
}

ProcessResult run(const std::vector<std::string> &arguments, const Process::Options &options,
                  std::chrono::milliseconds limit) {
        Process process(arguments, options);
        int status = process.wait(limit);

        return { status, process.output(), process.errors() };
}
