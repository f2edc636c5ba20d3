/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/emulated-host.hh"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "tests/support/wait-until.hh"

static std::string from_environment(const char *name) {
        const char *value = getenv(name);

        if (!value)
                throw std::runtime_error(std::string(name) + " is not set: run the tests by meson");
        return value;
}

static std::string program() {
        return from_environment("HVUTILS_BUILD_DIR") + "/emulator/hvhost";
}

EmulatedHost::EmulatedHost() : EmulatedHost(Options{}) {}

EmulatedHost::EmulatedHost(const Options &options) {
        std::vector<std::string> arguments = { program(), "serve", directory_.path(),
                                               "--time-scale=" + std::to_string(options.time_scale) };

        if (options.transport == Transport::Device) {
                mount_point_ = directory_ / "devices";
                if (mkdir(mount_point_.c_str(), 0755) < 0)
                        throw std::runtime_error("cannot make " + mount_point_);
                arguments.push_back("--device=" + mount_point_);
        }
        arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());

        process_ = std::make_unique<Process>(arguments);
        if (!wait_until([&] {
                    return access((directory_ / "control").c_str(), F_OK) == 0 || !process_->running();
            }) ||
            !process_->running())
                throw std::runtime_error("hvhost did not start: " + process_->errors());
}

/* A dead server leaves its mount point behind. */
EmulatedHost::~EmulatedHost() {
        EXPECT_EQ(process_->stop(), 0) << process_->errors();
        if (!mount_point_.empty())
                (void)umount2(mount_point_.c_str(), MNT_DETACH);
}

std::string EmulatedHost::why_not(Transport transport) {
        if (transport == Transport::Socket)
                return "";
        if (access("/dev/fuse", R_OK | W_OK) < 0)
                return "kernel lacks FUSE";
        return geteuid() == 0 ? "" : "mounting needs root";
}

std::string EmulatedHost::channel(const std::string &node) const {
        return directory_ / node;
}

std::string EmulatedHost::directory() const {
        return directory_.path();
}

std::vector<std::string> EmulatedHost::words(std::vector<std::string> command) const {
        command.insert(command.begin(), program());
        command.insert(command.begin() + 2, "--host=" + directory_.path());
        return command;
}

ProcessResult EmulatedHost::operator()(std::vector<std::string> command,
                                       std::chrono::milliseconds limit) const {
        return run(words(std::move(command)), {}, limit);
}

std::unique_ptr<Process> EmulatedHost::begin(std::vector<std::string> command) const {
        return std::make_unique<Process>(words(std::move(command)));
}

ProcessResult EmulatedHost::play(const std::string &scenario) const {
        return (*this)(
                { "run", from_environment("HVUTILS_SOURCE_DIR") + "/tests/scenarios/" + scenario + ".hvs" });
}

bool EmulatedHost::wait_registered(std::chrono::milliseconds limit) const {
        return (*this)({ "wait-registered", "--timeout=" + std::to_string(limit.count()) + "ms" }).status ==
               0;
}

std::string EmulatedHost::status(const std::string &field) const {
        std::istringstream words((*this)({ "status" }).output);
        std::string word;

        while (words >> word)
                if (word.rfind(field + "=", 0) == 0)
                        return word.substr(field.size() + 1);
        return "";
}
