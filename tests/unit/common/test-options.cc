/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/options.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <string>
#include <vector>

class Options : public testing::Test {
      protected:
        DaemonOptions options = {};
        bool flag = false;

        ~Options() override {
                daemon_options_done(&options);
        }

        int parse(std::vector<std::string> words, bool with_bus = true) {
                std::vector<char *> arguments;
                std::string program = "hvutilsd";
                gboolean given = FALSE;
                const GOptionEntry extra[] = {
                        { "thaw", 0, 0, G_OPTION_ARG_NONE, &given, "Thaw", nullptr },
                        { nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr },
                };

                arguments.push_back(program.data());
                for (std::string &word : words)
                        arguments.push_back(word.data());
                arguments.push_back(nullptr);

                int argc = static_cast<int>(arguments.size()) - 1;
                char **argv = arguments.data();
                int r = daemon_options_parse(&options, &argc, &argv, "Does a thing.", with_bus, extra);

                flag = given;
                return r;
        }
};

TEST_F(Options, HaveDefaults) {
        ASSERT_EQ(parse({}), 1);
        EXPECT_EQ(options.channel, nullptr);
        EXPECT_EQ(options.config, nullptr);
        EXPECT_EQ(options.bus, nullptr);
        EXPECT_STREQ(options.state_directory, "/var/lib/hyperv");
        EXPECT_STREQ(options.runtime_directory, "/run/hvutils");
        EXPECT_EQ(options.time_scale, 1.0);
        EXPECT_FALSE(flag);
}

TEST_F(Options, AreAllTaken) {
        ASSERT_EQ(parse({ "--channel=/c", "--config=/f", "--state-directory=/s", "--runtime-directory", "/r",
                          "--bus=none", "--time-scale=0.1", "--thaw" }),
                  1);
        EXPECT_STREQ(options.channel, "/c");
        EXPECT_STREQ(options.config, "/f");
        EXPECT_STREQ(options.state_directory, "/s");
        EXPECT_STREQ(options.runtime_directory, "/r");
        EXPECT_STREQ(options.bus, "none");
        EXPECT_EQ(options.time_scale, 0.1);
        EXPECT_TRUE(flag);
}

TEST_F(Options, AreRefusedWhenWrong) {
        for (const char *word : { "--unknown", "word", "--time-scale=0", "--time-scale=-1", "--time-scale=x",
                                  "--time-scale=inf" }) {
                testing::internal::CaptureStderr();
                EXPECT_EQ(parse({ word }), -EINVAL) << word;
                EXPECT_NE(testing::internal::GetCapturedStderr(), "") << word;
        }
        EXPECT_EQ(options.state_directory, nullptr) << "nothing is written on failure";
}

TEST_F(Options, HaveABusOnlyWhereThereIsOne) {
        testing::internal::CaptureStderr();
        EXPECT_EQ(parse({ "--bus=none" }, false), -EINVAL);
        EXPECT_NE(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Options, ExplainThemselves) {
        testing::internal::CaptureStdout();
        EXPECT_EQ(parse({ "--help" }), 0);

        std::string help = testing::internal::GetCapturedStdout();
        for (const char *word :
             { "Does a thing.", "--channel=PATH", "--bus=ADDRESS|none", "--thaw", "--version" })
                EXPECT_NE(help.find(word), std::string::npos) << word;
        EXPECT_EQ(help.find("time-scale"), std::string::npos);
}

TEST_F(Options, TellTheVersion) {
        testing::internal::CaptureStdout();
        EXPECT_EQ(parse({ "--version" }), 0);
        EXPECT_NE(testing::internal::GetCapturedStdout().find(" " HVUTILS_VERSION "\n"), std::string::npos);
}
