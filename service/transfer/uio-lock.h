/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who owns the rings: the kernel lets anybody open them. */

/* A descriptor that holds the lock until it is closed; -EBUSY: another process has it. */
int uio_lock_take(const char *path);
