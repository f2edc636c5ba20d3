/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string>
#include <sys/types.h>

/* A directory of a test's own with a short path (sockets live there), gone with all that is in it when the
 * object goes. */
class TemporaryDirectory {
      public:
        explicit TemporaryDirectory(mode_t mode = 0755);
        explicit TemporaryDirectory(const std::string &parent, mode_t mode = 0755);
        ~TemporaryDirectory();
        TemporaryDirectory(const TemporaryDirectory &) = delete;
        TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

        const std::string &path() const {
                return path_;
        }

        /* The path of something in it: directory / "socket". */
        std::string operator/(const std::string &name) const {
                return path_ + "/" + name;
        }

        /* Makes a file in it (and the directories on the way) and returns its path. */
        std::string write(const std::string &name, const std::string &contents, mode_t mode = 0644) const;

      private:
        std::string path_;
};

/* The whole of a file; a test failure and "" if it cannot be read. */
std::string read_file(const std::string &path);
