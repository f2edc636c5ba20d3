/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The services that the emulated host offers; each is one file that fills one DriverKind. */

#include "emulator/driver.h"

G_BEGIN_DECLS

extern const DriverKind driver_kvp;   /* kvp-driver.c */
extern const DriverKind driver_vss;   /* vss-driver.c */
extern const DriverKind driver_fcopy; /* fcopy-driver.c */

/* All of them, ending in NULL. */
extern const DriverKind *const driver_kinds[];

/* Index in driver_kinds of "kvp", …; -ENOENT. */
int driver_kind_find(const char *name);

G_END_DECLS
