/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/stat.h>

/* A directory of a test's own, with a short path (sockets live there), gone with all that is in it
 * afterwards. */
class TemporaryDirectory {
      public:
        explicit TemporaryDirectory(mode_t mode = 0755) {
                char name[] = "/tmp/hvutils.XXXXXX";
                if (!mkdtemp(name) || chmod(name, mode) < 0) {
                        perror("temporary directory");
                        abort();
                }
                path_ = name;
        }

        ~TemporaryDirectory() {
                std::error_code ignored;
                std::filesystem::remove_all(path_, ignored);
        }

        TemporaryDirectory(const TemporaryDirectory &) = delete;
        TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

        const std::string &path() const {
                return path_;
        }

        std::string operator/(const std::string &name) const {
                return path_ + "/" + name;
        }

      private:
        std::string path_;
};
