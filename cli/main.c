/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hvctl: words → verb → its file. Everything that ends the process ends here. */

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/complete.h"
#include "cli/pager.h"
#include "cli/verbs.h"

static ExitStatus complain_about_words(const Failure *failure) {
        return complain_usage(failure->hint, "%s", failure->cause);
}

static ExitStatus run_verb(Options *options) {
        g_auto(Failure) failure = { 0 };
        VerbWords found;

        if (verb_find(options->arguments, &found, &failure))
                return complain_about_words(&failure);
        if (options_given(options, OPTION_HELP)) {
                verb_print_help(found.used ? found.verb : NULL);
                return EXIT_STATUS_OK;
        }

        char **all = options->arguments;
        options->arguments = g_strdupv(all + found.used);
        g_strfreev(all);
        if (verb_check(found.verb, options, g_strv_length(options->arguments), &failure))
                return complain_about_words(&failure);
        return found.verb->run(options);
}

static ExitStatus run(int argc, char **argv) {
        g_auto(Options) options = { 0 };
        g_auto(Failure) failure = { 0 };

        if (argc > 1 && strcmp(argv[1], "--complete-args") == 0)
                return complete_args(argc - 2, argv + 2);
        if (options_parse(&options, argc, argv, &failure)) {
                failure_set_hint(&failure, "hvctl --help lists verbs and options");
                return complain_about_words(&failure);
        }
        if (options_given(&options, OPTION_VERSION)) {
                puts("hvctl " HVUTILS_VERSION);
                return EXIT_STATUS_OK;
        }
        return run_verb(&options);
}

/* A full disk behind `hvctl … > file` must not pass for success. */
static ExitStatus close_output(ExitStatus status) {
        bool failed = fflush(stdout) != 0 || ferror(stdout);
        pager_close();
        if (failed && status == EXIT_STATUS_OK) {
                fprintf(stderr, "hvctl: cannot write the output: %m\n");
                return EXIT_STATUS_ERROR;
        }
        return status;
}

int main(int argc, char **argv) {
        setlocale(LC_ALL, "");
        return close_output(run(argc, argv));
}
