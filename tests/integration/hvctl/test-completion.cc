/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The engine behind shell completion, and bash's own file on top of it. */

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/integration/hvctl/hvctl.hh"

/* Completes the last word. */
static ProcessResult complete(std::vector<std::string> words) {
        std::vector<std::string> arguments = { "--complete-args", std::to_string(words.size()), "hvctl" };
        arguments.insert(arguments.end(), words.begin(), words.end());
        return hvctl(arguments);
}

TEST(Completion, OffersVerbsAndGroups) {
        EXPECT_EQ(complete({ "" }).output, "status\nmonitor\nkvp\ntransfer\nsnapshot\n");
        EXPECT_EQ(complete({ "s" }).output, "status\nsnapshot\n");
        EXPECT_EQ(complete({ "kvp", "w" }).output, "wait\nwatch\n");
        EXPECT_EQ(complete({ "nonsense", "" }).output, "");
}

TEST(Completion, OffersTheOptionsOfTheVerb) {
        EXPECT_EQ(complete({ "kvp", "set", "--e" }).output, "--expect=\n");
        EXPECT_EQ(complete({ "kvp", "list", "--e" }).output, "");
        EXPECT_EQ(complete({ "--vers" }).output, "--version\n");
}

TEST(Completion, OffersWhatAnOptionTakes) {
        EXPECT_EQ(complete({ "kvp", "list", "--pool", "auto_" }).output, "auto_external\nauto_internal\n");
        EXPECT_EQ(complete({ "kvp", "list", "--json=s" }).output, "short\n");
        EXPECT_EQ(complete({ "kvp", "list", "-p", "h" }).output, "host\n");
        EXPECT_EQ(complete({ "kvp", "set", "--file", "" }).status, 65);
        EXPECT_EQ(complete({ "kvp", "import", "" }).status, 65);
}

TEST(Completion, OffersLiveKeys) {
        Image image;
        image.put(0, record("FromHost", "1"));
        image.put(1, record("Owner", "me") + record("Other key", "x") + record("odd\nkey", "x"));
        auto root = "--root=" + image.root();
        EXPECT_EQ(complete({ root, "kvp", "get", "" }).output, "FromHost\nOwner\nOther key\n");
        EXPECT_EQ(complete({ root, "kvp", "set", "" }).output, "Owner\nOther key\n");
        EXPECT_EQ(complete({ root, "kvp", "delete", "Owner", "Ot" }).output, "Other key\n");
        EXPECT_EQ(complete({ root, "kvp", "get", "-p", "external", "" }).output, "FromHost\n");
        EXPECT_EQ(complete({ root, "kvp", "set", "Owner", "" }).output, "");
}

TEST(Completion, IsQuietWithoutABus) {
        auto result = complete({ "kvp", "get", "" });
        EXPECT_EQ(result.output + result.errors, "");
        EXPECT_EQ(result.status, 0);
}

TEST(Completion, WithoutWordsIsAMistake) {
        EXPECT_EQ(hvctl({ "--complete-args" }).status, 2);
        EXPECT_EQ(hvctl({ "--complete-args", "x" }).status, 2);
}

/* What bash would put on the line, candidates separated by newlines. */
static std::string in_bash(const std::string &words, int index) {
        std::string script = "source \"$HVUTILS_SOURCE_DIR/data/completions/hvctl.bash\"; COMP_WORDS=(" +
                             words + "); COMP_CWORD=" + std::to_string(index) +
                             "; COMP_LINE=\"${COMP_WORDS[*]}\"; COMP_POINT=${#COMP_LINE}; _hvctl hvctl; "
                             "printf '%s\\n' \"${COMPREPLY[@]}\"";
        Process::Options options;
        std::string build = getenv("HVUTILS_BUILD_DIR");
        options.environment = { { "PATH", build + "/cli:" + getenv("PATH") },
                                { "DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus" } };
        auto result = run({ "bash", "-c", script }, options);
        EXPECT_EQ(result.errors, "");
        return result.output;
}

TEST(BashCompletion, OffersVerbs) {
        EXPECT_EQ(in_bash("hvctl kvp w", 2), "wait\nwatch\n");
}

TEST(BashCompletion, SplitsAtTheEqualsSign) {
        EXPECT_EQ(in_bash("hvctl kvp list --json = s", 5), "short\n");
}

TEST(BashCompletion, QuotesKeysWithBlanks) {
        Image image;
        image.put(1, record("Other key", "x"));
        EXPECT_EQ(in_bash("hvctl --root " + image.root() + " kvp get O", 5), "Other\\ key\n");
}
