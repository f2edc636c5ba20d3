/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/output.h"

#include <gtest/gtest.h>
#include <string>

static const Column columns[] = {
        { "KEY", "key", CELL_TEXT, COLUMN_SHRINKS },
        { "COUNT", "count", CELL_NUMBER, 0 },
        { "OK", "ok", CELL_FLAG, 0 },
        { nullptr, "secret", CELL_TEXT, COLUMN_JSON_ONLY },
        { "SHOWN", nullptr, CELL_TEXT, COLUMN_TEXT_ONLY },
        { "MORE", "more", CELL_TEXT, COLUMN_VERBOSE },
};

static Table *sample() {
        Table *table = table_new(columns, G_N_ELEMENTS(columns));
        table_add(table, "a", (uint64_t) 1, true, "s1", "x", "m1");
        table_add(table, "b\nc \"q\" 日本", (uint64_t) 12345, false, nullptr, "y", "m2");
        return table;
}

/* What a function prints. */
template <typename F> static std::string printed(F body) {
        testing::internal::CaptureStdout();
        body();
        fflush(stdout);
        return testing::internal::GetCapturedStdout();
}

static OutputStyle style(JsonMode json) {
        OutputStyle style = {};
        style.json = json;
        style.legend = true;
        return style;
}

TEST(JsonOutput, OfATableIsAnArrayOfObjects) {
        g_autoptr(Table) table = sample();
        OutputStyle json = style(JSON_SHORT);
        EXPECT_EQ(printed([&] { output_table(&json, table); }),
                  "[{\"key\":\"a\",\"count\":1,\"ok\":true,\"secret\":\"s1\",\"more\":\"m1\"},"
                  "{\"key\":\"b\\nc \\\"q\\\" 日本\",\"count\":12345,\"ok\":false,\"secret\":null,"
                  "\"more\":\"m2\"}]\n");
}

TEST(JsonOutput, OfAnEmptyTableIsAnEmptyArray) {
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        OutputStyle json = style(JSON_SHORT);
        EXPECT_EQ(printed([&] { output_table(&json, table); }), "[]\n");
}

TEST(JsonOutput, OfARowIsOneLine) {
        g_autoptr(Table) table = sample();
        OutputStyle json = style(JSON_SHORT);
        EXPECT_EQ(printed([&] { output_row(&json, table); }),
                  "{\"key\":\"a\",\"count\":1,\"ok\":true,\"secret\":\"s1\",\"more\":\"m1\"}\n");
}

TEST(JsonOutput, OfASheetHoldsFactsTablesAndHints) {
        g_autoptr(Sheet) sheet = sheet_new();
        OutputStyle json = style(JSON_SHORT);
        sheet_add_text(sheet, "Only for people", nullptr, "x");
        sheet_add_number(sheet, "N", "n", 7);
        sheet_add_flag(sheet, nullptr, "f", true);
        sheet_add_table(sheet, "Empty", "t", table_new(columns, G_N_ELEMENTS(columns)));
        sheet_add_hint(sheet, "do %s", "this");
        EXPECT_EQ(printed([&] { output_sheet(&json, sheet); }),
                  "{\"n\":7,\"f\":true,\"t\":[],\"hints\":[\"do this\"]}\n");
}

TEST(TextOutput, OfATableHasHeadingsAndOneLineARow) {
        g_autoptr(Table) table = sample();
        OutputStyle text = style(JSON_OFF);
        setlocale(LC_ALL, "C.UTF-8");
        EXPECT_EQ(printed([&] { output_table(&text, table); }), "KEY            COUNT  OK   SHOWN\n"
                                                                "a                  1  yes  x\n"
                                                                "b\\nc \"q\" 日本  12345  no   y\n");
}

TEST(TextOutput, LeavesHeadingsOutOnRequest) {
        g_autoptr(Table) table = sample();
        OutputStyle text = style(JSON_OFF);
        text.legend = false;
        EXPECT_EQ(printed([&] { output_table(&text, table); }).find("KEY"), std::string::npos);
}

TEST(TextOutput, ShowsMoreWhenAsked) {
        g_autoptr(Table) table = sample();
        OutputStyle text = style(JSON_OFF);
        text.verbose = true;
        EXPECT_NE(printed([&] { output_table(&text, table); }).find("m1"), std::string::npos);
}

TEST(TextOutput, CutsLongTextsOnlyOnATerminal) {
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        std::string key(300, 'k');
        table_add(table, key.c_str(), (uint64_t) 1, true, "", "x", "");
        OutputStyle text = style(JSON_OFF);
        EXPECT_NE(printed([&] { output_table(&text, table); }).find(key), std::string::npos);

        text.terminal = true;
        text.width = 40;
        std::string cut = printed([&] { output_table(&text, table); });
        EXPECT_EQ(cut.find(key), std::string::npos);
        for (size_t start = 0; start < cut.size(); start = cut.find('\n', start) + 1)
                EXPECT_LE(g_utf8_strlen(cut.c_str() + start, (gssize) (cut.find('\n', start) - start)), 40);
}

TEST(TextOutput, OfASheetAlignsItsLabels) {
        g_autoptr(Sheet) sheet = sheet_new();
        OutputStyle text = style(JSON_OFF);
        sheet_add_text(sheet, "Service", "service", "running");
        sheet_add_flag(sheet, "Hyper-V guest", "hyperv", true);
        sheet_add_text(sheet, nullptr, "only_json", "x");
        sheet_add_hint(sheet, "do this");
        EXPECT_EQ(printed([&] { output_sheet(&text, sheet); }), "      Service: running\n"
                                                                "Hyper-V guest: yes\n"
                                                                "\n"
                                                                "Hint: do this\n");
}
