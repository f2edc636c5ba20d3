/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/temporary-directory.hh"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <system_error>

static std::string make_directory_below(const std::string &parent, mode_t mode) {
        std::string path = parent + "/hvutils.XXXXXX";

        if (!mkdtemp(path.data()) || chmod(path.c_str(), mode) < 0)
                throw std::system_error(errno, std::generic_category(), path);
        return path;
}

TemporaryDirectory::TemporaryDirectory(mode_t mode) : TemporaryDirectory("/tmp", mode) {}

TemporaryDirectory::TemporaryDirectory(const std::string &parent, mode_t mode)
    : path_(make_directory_below(parent, mode)) {}

TemporaryDirectory::~TemporaryDirectory() {
        std::error_code ignored;

        std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string &name, const std::string &contents,
                                      mode_t mode) const {
        std::string path = *this / name;

        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path, std::ios::binary) << contents;
        if (chmod(path.c_str(), mode) < 0)
                throw std::system_error(errno, std::generic_category(), path);
        return path;
}

std::string read_file(const std::string &path) {
        std::ifstream file(path, std::ios::binary);

        EXPECT_TRUE(file) << "cannot read " << path;
        return { std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>() };
}
