/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page says everything that the tables hold. */

#include <gtest/gtest.h>
#include <string>

#include "cli/options.h"
#include "cli/verbs.h"
#include "tests/support/temporary-directory.hh"

class Manual : public testing::Test {
      protected:
        std::string page = read_file(std::string(getenv("HVUTILS_SOURCE_DIR")) + "/docs/man/hvctl.1.scd");

        bool says(const std::string &text) const {
                return page.find(text) != std::string::npos;
        }
};

TEST_F(Manual, ExplainsEveryVerb) {
        for (const Verb *verb = verbs; verb->name; verb++) {
                g_autofree char *name = verb_full_name(verb);
                EXPECT_TRUE(says("\n*" + std::string(name))) << name;
        }
}

TEST_F(Manual, ExplainsEveryOption) {
        for (const auto &row : option_rows) {
                std::string dashes = row.name[1] ? "--" : "-", equals = row.argument_name ? "=*" : "*";
                EXPECT_TRUE(says("*" + dashes + row.name + equals)) << row.name;
        }
}

TEST_F(Manual, ExplainsEveryExitStatus) {
        for (int status = EXIT_STATUS_OK; status <= EXIT_STATUS_FROZEN; status++)
                EXPECT_TRUE(says("*" + std::to_string(status) + "*\n:")) << status;
}
