/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/verbs.h"

static void print_option(const OptionRow *row) {
        g_autofree char *spelled = NULL;
        if (!row->name[1])
                spelled = g_strdup_printf("-%s", row->name);
        else if (row->short_name)
                spelled = g_strdup_printf("-%c, --%s%s%s", row->short_name, row->name,
                                          row->argument_name ? "=" : "", row->argument_name ?: "");
        else
                spelled = g_strdup_printf("    --%s%s%s", row->name, row->argument_name ? "=" : "",
                                          row->argument_name ?: "");
        printf("  %-24s %s\n", spelled, row->summary);
}

static void print_options(uint32_t bits) {
        for (int i = 0; i < _OPTION_MAX; i++)
                if (bits & OPTION_BIT(i))
                        print_option(&option_rows[i]);
}

static void print_verb_help(const Verb *verb) {
        g_autofree char *name = verb_full_name(verb);
        printf("hvctl %s [OPTIONS]%s%s\n\n%s.\n\nOptions:\n", name, *verb->synopsis ? " " : "",
               verb->synopsis, verb->summary);
        print_options(verb->options | VERB_COMMON_OPTIONS);
}

static const char *title_of(const char *group) {
        if (!group)
                return "Overview";
        if (strcmp(group, "kvp") == 0)
                return "Key-value pairs";
        return strcmp(group, "snapshot") == 0 ? "Snapshots" : "Files from the host";
}

static void print_all_help(void) {
        const char *group = "";
        puts("hvctl [OPTIONS] VERB …\n\nTalk to the Hyper-V host's services in this guest.");
        for (const Verb *verb = verbs; verb->name; verb++) {
                if (g_strcmp0(group, verb->group) != 0)
                        printf("\n%s:\n", title_of(verb->group));
                group = verb->group;
                g_autofree char *name = verb_full_name(verb);
                g_autofree char *line = g_strconcat(name, *verb->synopsis ? " " : "", verb->synopsis, NULL);
                printf("  %-24s %s\n", line, verb->summary);
        }
        puts("\nOptions (each verb takes some of them, hvctl VERB --help shows which):");
        print_options(OPTION_BIT(_OPTION_MAX) - 1);
        puts("\nSee hvctl(1).");
}

void verb_print_help(const Verb *verb) {
        if (verb)
                print_verb_help(verb);
        else
                print_all_help();
}
