/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/snapshot/hooks.h"

G_BEGIN_DECLS

/* Serves this one connection in a loop of its own until it is over; takes fd. For the forked child. */
int hooks_serve_connection(const HooksSetup *setup, int fd);

G_END_DECLS
