/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * RUNTIME/kvp/injection-GUID: a request that is under way or late; RUNTIME/kvp/injected-GUID: the one that was applied
 * last. Each holds the host's message as it came, and is read through the same door as that. They outlive hvutilsd, not a
 * reboot.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/ip.h"

G_BEGIN_DECLS

typedef struct InjectionFile {
        bool applied;
        uint64_t received_usec; /* CLOCK_REALTIME */
        IpSettings settings;
        uint8_t message[KVP_MESSAGE_SIZE];
} InjectionFile;

int injection_file_keep(const char *directory, const char *guid, const uint8_t message[KVP_MESSAGE_SIZE]);
/* It is over; applied: it becomes the one that was applied last. */
void injection_file_finish(const char *directory, const char *guid, bool applied);
/* Both of them. */
void injection_file_forget(const char *directory, const char *guid);

/* Visits all that are there, the applied ones first; what is no injection is removed. */
typedef void (*InjectionFileVisit)(const InjectionFile *file, void *userdata);
void injection_file_visit(const char *directory, InjectionFileVisit visit, void *userdata);

G_END_DECLS
