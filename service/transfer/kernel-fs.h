/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* File systems in which a file is not a file but a wish to the kernel. */

#include <glib.h>

G_BEGIN_DECLS

/* 1 if the open directory lies on one, 0 if not, negative errno. */
int kernel_fs_contains(int fd);

G_END_DECLS
