/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Offers polkit a text agent that asks for passwords on this terminal (pkttyagent --fallback: an agent of the
 * desktop comes first). Returns its pid once it is ready, or 0 if there is none. */
GPid agent_start(void);
void agent_stop(GPid agent);

G_END_DECLS
