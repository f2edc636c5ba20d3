/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs.h"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

static ExitStatus find(std::vector<const char *> words, VerbWords *ret, Failure *failure) {
        words.push_back(nullptr);
        return verb_find(const_cast<char *const *>(words.data()), ret, failure);
}

static std::string hint_for(std::vector<const char *> words) {
        g_auto(Failure) failure = {};
        VerbWords found = {};
        EXPECT_EQ(find(words, &found, &failure), EXIT_STATUS_USAGE);
        return failure.hint ? failure.hint : "";
}

TEST(Verbs, BareHvctlIsStatus) {
        g_auto(Failure) failure = {};
        VerbWords found = {};
        ASSERT_EQ(find({}, &found, &failure), EXIT_STATUS_OK);
        EXPECT_STREQ(found.verb->name, "status");
        EXPECT_EQ(found.used, 0u);
}

TEST(Verbs, AreFoundByTheirWords) {
        for (const Verb *verb = verbs; verb->name; verb++) {
                g_auto(Failure) failure = {};
                VerbWords found = {};
                std::vector<const char *> words;
                if (verb->group)
                        words.push_back(verb->group);
                words.push_back(verb->name);
                words.push_back("argument");
                ASSERT_EQ(find(words, &found, &failure), EXIT_STATUS_OK) << verb->name;
                EXPECT_EQ(found.verb, verb);
                EXPECT_EQ(found.used, words.size() - 1);
        }
}

TEST(Verbs, HaveEverythingThatHelpNeeds) {
        std::set<std::string> names;
        for (const Verb *verb = verbs; verb->name; verb++) {
                g_autofree char *name = verb_full_name(verb);
                EXPECT_TRUE(names.insert(name).second) << name << " stands twice";
                EXPECT_NE(verb->run, nullptr) << name;
                EXPECT_STRNE(verb->summary, "") << name;
                EXPECT_LE(verb->min, verb->max) << name;
                EXPECT_EQ(verb->max > 0, *verb->synopsis != '\0') << name;
                EXPECT_EQ(verb->options & VERB_COMMON_OPTIONS, 0u) << name;
        }
}

TEST(Verbs, UnknownOnesGetASuggestion) {
        EXPECT_EQ(hint_for({ "statsu" }), "did you mean 'hvctl status'?");
        EXPECT_EQ(hint_for({ "kvp", "lsit" }), "did you mean 'hvctl kvp list'?");
        EXPECT_EQ(hint_for({ "kpv", "list" }), "did you mean 'hvctl kvp'?");
        EXPECT_EQ(hint_for({ "get", "Owner" }), "did you mean 'hvctl kvp get'?");
        EXPECT_EQ(hint_for({ "nonsense" }), "hvctl --help lists the verbs");
}

TEST(Verbs, AGroupAloneNamesItsVerbs) {
        g_auto(Failure) failure = {};
        VerbWords found = {};
        EXPECT_EQ(find({ "kvp" }, &found, &failure), EXIT_STATUS_USAGE);
        EXPECT_NE(std::string(failure.cause).find("list, get, set, delete"), std::string::npos);
}

static ExitStatus check(const char *group, const char *name, uint32_t given, size_t arguments,
                        Failure *failure) {
        VerbWords found = {};
        Options options = {};
        std::vector<const char *> words;
        if (group)
                words.push_back(group);
        words.push_back(name);
        EXPECT_EQ(find(words, &found, failure), EXIT_STATUS_OK);
        options.given = given;
        return verb_check(found.verb, &options, arguments, failure);
}

TEST(Verbs, CountTheirArguments) {
        g_auto(Failure) failure = {};
        EXPECT_EQ(check("kvp", "get", 0, 0, &failure), EXIT_STATUS_USAGE);
        EXPECT_EQ(check("kvp", "get", 0, 1, &failure), EXIT_STATUS_OK);
        EXPECT_EQ(check("kvp", "get", 0, 2, &failure), EXIT_STATUS_USAGE);
        EXPECT_EQ(check("kvp", "delete", 0, 10000, &failure), EXIT_STATUS_OK);
        EXPECT_STREQ(failure.hint, "usage: hvctl kvp get [OPTIONS] KEY");
}

TEST(Verbs, RefuseOptionsThatAreNotTheirs) {
        g_auto(Failure) failure = {};
        EXPECT_EQ(check("kvp", "list", OPTION_BIT(OPTION_EXPECT), 0, &failure), EXIT_STATUS_USAGE);
        EXPECT_STREQ(failure.cause, "kvp list does not take --expect");
        EXPECT_EQ(check("kvp", "list", OPTION_BIT(OPTION_RAW) | OPTION_BIT(OPTION_BUS), 0, &failure),
                  EXIT_STATUS_OK);
}

TEST(Verbs, SnapshotTakesACommandBehindDashes) {
        g_auto(Options) options = { 0 };
        g_auto(Failure) failure = { 0 };
        const char *argv[] = {
                "hvctl", "snapshot", "freeze", "/srv", "--for=5s", "--", "tar", "-c", nullptr
        };
        ASSERT_EQ(options_parse(&options, 8, (char *const *) argv, &failure), EXIT_STATUS_OK);
        EXPECT_EQ(options.n_behind_dashes, 2u);
        EXPECT_EQ(g_strv_length(options.arguments), 5u);
        EXPECT_STREQ(options.arguments[4], "-c");
        EXPECT_EQ(options.for_usec, 5000000u);
}
