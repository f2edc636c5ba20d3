/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Furniture of common/log: where entries go, without ever waiting for whoever reads them.
 *
 * The journal is reached by one unconnected datagram socket, so that a restart of journald needs no care. On
 * stderr a pipe or a terminal is opened once more, because O_NONBLOCK belongs to the open file and others
 * share ours; where that is refused, a line is only written when poll() sees room for it.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/log-record.h"

G_BEGIN_DECLS

void log_sink_open(void);
void log_sink_close(void);

/* Is there a journal to talk to, and is stderr connected to it ($JOURNAL_STREAM)? */
bool log_sink_has_journal(void);
bool log_sink_stderr_is_journal(void);

void log_sink_write(const LogRecord *record, bool to_journal);
uint64_t log_sink_dropped(void);

/* See log_hold() in common/log.h. */
int log_sink_hold(void);
bool log_sink_is_held(void);
void log_sink_release(void);

G_END_DECLS
