/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One injection through networkd, which knows files only:
 *
 *   the old file aside, the new one in its place  ->  Reload  ->  the kernel has the addresses, networkd says "configured"
 *        |                                                             |  the old file goes: the point of no return
 *        v any failure                                                 v
 *   the old file back, Reload, wait for the old addresses            answer
 *
 * networkd ignores a line that it does not understand and Reload succeeds all the same; the text is made of checked
 * values, and the kernel is asked what came of it.
 */

#include <systemd/sd-bus.h>

#include "configurators/address-settings.h"

G_BEGIN_DECLS

typedef struct Apply Apply;

/* error: NULL is success, else a name of common/names.h with its sentence. The object may be freed in the function. */
typedef void (*ApplyDone)(Apply *apply, const char *error, const char *sentence, void *userdata);

/* settings is taken. */
Apply *apply_new(sd_bus *bus, const char *interface, AddressSettings *settings, uint64_t timeout_usec,
                 ApplyDone done, void *userdata);
Apply *apply_free(Apply *apply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Apply, apply_free)

/* done is always called from the event loop or from apply_cancel(), never from here. */
void apply_start(Apply *apply);
void apply_cancel(Apply *apply, const char *sentence);
const char *apply_interface(const Apply *apply);

G_END_DECLS
