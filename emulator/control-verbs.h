/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs of the control socket that belong to one service; a file each. */

#include "emulator/control.h"

G_BEGIN_DECLS

void control_kvp(Session *session, char **arguments);
void control_ip(Session *session, char **arguments);

G_END_DECLS
