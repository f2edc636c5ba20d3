/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Long lists on a terminal go through a pager, as systemctl's do. */

#include <glib.h>

G_BEGIN_DECLS

/* From now on stdout is a pager's input, if the terminal has fewer lines than will be printed and a pager is
 * there
 * ($HVCTL_PAGER, $PAGER, less; the empty word or "cat" means none). */
void pager_open(size_t lines);
/* Ends the output and waits for the person to leave the pager. Without an open pager: nothing. */
void pager_close(void);

G_END_DECLS
