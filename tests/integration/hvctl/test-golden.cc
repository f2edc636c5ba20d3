/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What people and programs see, compared with tests/golden/hvctl/NAME.txt: exit status, stdout, stderr. To
 * look at a change and accept it: HVCTL_GOLDEN=write meson test hvctl-offline, then git diff.
 */

#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/integration/hvctl/hvctl.hh"

struct GoldenRow {
        const char *name;
        std::vector<std::string> arguments;
        bool image = true; /* with --root */
};

static const GoldenRow golden_rows[] = {
        { "help", { "--help" }, false },
        { "help-verb", { "kvp", "set", "--help" }, false },
        { "list", { "kvp", "list" } },
        { "list-glob", { "kvp", "list", "Host*" } },
        { "list-pool", { "kvp", "list", "--pool=guest", "--no-legend" } },
        { "list-raw", { "kvp", "list", "--raw" } },
        { "list-json", { "kvp", "list", "--json=pretty" } },
        { "list-json-short", { "kvp", "list", "--json=short", "O*" } },
        { "list-json-none", { "kvp", "list", "--json=short", "nothing" } },
        { "get", { "kvp", "get", "Odd" } },
        { "get-json", { "kvp", "get", "--json=short", "Odd" } },
        { "get-missing", { "kvp", "get", "nothing" } },
        { "get-missing-in-pool", { "kvp", "get", "-p", "host", "nothing" } },
        { "set-too-long", { "kvp", "set", "Owner", std::string(1400, 'v') } },
        { "set-read-only", { "kvp", "set", "-p", "auto", "Owner", "me" } },
        { "set-exists", { "kvp", "set", "--create-only", "Owner", "me" } },
        { "set-expect", { "kvp", "set", "--expect=you", "Owner", "me" } },
        { "set-json", { "kvp", "set", "--json=short", "Owner", "me" } },
        { "export", { "kvp", "export" } },
        { "unknown-verb", { "kvp", "lst" }, false },
        { "unknown-group", { "kpv", "list" }, false },
        { "unknown-option", { "kvp", "list", "--pol=guest" }, false },
        { "wrong-option", { "kvp", "list", "--expect=x" }, false },
        { "wrong-pool", { "kvp", "list", "--pool=gust" }, false },
        { "missing-argument", { "kvp", "get" }, false },
        { "no-bus", { "kvp", "get", "Owner" }, false },
};

class Golden : public testing::TestWithParam<GoldenRow> {};

static void fill(const Image &image) {
        image.put(0, record("Owner", "the host") + record("Odd", "two\nlines\tand \033[31mred"));
        image.put(1, record("Owner", "somebody") + record("Report", "日本 done") + record("Owner", "me"));
        image.put(3, record("HostName", "hv1") + record("HostingSystemOsMajor", "10"));
}

TEST_P(Golden, IsWhatWasAgreed) {
        Image image;
        fill(image);
        auto arguments = GetParam().arguments;
        if (GetParam().image)
                arguments.insert(arguments.begin(), "--root=" + image.root());
        auto result = hvctl(arguments);
        std::string seen = "status " + std::to_string(result.status) + "\n--- stdout\n" + result.output +
                           "--- stderr\n" + result.errors;

        auto path =
                std::string(getenv("HVUTILS_SOURCE_DIR")) + "/tests/golden/hvctl/" + GetParam().name + ".txt";
        if (getenv("HVCTL_GOLDEN"))
                std::ofstream(path) << seen;
        EXPECT_EQ(seen, read_file(path));
}

INSTANTIATE_TEST_SUITE_P(Hvctl, Golden, testing::ValuesIn(golden_rows), [](const auto &row) {
        std::string name = row.param.name;
        for (auto &c : name)
                if (c == '-')
                        c = '_';
        return name;
});
