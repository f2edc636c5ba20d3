/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The engine behind shell completion: `hvctl --complete-args INDEX WORD…` prints, a line each, what could
 * stand at WORD number INDEX (0 is hvctl itself). Exit status 65: complete the name of a file instead. The
 * shells' files are thin.
 */

#include <glib.h>

#include "cli/complain.h"

G_BEGIN_DECLS

ExitStatus complete_args(int argc, char *const *argv);

G_END_DECLS
