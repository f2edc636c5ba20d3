/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"

/* The real hvctl, with an environment that is the same everywhere. */
inline std::string hvctl_path() {
        return std::string(getenv("HVUTILS_BUILD_DIR")) + "/cli/hvctl";
}

inline ProcessResult hvctl(std::vector<std::string> arguments, const std::string &input = {},
                           std::map<std::string, std::string> environment = {}) {
        arguments.insert(arguments.begin(), hvctl_path());
        environment.insert({ "LC_ALL", "C.UTF-8" });
        environment.insert({ "DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus" });
        Process::Options options;
        options.environment = environment;
        options.input = input;
        return run(arguments, options);
}

/* A root directory with pool files, as an image builder has it. */
class Image {
      public:
        std::string root() const {
                return directory_.path();
        }
        std::string file(int pool) const {
                return directory_ / ("var/lib/hyperv/.kvp_pool_" + std::to_string(pool));
        }
        void put(int pool, const std::string &contents, mode_t mode = 0644) const {
                directory_.write("var/lib/hyperv/.kvp_pool_" + std::to_string(pool), contents, mode);
        }
        std::string content(int pool) const {
                return read_file(file(pool));
        }
        ProcessResult kvp(std::vector<std::string> arguments, const std::string &input = {}) const {
                arguments.insert(arguments.begin(), { "--root=" + root(), "kvp" });
                return hvctl(arguments, input);
        }

      private:
        TemporaryDirectory directory_;
};

/* A record as it stands in a file. */
inline std::string record(const std::string &key, const std::string &value) {
        std::string text(2560, '\0');
        text.replace(0, key.size(), key);
        text.replace(512, value.size(), value);
        return text;
}
